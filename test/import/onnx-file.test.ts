import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/graph/graph.ts";
import { floats, onnxModel, singleOperator, type TensorSpec } from "../helpers/onnx-builder.ts";
import { open, refusal } from "./onnx-open.ts";

/** The constant operand of Add after import. */
function constantOf(spec: TensorSpec): Tensor {
  const graph = open(singleOperator("Add", [1], { constants: [{ ...spec, name: "c" }] }));
  return graph.nodes[0].inputs[1]!;
}

const rawOf = (array: { buffer: ArrayBufferLike }): Uint8Array => new Uint8Array(array.buffer);

describe("tensor data", () => {
  it.each<[string, TensorSpec, number[]]>([
    ["float, typed", { dims: [3], type: "float", floats: [1.5, -2, 3] }, [1.5, -2, 3]],
    [
      "float, raw",
      { dims: [2], type: "float", raw: rawOf(Float32Array.of(0.1, -0)) },
      [Math.fround(0.1), -0],
    ],
    ["double, typed", { dims: [2], type: "double", doubles: [0.1, 1e300] }, [Math.fround(0.1), Infinity]],
    ["double, raw", { dims: [1], type: "double", raw: rawOf(Float64Array.of(0.1)) }, [Math.fround(0.1)]],
    [
      "float16, raw",
      { dims: [6], type: "float16", raw: rawOf(Uint16Array.of(0x3c00, 0xc000, 1, 0x7c00, 0x8000, 0x3555)) },
      [1, -2, 2 ** -24, Infinity, -0, 0.333251953125],
    ],
    ["float16, typed", { dims: [1], type: "float16", int32s: [0x3800] }, [0.5]],
  ])("decodes %s", (_, spec, expected) => {
    const { dtype, shape, data } = constantOf(spec);
    expect(dtype).toBe("float32");
    expect(shape).toEqual(spec.dims);
    expect(Array.from(data as Float32Array)).toEqual(expected);
  });

  it("decodes integers where an operator takes them", () => {
    const indices: TensorSpec[] = [
      { name: "i", dims: [2], type: "int32", int32s: [1, 0] },
      { name: "i", dims: [2], type: "int32", raw: rawOf(Int32Array.of(1, 0)) },
      { name: "i", dims: [2], type: "int64", int64s: [1, 0] },
      { name: "i", dims: [2], type: "int64", raw: rawOf(BigInt64Array.of(1n, 0n)) },
    ];
    for (const i of indices) {
      const graph = open(
        onnxModel({
          nodes: [
            { op: "Gather", inputs: ["c", "i"], outputs: ["g"] },
            { op: "Add", inputs: ["x", "g"], outputs: ["y"] },
          ],
          inputs: [{ name: "x", shape: [2] }],
          outputs: [{ name: "y" }],
          initializers: [floats("c", [2], [5, 6]), i],
        }),
      );
      expect(Array.from(graph.nodes[0].inputs[1]!.data as Float32Array)).toEqual([6, 5]);
    }
  });

  it("copies raw data out of a Buffer that holds more than the model", () => {
    const bytes = singleOperator("Add", [1], {
      constants: [{ name: "c", dims: [1], type: "float", raw: rawOf(Float32Array.of(7)) }],
    });
    for (const offset of [0, 1, 2, 3]) {
      const buffer = Buffer.concat([Buffer.alloc(offset), bytes, Buffer.alloc(5)]);
      const { data } = open(buffer.subarray(offset, offset + bytes.length)).nodes[0].inputs[1]!;
      expect(Array.from(data as Float32Array)).toEqual([7]);
      expect(data!.buffer.byteLength).toBe(4);
    }
  });

  it.each<[string, TensorSpec, RegExp]>([
    [
      "too few raw bytes",
      { dims: [2], type: "float", raw: new Uint8Array(7) },
      /expected 8 bytes of raw data, found 7/,
    ],
    ["too few values", { dims: [3], type: "float", floats: [1] }, /expected 3 elements, found 1/],
    ["a huge shape", { dims: [2 ** 31, 2 ** 31], type: "float", floats: [1] }, /at most 268435456 elements/],
    ["a negative dimension", { dims: [-1], type: "float", floats: [1] }, /dimensions of 0 or more/],
  ])("refuses %s", (_, spec, message) => {
    const error = refusal(() => constantOf(spec));
    expect(error.code).toBe("bad-file");
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^model\.onnx: tensor "c": /);
  });

  it("refuses external data and types without a place in the graph", () => {
    const external = refusal(() => constantOf({ dims: [1], type: "float", external: true }));
    expect(external.code).toBe("unsupported");
    expect(external.message).toMatch(/tensor "c" keeps its data in another file/);
    const strings = refusal(() => constantOf({ dims: [1], type: "string" }));
    expect(strings.code).toBe("unsupported");
    expect(strings.message).toMatch(/found string/);
  });
});

describe("damaged files", () => {
  it("are no ONNX where nothing of a model is found", () => {
    const bytes = singleOperator("Relu", [1]);
    expect(refusal(() => open(bytes.subarray(0, bytes.length - 20))).code).toBe("bad-file");
    expect(refusal(() => open(new Uint8Array())).code).toBe("bad-file");
    expect(refusal(() => open(new TextEncoder().encode("not a model at all"))).code).toBe("bad-file");
  });
});

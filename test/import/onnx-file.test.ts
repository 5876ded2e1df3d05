import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { floats, ints, onnxModel, singleOperator, type TensorSpec } from "../helpers/onnx-builder.ts";
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
  const bytes = onnxModel({
    nodes: [
      {
        op: "Conv",
        name: "conv",
        inputs: ["x", "w", "b"],
        outputs: ["a"],
        attributes: { pads: [1, 1, 1, 1], strides: [2, 2] },
      },
      { op: "Relu", inputs: ["a"], outputs: ["r"] },
      { op: "MaxPool", inputs: ["r"], outputs: ["p"], attributes: { kernel_shape: [2, 2] } },
      { op: "Shape", inputs: ["p"], outputs: ["s"] },
      { op: "Slice", inputs: ["s", "zero", "one"], outputs: ["n"] },
      { op: "Concat", inputs: ["n", "open"], outputs: ["shape"], attributes: { axis: 0 } },
      { op: "Reshape", inputs: ["p", "shape"], outputs: ["f"] },
      {
        op: "Gemm",
        inputs: ["f", "g", "h"],
        outputs: ["z"],
        attributes: { alpha: { float: 0.5 }, transB: 1 },
      },
      { op: "Softmax", inputs: ["z"], outputs: ["y"] },
    ],
    inputs: [{ name: "x", shape: ["N", 2, 6, 6] }],
    outputs: [{ name: "y" }],
    initializers: [
      floats("w", [2, 2, 3, 3]),
      { name: "b", dims: [2], type: "float", raw: rawOf(Float32Array.of(1, 2)) },
      ints("zero", [0]),
      ints("one", [1]),
      ints("open", [-1]),
      floats("g", [3, 8]),
      floats("h", [3]),
    ],
  });

  /** A graph that is consistent enough to be optimized, or a NibbleError; anything else fails the test. */
  function attempt(damaged: Uint8Array): boolean {
    try {
      optimize(open(damaged));
      return true;
    } catch (error) {
      if (!(error instanceof NibbleError)) throw error;
      return false;
    }
  }

  it("is a model before it is damaged", () => {
    expect(attempt(bytes)).toBe(true);
  });

  it("refuses every truncation", () => {
    for (let length = 0; length < bytes.length; length++) attempt(bytes.subarray(0, length));
    expect(refusal(() => open(bytes.subarray(0, 100))).code).toBe("bad-file");
    expect(refusal(() => open(new Uint8Array())).code).toBe("bad-file");
    expect(refusal(() => open(new TextEncoder().encode("not a model at all"))).code).toBe("bad-file");
  });

  it("survives 2,000 seeded mutations", () => {
    let state = 1;
    const random = (n: number) => {
      state = (Math.imul(1664525, state) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    };
    const interesting = [0, 1, 0x7f, 0x80, 0xff];
    let survivors = 0;
    for (let run = 0; run < 2000; run++) {
      const damaged = bytes.slice();
      for (let n = random(3); n >= 0; n--) {
        const at = random(damaged.length);
        damaged[at] = random(2) ? random(256) : interesting[random(interesting.length)];
      }
      if (attempt(damaged)) survivors++;
    }
    expect(survivors).toBeGreaterThan(100);
    expect(survivors).toBeLessThan(1900);
  }, 60_000);
});

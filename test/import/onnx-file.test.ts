import { describe, expect, it } from "vitest";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { floats, ints, onnxModel, singleOperator, type TensorSpec } from "../helpers/onnx-builder.ts";

const open = (bytes: Uint8Array, inputShapes: Record<string, number[]> = {}): Graph =>
  importOnnx(bytes, { file: "model.onnx", inputShapes });

function refusal(run: () => unknown): NibbleError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(NibbleError);
    return error as NibbleError;
  }
  throw new Error("expected a refusal");
}

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

describe("constant folding", () => {
  it("resolves the Shape → Gather → Unsqueeze → Concat → Reshape chain of PyTorch", () => {
    const graph = open(
      onnxModel({
        nodes: [
          { op: "Shape", inputs: ["x"], outputs: ["s"] },
          {
            op: "Constant",
            outputs: ["zero"],
            attributes: { value: { tensor: { dims: [], type: "int64", int64s: [0] } } },
          },
          { op: "Gather", inputs: ["s", "zero"], outputs: ["n"], attributes: { axis: 0 } },
          { op: "Unsqueeze", inputs: ["n", "axes"], outputs: ["n1"] },
          { op: "Concat", inputs: ["n1", "rest"], outputs: ["shape"], attributes: { axis: 0 } },
          { op: "Reshape", inputs: ["x", "shape"], outputs: ["y"] },
        ],
        inputs: [{ name: "x", shape: ["batch", 3, 4] }],
        outputs: [{ name: "y" }],
        initializers: [ints("axes", [0]), ints("rest", [-1])],
      }),
    );
    expect(graph.nodes.map((node) => node.op)).toEqual(["reshape"]);
    expect(graph.outputs[0].shape).toEqual([1, 12]);
  });

  it("resolves the pads that PyTorch computes", () => {
    const graph = open(
      onnxModel({
        nodes: [
          {
            op: "ConstantOfShape",
            inputs: ["four"],
            outputs: ["zeros"],
            attributes: { value: { tensor: { dims: [1], type: "int64", int64s: [0] } } },
          },
          { op: "Concat", inputs: ["torch", "zeros"], outputs: ["all"], attributes: { axis: 0 } },
          { op: "Reshape", inputs: ["all", "pairs"], outputs: ["matrix"] },
          { op: "Slice", inputs: ["matrix", "last", "before", "axis", "back"], outputs: ["reversed"] },
          { op: "Transpose", inputs: ["reversed"], outputs: ["turned"], attributes: { perm: [1, 0] } },
          { op: "Reshape", inputs: ["turned", "flat"], outputs: ["listed"] },
          { op: "Cast", inputs: ["listed"], outputs: ["pads"], attributes: { to: 7 } },
          { op: "Pad", inputs: ["x", "pads"], outputs: ["y"] },
        ],
        inputs: [{ name: "x", shape: [1, 1, 5, 5] }],
        outputs: [{ name: "y" }],
        initializers: [
          ints("four", [4]),
          ints("torch", [1, 2, 3, 4]),
          ints("pairs", [-1, 2]),
          ints("last", [-1]),
          { name: "before", dims: [1], type: "int64", int64s: [-(2n ** 63n) + 1n] },
          ints("axis", [0]),
          ints("back", [-1]),
          ints("flat", [-1]),
        ],
      }),
    );
    // torch lists (left, right, top, bottom); ONNX wants all begins, then all ends.
    expect(graph.nodes[0].attributes).toEqual({ before: [0, 0, 3, 1], after: [0, 0, 4, 2], value: 0 });
  });

  it("computes with shapes in 64-bit integers", () => {
    const graph = open(
      onnxModel({
        nodes: [
          { op: "Shape", inputs: ["x"], outputs: ["s"], attributes: { start: 1 } },
          { op: "ReduceProd", inputs: ["s"], outputs: ["p"], attributes: { axes: [0], keepdims: 1 } },
          { op: "Mul", inputs: ["p", "two"], outputs: ["m"] },
          { op: "Div", inputs: ["m", "four"], outputs: ["d"] },
          { op: "Concat", inputs: ["d", "open"], outputs: ["shape"], attributes: { axis: 0 } },
          { op: "Reshape", inputs: ["x", "shape"], outputs: ["y"] },
        ],
        inputs: [{ name: "x", shape: [2, 3, 4] }],
        outputs: [{ name: "y" }],
        initializers: [ints("two", [2]), ints("four", [4]), ints("open", [-1])],
        opset: 15,
      }),
    );
    expect(graph.outputs[0].shape).toEqual([6, 4]);
  });
});

describe("inputs", () => {
  const relu = (shape?: (number | string)[]) =>
    onnxModel({
      nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }],
      inputs: [shape ? { name: "x", shape } : { name: "x" }],
      outputs: [{ name: "y" }],
    });

  it("takes an open first dimension as a batch of 1", () => {
    expect(open(relu(["N", 3])).inputs[0].shape).toEqual([1, 3]);
    expect(open(relu([-1, 3])).inputs[0].shape).toEqual([1, 3]);
    expect(open(relu(["N", 3]), { x: [4, 3] }).outputs[0].shape).toEqual([4, 3]);
  });

  it("asks for other open dimensions by name", () => {
    const error = refusal(() => open(relu(["N", "samples"])));
    expect(error.code).toBe("unsupported");
    expect(error.message).toMatch(/input "x": dimension 1 \("samples"\).*inputShapes: \{ "x": \[1, \?\] \}/);
    expect(open(relu(["N", "samples"]), { x: [1, 160] }).inputs[0].shape).toEqual([1, 160]);
    expect(refusal(() => open(relu())).message).toMatch(/its shape is not in the file/);
    expect(open(relu(), { x: [5] }).inputs[0].shape).toEqual([5]);
  });

  it("refuses shapes that do not fit", () => {
    for (const shape of [[1, 4], [1], [1, 3, 1], [0, 3], [1.5, 3]]) {
      const error = refusal(() => open(relu(["N", 3]), { x: shape }));
      expect(error.code).toBe("bad-input");
      expect(error.message).toMatch(/expected a shape that fits \[N, 3\]/);
    }
    expect(refusal(() => open(relu([1, 3]), { z: [1, 3] })).message).toMatch(/"z", which is no input/);
  });
});

describe("order", () => {
  const chain = (nodes: [string, string][]) =>
    onnxModel({
      nodes: nodes.map(([from, to]) => ({ op: "Relu", name: to, inputs: [from], outputs: [to] })),
      inputs: [{ name: "x", shape: [2] }],
      outputs: [{ name: "y" }],
    });

  it("sorts nodes that stand before what they read", () => {
    const graph = open(
      chain([
        ["b", "y"],
        ["a", "b"],
        ["x", "a"],
      ]),
    );
    expect(graph.nodes.map((node) => node.name)).toEqual(["a", "b", "y"]);
  });

  it("refuses cycles, values made twice and values nobody makes", () => {
    expect(
      refusal(() =>
        open(
          chain([
            ["b", "a"],
            ["a", "b"],
            ["b", "y"],
          ]),
        ),
      ).message,
    ).toMatch(/without a cycle/);
    expect(
      refusal(() =>
        open(
          chain([
            ["x", "y"],
            ["x", "y"],
          ]),
        ),
      ).message,
    ).toMatch(/only producer of "y"/);
    expect(refusal(() => open(chain([["z", "y"]]))).message).toMatch(/found no value "z"/);
    expect(refusal(() => open(chain([["x", "a"]]))).message).toMatch(/output "y": expected a value/);
  });
});

describe("refusals", () => {
  it("lists all that is not supported in one error", () => {
    const error = refusal(() =>
      open(
        onnxModel({
          nodes: [
            { op: "LSTM", name: "lstm_1", inputs: ["x"], outputs: ["a"] },
            { op: "LSTM", name: "lstm_2", inputs: ["a"], outputs: ["b"] },
            { op: "Relu", inputs: ["b"], outputs: ["c"] },
            { op: "TreeEnsemble", domain: "ai.onnx.ml", inputs: ["c"], outputs: ["d"] },
            {
              op: "Pad",
              name: "mirror",
              inputs: ["x", "pads"],
              outputs: ["e"],
              attributes: { mode: "reflect" },
            },
            { op: "Dropout", inputs: ["x"], outputs: ["f", "mask"] },
            { op: "Relu", inputs: ["mask"], outputs: ["g"] },
          ],
          inputs: [{ name: "x", shape: [1, 2] }],
          outputs: [{ name: "d" }, { name: "e" }, { name: "g" }],
          initializers: [ints("pads", [0, 1, 0, 1])],
          domains: { "ai.onnx.ml": 3 },
        }),
      ),
    );
    expect(error.code).toBe("unsupported");
    expect(error.message).toBe(
      "model.onnx: expected only supported operators, found " +
        'ai.onnx::LSTM ×2 (first "lstm_1", opset 13); ' +
        'ai.onnx.ml::TreeEnsemble ×1 (first "d", opset 3); ' +
        'Pad "mirror": mode reflect; Dropout → "f": its output 1 "mask" is used',
    );
  });

  it.each([6, 22])("refuses opset %i", (opset) => {
    const error = refusal(() => open(singleOperator("Relu", [1], { opset })));
    expect(error.code).toBe("unsupported");
    expect(error.message).toMatch(new RegExp(`operator set 7 to 21, found ${opset}`));
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["MatMul of two inputs", singleOperator("MatMul", [2, 2], { constants: [] }), /expected an input 1/],
    [
      "a 3-D convolution",
      singleOperator("Conv", [1, 1, 2, 2, 2], { constants: [floats("w", [1, 1, 1, 1, 1])] }),
      /5-dimensional operand/,
    ],
    ["negative pads", singleOperator("Pad", [2], { constants: [ints("p", [-1, 0])] }), /negative pads/],
    [
      "dilated pools",
      singleOperator("MaxPool", [1, 1, 4, 4], { attributes: { kernel_shape: [2, 2], dilations: [2, 2] } }),
      /dilations in a pool/,
    ],
    [
      "division by zero",
      singleOperator("Div", [1], { constants: [floats("d", [1], [0])] }),
      /divisor without reciprocal/,
    ],
    [
      "training",
      singleOperator("BatchNormalization", [1, 1], {
        attributes: { training_mode: 1 },
        constants: ["a", "b", "c", "d"].map((n) => floats(n, [1])),
      }),
      /training_mode 1/,
    ],
  ])("refuses %s", (_, bytes, message) => {
    expect(refusal(() => open(bytes)).message).toMatch(message);
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

import { describe, expect, it } from "vitest";
import type { Attributes, Graph, NodeOf, OperatorName } from "../../src/graph/graph.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import {
  type AttributeSpec,
  floats,
  ints,
  onnxModel,
  singleOperator,
  type TensorSpec,
} from "../helpers/onnx-builder.ts";

interface Options {
  attributes?: Record<string, AttributeSpec>;
  constants?: TensorSpec[];
  opset?: number;
}

const graphOf = (op: string, shape: number[], options: Options = {}): Graph =>
  importOnnx(singleOperator(op, shape, options), { file: "one.onnx" });

function nodeOf<K extends OperatorName>(graph: Graph, op: K): NodeOf<K> {
  const found = graph.nodes.filter((node) => node.op === op);
  expect(found.map((node) => node.op)).toEqual([op]);
  return found[0] as unknown as NodeOf<K>;
}

const opsOf = (graph: Graph): string[] => graph.nodes.map((node) => node.op);
const outputShape = (graph: Graph): number[] => graph.outputs[0].shape;
const dataOf = (graph: Graph, op: OperatorName, input: number): number[] =>
  Array.from(nodeOf(graph, op).inputs[input]!.data as Float32Array);

describe("Conv", () => {
  it("becomes conv2d with OHWI weights between transposes", () => {
    const graph = graphOf("Conv", [1, 2, 5, 6], { constants: [floats("w", [3, 2, 2, 2]), floats("b", [3])] });
    expect(opsOf(graph)).toEqual(["transpose", "conv2d", "transpose"]);
    const conv = nodeOf(graph, "conv2d");
    expect(conv.inputs[0]!.shape).toEqual([1, 5, 6, 2]);
    expect(conv.inputs[1]!.shape).toEqual([3, 2, 2, 2]);
    expect(Array.from(conv.inputs[1]!.data as Float32Array).slice(0, 8)).toEqual([1, 5, 2, 6, 3, 7, 4, 8]);
    expect(dataOf(graph, "conv2d", 2)).toEqual([1, 2, 3]);
    expect(conv.outputs[0].shape).toEqual([1, 4, 5, 3]);
    expect(outputShape(graph)).toEqual([1, 3, 4, 5]);
    expect(graph.outputs[0].name).toBe("y");
  });

  it("reads strides, dilations, pads and groups", () => {
    const graph = graphOf("Conv", [1, 4, 9, 9], {
      attributes: { strides: [2, 3], dilations: [2, 1], pads: [1, 0, 2, 1], group: 2, kernel_shape: [3, 2] },
      constants: [floats("w", [6, 2, 3, 2])],
    });
    const { attributes } = nodeOf(graph, "conv2d");
    expect(attributes).toMatchObject({ stride: [2, 3], dilation: [2, 1], groups: 2 });
    // Height: 9 + 3 − 5 = 7, ⌊7 / 2⌋ + 1 = 4 windows, which reach 11 of the 12 rows.
    expect(attributes.padding).toEqual({ top: 1, left: 0, bottom: 1, right: 0 });
    expect(outputShape(graph)).toEqual([1, 6, 4, 3]);
    expect(nodeOf(graph, "conv2d").inputs[2]).toBeNull();
  });

  it("is depthwise when every group has one channel", () => {
    const graph = graphOf("Conv", [1, 2, 4, 4], {
      attributes: { group: 2 },
      constants: [floats("w", [4, 1, 1, 2])],
    });
    const node = nodeOf(graph, "depthwiseConv2d");
    expect(node.attributes.multiplier).toBe(2);
    expect(node.inputs[1]!.shape).toEqual([1, 1, 2, 4]);
    expect(dataOf(graph, "depthwiseConv2d", 1)).toEqual([1, 3, 5, 7, 2, 4, 6, 8]);
  });

  it.each([
    ["SAME_UPPER", { top: 1, left: 0, bottom: 1, right: 1 }],
    ["SAME_LOWER", { top: 1, left: 1, bottom: 1, right: 0 }],
  ])("pads by auto_pad %s", (auto, padding) => {
    const graph = graphOf("Conv", [1, 1, 5, 6], {
      attributes: { auto_pad: auto, strides: [2, 2] },
      constants: [floats("w", [1, 1, 3, 3])],
    });
    expect(nodeOf(graph, "conv2d").attributes.padding).toEqual(padding);
    expect(outputShape(graph)).toEqual([1, 1, 3, 3]);
  });

  it("ignores pads under auto_pad VALID", () => {
    const graph = graphOf("Conv", [1, 1, 5, 5], {
      attributes: { auto_pad: "VALID", pads: [9, 9, 9, 9] },
      constants: [floats("w", [1, 1, 3, 3])],
    });
    expect(outputShape(graph)).toEqual([1, 1, 3, 3]);
  });

  it("works over one dimension, as an image of height 1", () => {
    const graph = graphOf("Conv", [2, 3, 10], {
      attributes: { strides: [2], pads: [1, 0], dilations: [3] },
      constants: [floats("w", [4, 3, 2])],
    });
    const conv = nodeOf(graph, "conv2d");
    expect(conv.inputs[0]!.shape).toEqual([2, 1, 10, 3]);
    expect(conv.attributes).toMatchObject({ stride: [1, 2], dilation: [1, 3] });
    expect(conv.attributes.padding).toMatchObject({ left: 1, right: 0 });
    expect(outputShape(graph)).toEqual([2, 4, 4]);
  });
});

describe("pools", () => {
  it("rounds up with ceil_mode, but drops windows that start in the padding behind", () => {
    const graph = graphOf("MaxPool", [1, 1, 6, 5], {
      attributes: { kernel_shape: [3, 2], strides: [2, 2], pads: [0, 0, 0, 1], ceil_mode: 1 },
      opset: 12,
    });
    expect(outputShape(graph)).toEqual([1, 1, 3, 3]);
    expect(nodeOf(graph, "maxPool2d").attributes.padding).toEqual({ top: 0, left: 0, bottom: 1, right: 1 });
    const dropped = graphOf("MaxPool", [1, 1, 4, 4], {
      attributes: { kernel_shape: [1, 1], strides: [2, 2], pads: [0, 0, 1, 1], ceil_mode: 1 },
      opset: 12,
    });
    expect(outputShape(dropped)).toEqual([1, 1, 2, 2]);
  });

  it("keeps count_include_pad", () => {
    const attributes = { kernel_shape: [2, 2], pads: [1, 1, 0, 0] };
    const excluded = nodeOf(graphOf("AveragePool", [1, 1, 4, 4], { attributes }), "averagePool2d");
    expect(excluded.attributes).toMatchObject({ countIncludePad: false, stride: [1, 1], kernel: [2, 2] });
    const included = graphOf("AveragePool", [1, 1, 4, 4], {
      attributes: { ...attributes, count_include_pad: 1 },
    });
    expect(nodeOf(included, "averagePool2d").attributes.countIncludePad).toBe(true);
  });

  it("works over one dimension", () => {
    const graph = graphOf("MaxPool", [1, 3, 8], { attributes: { kernel_shape: [2], strides: [2] } });
    expect(nodeOf(graph, "maxPool2d").attributes).toMatchObject({ kernel: [1, 2], stride: [1, 2] });
    expect(outputShape(graph)).toEqual([1, 3, 4]);
  });

  it("reduces whole images", () => {
    const mean = nodeOf(graphOf("GlobalAveragePool", [1, 3, 4, 5]), "mean");
    expect(mean.attributes).toEqual({ axes: [2, 3], keepDims: true });
    expect(mean.outputs[0].shape).toEqual([1, 3, 1, 1]);
    const max = graphOf("GlobalMaxPool", [1, 3, 4, 5]);
    expect(nodeOf(max, "maxPool2d").attributes.kernel).toEqual([4, 5]);
    expect(outputShape(max)).toEqual([1, 3, 1, 1]);
  });
});

describe("Gemm, MatMul and BatchNormalization", () => {
  it("folds transB, alpha and beta", () => {
    const graph = graphOf("Gemm", [2, 3], {
      attributes: { alpha: { float: 2 }, beta: { float: 0.5 }, transB: 1 },
      constants: [floats("b", [2, 3]), floats("c", [1, 2], [4, 6])],
    });
    expect(opsOf(graph)).toEqual(["fullyConnected"]);
    expect(dataOf(graph, "fullyConnected", 1)).toEqual([2, 4, 6, 8, 10, 12]);
    expect(dataOf(graph, "fullyConnected", 2)).toEqual([2, 3]);
    expect(outputShape(graph)).toEqual([2, 2]);
  });

  it("transposes B, transposes A and spreads a scalar C", () => {
    const graph = graphOf("Gemm", [3, 2], {
      attributes: { transA: 1 },
      constants: [floats("b", [3, 2]), floats("c", [], [7])],
    });
    expect(opsOf(graph)).toEqual(["transpose", "fullyConnected"]);
    expect(dataOf(graph, "fullyConnected", 1)).toEqual([1, 3, 5, 2, 4, 6]);
    expect(dataOf(graph, "fullyConnected", 2)).toEqual([7, 7]);
  });

  it("adds a C that differs by row", () => {
    const graph = graphOf("Gemm", [2, 3], { constants: [floats("b", [3, 2]), floats("c", [2, 1])] });
    expect(opsOf(graph)).toEqual(["fullyConnected", "add"]);
    expect(dataOf(graph, "add", 1)).toEqual([1, 1, 2, 2]);
  });

  it("multiplies with a constant right operand and keeps leading dimensions", () => {
    const graph = graphOf("MatMul", [2, 5, 3], { constants: [floats("b", [3, 2])] });
    expect(nodeOf(graph, "fullyConnected").inputs[0]!.shape).toEqual([2, 5, 3]);
    expect(dataOf(graph, "fullyConnected", 1)).toEqual([1, 3, 5, 2, 4, 6]);
    expect(outputShape(graph)).toEqual([2, 5, 2]);
    expect(outputShape(graphOf("MatMul", [2, 3], { constants: [floats("b", [3])] }))).toEqual([2]);
    expect(outputShape(graphOf("MatMul", [3], { constants: [floats("b", [3, 4])] }))).toEqual([4]);
  });

  it("turns BatchNormalization into one factor and one addend per channel", () => {
    const graph = graphOf("BatchNormalization", [1, 2, 3, 3], {
      attributes: { epsilon: { float: 0.5 } },
      constants: [
        floats("gamma", [2], [2, 3]),
        floats("beta", [2], [1, -1]),
        floats("mean", [2], [4, 2]),
        floats("var", [2], [3.5, 0.5]),
      ],
    });
    expect(dataOf(graph, "mul", 1)).toEqual([1, 3]);
    expect(dataOf(graph, "add", 1)).toEqual([-3, -7]);
    expect(nodeOf(graph, "mul").inputs[1]!.shape).toEqual([2, 1, 1]);
  });
});

describe("elementwise operators", () => {
  it.each<[string, Record<string, AttributeSpec>, Attributes["unary"]]>([
    ["Relu", {}, { kind: "relu" }],
    ["Sigmoid", {}, { kind: "logistic" }],
    ["Tanh", {}, { kind: "tanh" }],
    ["Exp", {}, { kind: "exp" }],
    ["Log", {}, { kind: "log" }],
    ["Sqrt", {}, { kind: "sqrt" }],
    ["Abs", {}, { kind: "abs" }],
    ["Neg", {}, { kind: "neg" }],
    ["Softplus", {}, { kind: "softplus" }],
    ["HardSwish", {}, { kind: "hardSwish" }],
    ["LeakyRelu", {}, { kind: "leakyRelu", alpha: Math.fround(0.01) }],
    ["LeakyRelu", { alpha: { float: 0.25 } }, { kind: "leakyRelu", alpha: 0.25 }],
    ["Elu", { alpha: { float: 0.5 } }, { kind: "elu", alpha: 0.5 }],
    ["HardSigmoid", {}, { kind: "hardSigmoid", alpha: Math.fround(0.2), beta: 0.5 }],
    [
      "HardSigmoid",
      { alpha: { float: 0.25 }, beta: { float: 1 } },
      { kind: "hardSigmoid", alpha: 0.25, beta: 1 },
    ],
    ["Gelu", {}, { kind: "gelu", approximate: false }],
    ["Gelu", { approximate: "tanh" }, { kind: "gelu", approximate: true }],
  ])("%s %j", (op, attributes, expected) => {
    expect(nodeOf(graphOf(op, [2, 3], { attributes, opset: 20 }), "unary").attributes).toEqual(expected);
  });

  it("reads Clip's bounds from attributes and from inputs", () => {
    const old = graphOf("Clip", [2], { attributes: { min: { float: -1 }, max: { float: 6 } }, opset: 7 });
    expect(nodeOf(old, "unary").attributes).toEqual({ kind: "clip", min: -1, max: 6 });
    const both = graphOf("Clip", [2], { constants: [floats("min", [], [-1]), floats("max", [], [6])] });
    expect(nodeOf(both, "unary").attributes).toEqual({ kind: "clip", min: -1, max: 6 });
    const upper = graphOf("Clip", [2], { constants: [{ dims: [], type: "float" }, floats("max", [], [6])] });
    expect(nodeOf(upper, "unary").attributes).toEqual({ kind: "clip", min: -Infinity, max: 6 });
    const lower = graphOf("Clip", [2], { constants: [floats("min", [], [0])] });
    expect(nodeOf(lower, "unary").attributes).toEqual({ kind: "relu" });
  });

  it("broadcasts two operands and puts a constant second unless the order matters", () => {
    const build = (op: string, inputs: string[]) =>
      importOnnx(
        onnxModel({
          nodes: [{ op, inputs, outputs: ["y"] }],
          inputs: [{ name: "x", shape: [2, 1, 3] }],
          outputs: [{ name: "y" }],
          initializers: [floats("c", [4, 1])],
        }),
        { file: "binary.onnx" },
      );
    for (const op of ["Add", "Mul"] as const) {
      const node = nodeOf(build(op, ["c", "x"]), op === "Add" ? "add" : "mul");
      expect(node.inputs.map((t) => t?.name)).toEqual(["x", "c"]);
      expect(node.outputs[0].shape).toEqual([2, 4, 3]);
    }
    expect(nodeOf(build("Sub", ["c", "x"]), "sub").inputs.map((t) => t?.name)).toEqual(["c", "x"]);
  });

  it("divides by powers of two by multiplying, by anything else as such", () => {
    const exact = graphOf("Div", [3], { constants: [floats("d", [3], [4, 1, -0.5])] });
    expect(dataOf(exact, "mul", 1)).toEqual([0.25, 1, -2]);
    for (const divisors of [
      [4, 3, 1],
      [1, 0, 1],
      [Infinity, 1, 1],
      [2 ** -130, 1, 1],
    ]) {
      const graph = graphOf("Div", [3], { constants: [floats("d", [3], divisors)] });
      expect(nodeOf(graph, "binary").attributes.kind).toBe("div");
      expect(dataOf(graph, "binary", 1)).toEqual(divisors);
    }
  });

  it("adds any number of operands of Sum from the left", () => {
    const graph = graphOf("Sum", [2], { constants: [floats("a", [2]), floats("b", [2])] });
    expect(opsOf(graph)).toEqual(["add", "add"]);
    expect(graph.nodes[1].inputs[0]).toBe(graph.nodes[0].outputs[0]);
  });
});

describe("reductions", () => {
  it("reads the axes of ReduceMean from attribute and input", () => {
    const attribute = graphOf("ReduceMean", [2, 3, 4], { attributes: { axes: [-1, 0], keepdims: 0 } });
    expect(nodeOf(attribute, "mean").attributes).toEqual({ axes: [0, 2], keepDims: false });
    expect(outputShape(attribute)).toEqual([3]);
    const input = graphOf("ReduceMean", [2, 3, 4], { constants: [ints("axes", [1])], opset: 18 });
    expect(nodeOf(input, "mean").attributes).toEqual({ axes: [1], keepDims: true });
    expect(outputShape(graphOf("ReduceMean", [2, 3, 4]))).toEqual([1, 1, 1]);
  });

  it("flattens in Softmax before opset 13 and takes one axis since", () => {
    const old = graphOf("Softmax", [2, 3, 4], { opset: 11 });
    expect(opsOf(old)).toEqual(["reshape", "softmax", "reshape"]);
    expect(nodeOf(old, "softmax").inputs[0]!.shape).toEqual([2, 12]);
    expect(opsOf(graphOf("Softmax", [2, 3, 4]))).toEqual(["softmax"]);
    const middle = graphOf("Softmax", [2, 3, 4], { attributes: { axis: 1 } });
    expect(opsOf(middle)).toEqual(["transpose", "softmax", "transpose"]);
    expect(nodeOf(middle, "softmax").inputs[0]!.shape).toEqual([2, 4, 3]);
    expect(outputShape(middle)).toEqual([2, 3, 4]);
  });

  it("is the logarithm of it in LogSoftmax", () => {
    expect(opsOf(graphOf("LogSoftmax", [1, 4], { attributes: { axis: 1 } }))).toEqual(["softmax", "unary"]);
  });
});

describe("operators that move elements", () => {
  it("resolves the shape of Reshape", () => {
    const shape = (from: number[], to: number[], attributes = {}) =>
      outputShape(graphOf("Reshape", from, { attributes, constants: [ints("shape", to)], opset: 14 }));
    expect(shape([2, 3, 4], [0, -1])).toEqual([2, 12]);
    expect(shape([2, 3, 4], [4, 3, -1])).toEqual([4, 3, 2]);
    expect(() => shape([2, 3], [0, 3], { allowzero: 1 })).toThrow(/expected a shape of 6 elements/);
    expect(() => shape([2, 3], [-1, -1])).toThrow(/expected a shape of 6 elements/);
    expect(() => shape([2, 3], [4, -1])).toThrow(/expected a shape of 6 elements/);
  });

  it("squeezes and unsqueezes by attribute and by input", () => {
    const shape = (op: string, from: number[], options: Options) => outputShape(graphOf(op, from, options));
    expect(shape("Squeeze", [1, 3, 1], {})).toEqual([3]);
    expect(shape("Squeeze", [1, 3, 1], { attributes: { axes: [-1] }, opset: 11 })).toEqual([1, 3]);
    expect(shape("Squeeze", [1, 3, 1], { constants: [ints("axes", [0])] })).toEqual([3, 1]);
    expect(shape("Unsqueeze", [3, 4], { attributes: { axes: [0, 3] }, opset: 11 })).toEqual([1, 3, 4, 1]);
    expect(shape("Unsqueeze", [3, 4], { constants: [ints("axes", [-2])] })).toEqual([3, 1, 4]);
    expect(() => shape("Squeeze", [2, 3], { constants: [ints("axes", [0])] })).toThrow(/dimension 0 to be 1/);
  });

  it("flattens", () => {
    expect(outputShape(graphOf("Flatten", [2, 3, 4]))).toEqual([2, 12]);
    expect(outputShape(graphOf("Flatten", [2, 3, 4], { attributes: { axis: 0 } }))).toEqual([1, 24]);
    expect(outputShape(graphOf("Flatten", [2, 3, 4], { attributes: { axis: -1 } }))).toEqual([6, 4]);
  });

  it("transposes, reversed by default", () => {
    expect(nodeOf(graphOf("Transpose", [2, 3, 4]), "transpose").attributes.perm).toEqual([2, 1, 0]);
    expect(outputShape(graphOf("Transpose", [2, 3, 4], { attributes: { perm: [1, 2, 0] } }))).toEqual([
      3, 4, 2,
    ]);
  });

  it("pads by attribute, by input and along given axes", () => {
    const old = graphOf("Pad", [2, 3], { attributes: { pads: [0, 1, 2, 0], value: { float: 5 } }, opset: 7 });
    expect(nodeOf(old, "pad").attributes).toEqual({ before: [0, 1], after: [2, 0], value: 5 });
    const now = graphOf("Pad", [2, 3], { constants: [ints("pads", [0, 1, 2, 0]), floats("v", [], [-1])] });
    expect(nodeOf(now, "pad").attributes).toEqual({ before: [0, 1], after: [2, 0], value: -1 });
    expect(outputShape(now)).toEqual([4, 4]);
    const axes = graphOf("Pad", [2, 3], {
      constants: [ints("pads", [1, 2]), { dims: [], type: "float" }, ints("axes", [-1])],
      opset: 18,
    });
    expect(nodeOf(axes, "pad").attributes).toEqual({ before: [0, 1], after: [0, 2], value: 0 });
  });

  it("concatenates", () => {
    const graph = graphOf("Concat", [2, 3], { attributes: { axis: -1 }, constants: [floats("c", [2, 1])] });
    expect(nodeOf(graph, "concat").attributes.axis).toBe(1);
    expect(outputShape(graph)).toEqual([2, 4]);
  });

  it.each(["Identity", "Dropout"])("sees through %s, keeping the output's name", (op) => {
    const graph = importOnnx(
      onnxModel({
        nodes: [
          { op: "Relu", inputs: ["x"], outputs: ["a"] },
          { op, inputs: ["a"], outputs: ["y"] },
        ],
        inputs: [{ name: "x", shape: [2] }],
        outputs: [{ name: "y" }],
      }),
      { file: "alias.onnx" },
    );
    expect(opsOf(graph)).toEqual(["unary"]);
    expect(graph.outputs[0]).toBe(graph.nodes[0].outputs[0]);
    expect(graph.outputs[0].name).toBe("y");
  });

  it("copies an input that is also an output", () => {
    const graph = graphOf("Identity", [2]);
    expect(opsOf(graph)).toEqual(["reshape"]);
    expect([graph.inputs[0].name, graph.outputs[0].name]).toEqual(["x", "y"]);
  });
});

import { describe, expect, test } from "vitest";
import { importTflite } from "../../src/import/tflite/index.ts";
import {
  buildTflite,
  fused,
  padding,
  plainOptions,
  poolOptions,
  type TensorSpec,
} from "../helpers/tflite-builder.ts";
import { load, only, unbounded } from "../helpers/tflite-load.ts";
import { activation8, addModel, float, halfModel, ints, single } from "../helpers/tflite-models.ts";

describe("elementwise", () => {
  test("ADD broadcasts and carries its bounds", () => {
    const node = only(load(addModel()), "add");
    expect(node.inputs.map((tensor) => tensor?.name)).toEqual(["a", "b"]);
    expect(node.attributes).toEqual({ activation: { min: -1, max: 1 } });
  });

  test("SUB and MUL", () => {
    const operands = [float("a", [2, 3]), float("b", [3]), float("y", [2, 3])];
    const sub = single({ op: "SUB", options: plainOptions(28, { int8: fused.relu }) }, ...operands);
    expect(only(load(sub), "sub").attributes).toEqual({ activation: { min: 0, max: Infinity } });
    const mul = single({ op: "MUL" }, ...operands);
    expect(only(load(mul), "mul").attributes).toEqual({ activation: unbounded });
  });

  test.each([
    ["ABS", { kind: "abs" }],
    ["ELU", { kind: "elu", alpha: 1 }],
    ["EXP", { kind: "exp" }],
    ["HARD_SWISH", { kind: "hardSwish" }],
    ["LOG", { kind: "log" }],
    ["LOGISTIC", { kind: "logistic" }],
    ["NEG", { kind: "neg" }],
    ["RELU", { kind: "relu" }],
    ["RELU6", { kind: "clip", min: 0, max: 6 }],
    ["RELU_N1_TO_1", { kind: "clip", min: -1, max: 1 }],
    ["RSQRT", { kind: "rsqrt" }],
    ["SQRT", { kind: "sqrt" }],
    ["SQUARE", { kind: "square" }],
    ["TANH", { kind: "tanh" }],
  ] as const)("%s", (op, attributes) => {
    const model = single({ op }, activation8("x", [2, 3]), activation8("y", [2, 3], 1 / 128, 0));
    expect(only(load(model), "unary").attributes).toEqual(attributes);
  });

  test("LEAKY_RELU has a slope, GELU an approximation", () => {
    const operands = [float("x", [3]), float("y", [3])];
    const leaky = single({ op: "LEAKY_RELU", options: plainOptions(75, { float32: 0.2 }) }, ...operands);
    expect(only(load(leaky), "unary").attributes).toEqual({ kind: "leakyRelu", alpha: Math.fround(0.2) });
    const gelu = single({ op: "GELU", options: plainOptions(116, { int8: 1 }) }, ...operands);
    expect(only(load(gelu), "unary").attributes).toEqual({ kind: "gelu", approximate: true });
  });
});

describe("pools and reductions", () => {
  test("AVERAGE_POOL_2D and MAX_POOL_2D", () => {
    const options = poolOptions({
      padding: padding.same,
      stride: [2, 1],
      kernel: [3, 2],
      activation: fused.relu,
    });
    const operands = [float("x", [1, 5, 4, 2]), float("y", [1, 3, 4, 2])];
    const window = {
      stride: [2, 1],
      kernel: [3, 2],
      padding: { top: 1, left: 0, bottom: 1, right: 1 },
      activation: { min: 0, max: Infinity },
    };
    const average = load(single({ op: "AVERAGE_POOL_2D", options }, ...operands));
    expect(only(average, "averagePool2d").attributes).toEqual({ ...window, countIncludePad: false });
    const maximum = load(single({ op: "MAX_POOL_2D", options }, ...operands));
    expect(only(maximum, "maxPool2d").attributes).toEqual(window);
  });

  test("MEAN: axes from the front, ascending, once each", () => {
    const model = (keepDims: number, shape: number[]) =>
      single(
        { op: "MEAN", options: plainOptions(27, { int8: keepDims }) },
        float("x", [2, 3, 4, 5]),
        ints("axes", [-2, 1, 2]),
        float("y", shape),
      );
    const kept = only(load(model(1, [2, 1, 1, 5])), "mean");
    expect(kept.attributes).toEqual({ axes: [1, 2], keepDims: true });
    expect(kept.inputs).toHaveLength(1);
    expect(only(load(model(0, [2, 5])), "mean").attributes).toEqual({ axes: [1, 2], keepDims: false });
  });

  test("SOFTMAX", () => {
    const options = plainOptions(9, { float32: 0.5 });
    const model = single(
      { op: "SOFTMAX", options },
      activation8("x", [1, 4]),
      activation8("y", [1, 4], 1 / 256, -128),
    );
    expect(only(load(model), "softmax").attributes).toEqual({ beta: 0.5 });
  });
});

describe("layout", () => {
  test.each(["RESHAPE", "SQUEEZE", "EXPAND_DIMS"] as const)("%s is a reshape to the file's shape", (op) => {
    const node = only(load(single({ op }, float("x", [1, 6]), float("y", [6]))), "reshape");
    expect(node.outputs[0].shape).toEqual([6]);
  });

  test("a reshape to a scalar: its new shape has no elements", () => {
    const model = single({ op: "RESHAPE" }, float("x", [1, 1]), float("y", []));
    model.tensors.push({ name: "shape", type: "int32", shape: [0] });
    model.operators[0].inputs.push("shape");
    expect(only(load(model), "reshape").outputs[0].shape).toEqual([]);
  });

  test("TRANSPOSE of integers", () => {
    const int32 = (name: string, shape: number[]): TensorSpec => ({ name, type: "int32", shape });
    const operands = [int32("x", [2, 3, 4]), ints("p", [2, 0, 1]), int32("y", [4, 2, 3])];
    const model = single({ op: "TRANSPOSE" }, ...operands);
    const node = only(load(model), "transpose");
    expect(node.attributes).toEqual({ perm: [2, 0, 1] });
    expect(node.inputs[0]?.dtype).toBe("int32");
  });

  test("PAD pads with 0, PADV2 with its operand in real units", () => {
    const amounts = ints("p", [0, 1, 2, 0], [2, 2]);
    const pad = load(single({ op: "PAD" }, activation8("x", [2, 3]), amounts, activation8("y", [3, 5])));
    expect(only(pad, "pad").attributes).toEqual({ before: [0, 2], after: [1, 0], value: 0 });

    const quantized = { ...activation8("v", []), data: Int8Array.of(-128) };
    const operands = [activation8("x", [2, 3]), amounts, quantized, activation8("y", [3, 5])];
    expect(only(load(single({ op: "PADV2" }, ...operands)), "pad").attributes.value).toBe(0.5 * (-128 - 3));

    const infinite = [
      float("x", [2, 3]),
      amounts,
      float("v", [1], Float32Array.of(-Infinity)),
      float("y", [3, 5]),
    ];
    expect(only(load(single({ op: "PADV2" }, ...infinite)), "pad").attributes.value).toBe(-Infinity);
  });

  test("CONCATENATION along a dimension counted from the back", () => {
    const options = plainOptions(10, { int32: -1 }, { int8: fused.none });
    const model = single(
      { op: "CONCATENATION", options },
      float("a", [2, 1]),
      float("b", [2, 3]),
      float("y", [2, 4]),
    );
    const node = only(load(model), "concat");
    expect(node.attributes).toEqual({ axis: 1, activation: unbounded });
    expect(node.inputs.map((tensor) => tensor?.name)).toEqual(["a", "b"]);
  });
});

describe("types at the boundary", () => {
  test("QUANTIZE from float and between quantized types, DEQUANTIZE", () => {
    const quantize = single({ op: "QUANTIZE" }, float("x", [3]), activation8("y", [3]));
    expect(only(load(quantize), "quantize").inputs[0]?.dtype).toBe("float32");
    const uint8: TensorSpec = { name: "y", type: "uint8", shape: [3], scale: [0.1], zeroPoint: [7] };
    const requantize = single({ op: "QUANTIZE" }, activation8("x", [3]), uint8);
    expect(only(load(requantize), "quantize").outputs[0].dtype).toBe("uint8");
    const dequantize = single({ op: "DEQUANTIZE" }, activation8("x", [3]), float("y", [3]));
    expect(only(load(dequantize), "dequantize").outputs[0].dtype).toBe("float32");
  });

  test("another subgraph and double rounding on demand", () => {
    const file = buildTflite(addModel(), halfModel());
    const graph = importTflite(file, { file: "two", subgraph: 1, rounding: "double" });
    expect(graph.rounding).toBe("double");
    expect(graph.nodes[0].op).toBe("fullyConnected");
  });

  test("repeated and empty tensor names are told apart", () => {
    const graph = load({
      tensors: ["t", "t", "", "t#2", "t"].map((name) => float(name, [1])),
      operators: [
        { op: "ADD", inputs: [0, 1], outputs: [2] },
        { op: "ADD", inputs: [2, 3], outputs: [4] },
      ],
      inputs: [0, 1, 3],
      outputs: [4],
    });
    expect(graph.inputs.map((tensor) => tensor.name)).toEqual(["t", "t#2", "t#2#2"]);
    expect(graph.nodes.map((node) => node.name)).toEqual(["tensor_2", "t#3"]);
  });

  test("a float tensor's scale means nothing and is dropped", () => {
    const model = single({ op: "RELU" }, { ...float("x", [3]), scale: [0.5] }, float("y", [3]));
    expect(load(model).inputs[0]).toEqual({ name: "x", dtype: "float32", shape: [3] });
  });
});

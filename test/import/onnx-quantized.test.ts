import { describe, expect, it } from "vitest";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import {
  floats,
  type NodeSpec,
  onnxModel,
  type TensorSpec,
  type ValueSpec,
} from "../helpers/onnx-builder.ts";
import { runReference } from "../reference/run.ts";

const int8s = (name: string, dims: number[], values: number[]): TensorSpec => ({
  name,
  dims,
  type: "int8",
  int32s: values,
});

function open(nodes: NodeSpec[], input: ValueSpec, initializers: TensorSpec[], opset = 13): Graph {
  const bytes = onnxModel({ nodes, inputs: [input], outputs: [{ name: "y" }], initializers, opset });
  return importOnnx(bytes, { file: "quantized.onnx" });
}

const parameters = (tensor: Tensor) => ({
  dtype: tensor.dtype,
  scale: Array.from(tensor.quantization?.scale ?? []),
  zeroPoint: Array.from(tensor.quantization?.zeroPoint ?? []),
});

const scale = floats("s", [], [0.5]);

describe("QuantizeLinear and DequantizeLinear", () => {
  it("keep scale, zero point and type on the tensor between them", () => {
    const graph = open(
      [
        { op: "QuantizeLinear", inputs: ["x", "s", "z"], outputs: ["q"] },
        { op: "DequantizeLinear", inputs: ["q", "s", "z"], outputs: ["y"] },
      ],
      { name: "x", shape: [4] },
      [scale, int8s("z", [], [-3])],
    );
    expect(graph.nodes.map((node) => node.op)).toEqual(["quantize", "dequantize"]);
    expect(parameters(graph.nodes[0].outputs[0])).toEqual({ dtype: "int8", scale: [0.5], zeroPoint: [-3] });
    expect(graph.outputs[0].dtype).toBe("float32");
  });

  it("give uint8 without a zero point, and annotate an integer input", () => {
    const written = open(
      [{ op: "QuantizeLinear", inputs: ["x", "s"], outputs: ["y"] }],
      { name: "x", shape: [4] },
      [scale],
    );
    expect(parameters(written.outputs[0])).toEqual({ dtype: "uint8", scale: [0.5], zeroPoint: [0] });
    const read = open(
      [{ op: "DequantizeLinear", inputs: ["x", "s", "z"], outputs: ["y"] }],
      { name: "x", shape: [4], type: "int8" },
      [scale, int8s("z", [], [7])],
    );
    expect(parameters(read.inputs[0])).toEqual({ dtype: "int8", scale: [0.5], zeroPoint: [7] });
  });

  it("compute with a scale per index of an axis, and with others than a tensor was written with", () => {
    const perAxis = open(
      [{ op: "QuantizeLinear", inputs: ["x", "s", "z"], outputs: ["y"], attributes: { axis: 0 } }],
      { name: "x", shape: [2] },
      [floats("s", [2], [0.5, 0.25]), int8s("z", [2], [0, 1])],
    );
    const quantized = runReference(perAxis, [Float32Array.of(3, 3)]).get(perAxis.outputs[0]);
    expect(quantized).toEqual(Int8Array.of(6, 13));
    const other = open(
      [
        { op: "QuantizeLinear", inputs: ["x", "s", "z"], outputs: ["q"] },
        { op: "DequantizeLinear", inputs: ["q", "t", "z"], outputs: ["y"] },
      ],
      { name: "x", shape: [2] },
      [scale, floats("t", [], [0.25]), int8s("z", [], [0])],
    );
    for (const graph of [other, optimize(other)]) {
      const real = runReference(graph, [Float32Array.of(3, -1.2)]).get(graph.outputs[0]);
      expect(real).toEqual(Float32Array.of(1.5, -0.5));
    }
  });

  it("divide by the scale, which a product with its inverse does not equal", () => {
    const graph = open(
      [{ op: "QuantizeLinear", inputs: ["x", "s", "z"], outputs: ["y"] }],
      { name: "x", shape: [1] },
      [floats("s", [], [7]), int8s("z", [], [0])],
    );
    // 45.5 / 7 is 6.5, which rounds to 6; 45.5 · float32(1/7) is above it.
    expect(runReference(graph, [Float32Array.of(45.5)]).get(graph.outputs[0])).toEqual(Int8Array.of(6));
  });

  it("make blocked and 4-bit constants real, and quantize constants", () => {
    const graph = open(
      [
        {
          op: "DequantizeLinear",
          inputs: ["q", "bs", "bz"],
          outputs: ["w"],
          attributes: { axis: 0, block_size: 2 },
        },
        { op: "QuantizeLinear", inputs: ["w", "one", "z"], outputs: ["r"] },
        { op: "DequantizeLinear", inputs: ["r", "one", "z"], outputs: ["v"] },
        { op: "Add", inputs: ["x", "v"], outputs: ["y"] },
      ],
      { name: "x", shape: [3, 1] },
      [
        { name: "q", dims: [3, 1], type: "int4", raw: Uint8Array.of(0xf7, 0x08) },
        floats("bs", [2, 1], [2, 3]),
        { name: "bz", dims: [2, 1], type: "int4", raw: Uint8Array.of(0x10) },
        floats("one", [], [1]),
        int8s("z", [], [0]),
      ],
      21,
    );
    // 7, −1 and −8; zero points 0 and 1; scales 2 and 3.
    const y = runReference(optimize(graph), [new Float32Array(3)]);
    expect([...y.get(graph.outputs[0])!]).toEqual([14, -2, -27]);
  });
});

describe("QLinear operators", () => {
  it("convolve as integers with the parameters of the node", () => {
    const graph = open(
      [{ op: "QLinearConv", inputs: ["x", "s", "z", "w", "ws", "wz", "ys", "z", "b"], outputs: ["y"] }],
      { name: "x", shape: [1, 1, 1, 3], type: "int8" },
      [
        scale,
        int8s("z", [], [1]),
        int8s("w", [2, 1, 1, 2], [1, 2, -3, 4]),
        floats("ws", [2], [0.5, 0.25]),
        int8s("wz", [2], [0, 0]),
        floats("ys", [], [0.125]),
        { name: "b", dims: [2], type: "int32", int32s: [8, -8] },
      ],
    );
    const integer = optimize(graph);
    const conv = integer.nodes.find((node) => node.op === "conv2d")!;
    expect(conv.inputs.map((tensor) => tensor?.dtype)).toEqual(["int8", "int8", "int32"]);
    expect(integer.nodes.some((node) => node.op === "dequantize")).toBe(false);
    const y = runReference(integer, [Int8Array.of(3, 5, -7)]).get(integer.outputs[0]);
    // x − 1 = 2, 4, −8; sums 10 + 8, −12 + 8 and 10 − 8, −44 − 8; times 2 and 1; plus 1.
    expect(Array.from(y as Int8Array)).toEqual([37, -7, 3, -51]);
  });

  it("multiply matrices, with a scale per column", () => {
    const graph = open(
      [{ op: "QLinearMatMul", inputs: ["x", "s", "z", "b", "bs", "bz", "ys", "z"], outputs: ["y"] }],
      { name: "x", shape: [1, 2], type: "int8" },
      [
        scale,
        int8s("z", [], [0]),
        int8s("b", [2, 2], [1, 2, 3, 4]),
        floats("bs", [2], [1, 0.5]),
        int8s("bz", [2], [0, 0]),
        floats("ys", [], [0.25]),
      ],
    );
    const integer = optimize(graph);
    expect(integer.nodes.map((node) => node.op)).toEqual(["fullyConnected"]);
    const y = runReference(integer, [Int8Array.of(2, -1)]).get(integer.outputs[0]);
    expect(Array.from(y as Int8Array)).toEqual([-2, 0]);
  });
});

describe("Max and Min", () => {
  it("are one-sided clamps with constant numbers", () => {
    const attributes = (op: string, c: number) =>
      open([{ op, inputs: ["c", "x"], outputs: ["y"] }], { name: "x", shape: [2] }, [floats("c", [1], [c])])
        .nodes[0].attributes;
    expect(attributes("Max", -2)).toEqual({ kind: "clip", min: -2, max: Infinity });
    expect(attributes("Max", 0)).toEqual({ kind: "relu" });
    expect(attributes("Min", 6)).toEqual({ kind: "clip", min: -Infinity, max: 6 });
  });
});

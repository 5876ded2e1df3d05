import { describe, expect, it } from "vitest";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { removeDeadCode } from "../../src/graph/passes/dead-code.ts";
import { foldConstants } from "../../src/graph/passes/fold-constants.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { sortNodes } from "../../src/graph/passes/sort.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { floats, ints, onnxModel } from "../helpers/onnx-builder.ts";
import { attributesOf, constant, float, graph, lines, node, plain, valuesOf } from "./build.ts";

describe("foldConstants", () => {
  const folded = (nodes: Graph["nodes"], last: Tensor): number[] => {
    const [x, y] = [float("x", last.shape), float("y", last.shape)];
    const g = graph([x], [...nodes, node("add", [x, last], y, plain)], [y]);
    while (foldConstants(g));
    expect(g.nodes).toHaveLength(1);
    return valuesOf(g, "y", 1);
  };

  it("computes arithmetic in float32", () => {
    const [a, b] = [float("a", [2, 2]), float("b", [2, 2])];
    const values = folded(
      [
        node("mul", [constant("p", [2, 1], [0.1, 3]), constant("q", [2], [0.2, -1])], a, plain),
        node("sub", [a, constant("r", [], [1])], b, { activation: { min: -2, max: 1 } }),
      ],
      b,
    );
    const f = Math.fround;
    expect(values).toEqual([f(f(f(0.1) * f(0.2)) - 1), f(f(f(0.1) * -1) - 1), f(f(3 * f(0.2)) - 1), -2]);
  });

  it("moves, pads and joins elements", () => {
    const [a, b, c] = [float("a", [3, 2]), float("b", [4, 3]), float("c", [4, 4])];
    const values = folded(
      [
        node("transpose", [constant("p", [2, 3])], a, { perm: [1, 0] }),
        node("pad", [a], b, { before: [1, 0], after: [0, 1], value: 9 }),
        node("concat", [constant("q", [4, 1], [-1, -2, -3, -4]), b], c, { axis: 1, ...plain }),
      ],
      c,
    );
    expect(values).toEqual([-1, 9, 9, 9, -2, 1, 4, 9, -3, 2, 5, 9, -4, 3, 6, 9]);
  });

  it("slices, repeats and picks elements", () => {
    const [a, b, c] = [float("a", [1, 2]), float("b", [2, 2]), float("c", [2, 3])];
    const indices: Tensor = { name: "i", dtype: "int64", shape: [3], data: BigInt64Array.of(-1n, 0n, 7n) };
    const values = folded(
      [
        node("slice", [constant("p", [3, 3])], a, { begin: [1, 2], stride: [1, -2] }),
        node("expand", [a], b, {}),
        node("gather", [b, indices], c, { axis: 1, batchDims: 0, fromEnd: true }),
      ],
      c,
    );
    expect(values).toEqual([4, 6, 4, 4, 6, 4]);
    const batches: Tensor = { ...indices, shape: [2, 1], data: BigInt64Array.of(1n, 0n) };
    const d = float("d", [2, 1, 2]);
    const picked = node("gather", [constant("q", [2, 2, 2]), batches], d, {
      axis: 1,
      batchDims: 1,
      fromEnd: false,
    });
    expect(folded([picked], d)).toEqual([3, 4, 5, 6]);
  });

  it("does not write a repeated constant out", () => {
    const [a, x, y] = [float("a", [100, 100]), float("x", [100, 100]), float("y", [100, 100])];
    const nodes = [node("expand", [constant("p", [1])], a, {}), node("add", [x, a], y, plain)];
    expect(foldConstants(graph([x], nodes, [y]))).toBe(false);
  });

  it("leaves functions that engines compute differently, and outputs of the model", () => {
    const [a, y] = [float("a", [1]), float("y", [1])];
    expect(foldConstants(graph([], [node("unary", [constant("c", [1])], a, { kind: "exp" })], []))).toBe(
      false,
    );
    expect(foldConstants(graph([], [node("reshape", [constant("c", [1])], y, {})], [y]))).toBe(false);
  });
});

describe("removeDeadCode and sortNodes", () => {
  const [x, a, b, y] = ["x", "a", "b", "y"].map((name) => float(name, [2]));
  const abs = (from: Tensor, to: Tensor) => node("unary", [from], to, { kind: "abs" });

  it("removes what no output needs", () => {
    const g = graph([x], [abs(x, a), abs(a, b), abs(x, y)], [y]);
    expect(removeDeadCode(g)).toBe(true);
    expect(lines(g)).toEqual(["y [2] = unary(x)"]);
    expect(removeDeadCode(g)).toBe(false);
  });

  it("puts nodes behind what they read and refuses cycles", () => {
    const g = graph([x], [abs(b, y), abs(a, b), abs(x, a)], [y]);
    expect(sortNodes(g)).toBe(true);
    expect(g.nodes.map((n) => n.name)).toEqual(["a", "b", "y"]);
    expect(sortNodes(g)).toBe(false);
    expect(() => sortNodes(graph([x], [abs(b, a), abs(a, b)], [b]))).toThrow(NibbleError);
  });
});

describe("optimize", () => {
  /** What PyTorch exports of a small residual network over features in time. */
  const residual = onnxModel({
    nodes: [
      { op: "Transpose", inputs: ["x"], outputs: ["t"], attributes: { perm: [0, 2, 1] } },
      { op: "Unsqueeze", inputs: ["t", "two"], outputs: ["u"] },
      { op: "Pad", inputs: ["u", "pads"], outputs: ["p"] },
      { op: "Conv", name: "stem", inputs: ["p", "w1"], outputs: ["c1"] },
      { op: "BatchNormalization", inputs: ["c1", "s", "s", "s", "s"], outputs: ["n1"] },
      { op: "Relu", inputs: ["n1"], outputs: ["r1"] },
      {
        op: "Conv",
        name: "depth",
        inputs: ["r1", "w2"],
        outputs: ["c2"],
        attributes: { group: 6, pads: [0, 1, 0, 1] },
      },
      { op: "Conv", name: "point", inputs: ["c2", "w3", "s"], outputs: ["c3"] },
      { op: "BatchNormalization", inputs: ["c3", "s", "s", "s", "s"], outputs: ["n3"] },
      { op: "Add", name: "join", inputs: ["n3", "r1"], outputs: ["sum"] },
      { op: "Relu", inputs: ["sum"], outputs: ["r3"] },
      { op: "GlobalAveragePool", name: "mean", inputs: ["r3"], outputs: ["g"] },
      { op: "Flatten", inputs: ["g"], outputs: ["f"] },
      { op: "Gemm", name: "head", inputs: ["f", "w4", "b4"], outputs: ["y"], attributes: { transB: 1 } },
    ],
    inputs: [{ name: "x", shape: ["N", 9, 4] }],
    outputs: [{ name: "y" }],
    initializers: [
      ints("two", [2]),
      ints("pads", [0, 0, 0, 1, 0, 0, 0, 1]),
      floats("w1", [6, 4, 1, 3]),
      floats("s", [6]),
      floats("w2", [6, 1, 1, 3]),
      floats("w3", [6, 6, 1, 1]),
      floats("w4", [3, 6]),
      floats("b4", [3]),
    ],
  });

  it("leaves nothing of the layout and of the normalizations in a residual network", () => {
    const source = importOnnx(residual, { file: "residual.onnx" });
    const before = lines(source);
    const optimized = optimize(source);
    expect(lines(optimized)).toEqual([
      "u [1,1,9,4] = reshape(x)",
      "r1 [1,1,9,6] = conv2d(u, c1/weights*, stem/bias*)",
      "c2 [1,1,9,6] = depthwiseConv2d(r1, c2/weights*, –)",
      "n3 [1,1,9,6] = conv2d(c2, c3/weights*, s*)",
      "r3 [1,1,9,6] = add(n3, r1)",
      "g [1,1,1,6] = mean(r3)",
      "f [1,6] = reshape(g)",
      "y [1,3] = fullyConnected(f, w4*, b4*)",
    ]);
    expect(attributesOf(optimized, "r1")).toMatchObject({
      padding: { left: 1, right: 1 },
      activation: { min: 0 },
    });
    expect(attributesOf(optimized, "r3")).toEqual({ activation: { min: 0, max: Infinity } });
    expect(lines(source)).toEqual(before);
    expect(optimized.outputs[0]).toBe(source.outputs[0]);
    expect(optimized.inputs[0]).toBe(source.inputs[0]);
  });

  it("changes nothing when run again", () => {
    const once = optimize(importOnnx(residual, { file: "residual.onnx" }));
    expect(lines(optimize(once))).toEqual(lines(once));
  });

  it("finds the convolutions of a one-dimensional network", () => {
    const bytes = onnxModel({
      nodes: [
        { op: "Conv", inputs: ["x", "w1"], outputs: ["a"] },
        { op: "BatchNormalization", inputs: ["a", "s", "s", "s", "s"], outputs: ["b"] },
        { op: "Relu", inputs: ["b"], outputs: ["c"] },
        { op: "Conv", inputs: ["c", "w2"], outputs: ["d"], attributes: { group: 3 } },
        { op: "MaxPool", inputs: ["d"], outputs: ["e"], attributes: { kernel_shape: [2], strides: [2] } },
        { op: "Flatten", inputs: ["e"], outputs: ["f"] },
        { op: "MatMul", inputs: ["f", "w3"], outputs: ["g"] },
        { op: "Add", inputs: ["g", "b3"], outputs: ["y"] },
      ],
      inputs: [{ name: "x", shape: [1, 2, 9] }],
      outputs: [{ name: "y" }],
      initializers: [
        floats("w1", [3, 2, 3]),
        floats("s", [3]),
        floats("w2", [3, 1, 2]),
        floats("w3", [9, 2]),
        floats("b3", [2]),
      ],
    });
    expect(optimize(importOnnx(bytes, { file: "one.onnx" })).nodes.map((n) => n.op)).toEqual([
      "reshape",
      "transpose",
      "conv2d",
      "depthwiseConv2d",
      "maxPool2d",
      "reshape",
      "fullyConnected",
    ]);
  });
});

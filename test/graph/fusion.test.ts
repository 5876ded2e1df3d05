import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/graph/graph.ts";
import { foldBatchNorm } from "../../src/graph/passes/fold-batch-norm.ts";
import { fuseActivation } from "../../src/graph/passes/fuse-activation.ts";
import { fuseBias } from "../../src/graph/passes/fuse-bias.ts";
import { attributesOf, constant, float, graph, int8, lines, node, plain, valuesOf, window } from "./build.ts";

const conv = (x: Tensor, w: Tensor, b: Tensor | null, y: Tensor) =>
  node("conv2d", [x, w, b], y, { ...window, groups: 1 });

describe("foldBatchNorm", () => {
  it("scales weights and bias of a convolution per output channel", () => {
    const [x, a, y] = [float("x", [1, 1, 2, 2]), float("a", [1, 1, 2, 2]), float("y", [1, 1, 2, 2])];
    const g = graph(
      [x],
      [
        conv(x, constant("w", [2, 1, 1, 2]), constant("b", [2]), a),
        node("mul", [a, constant("s", [1, 1, 1, 2], [10, 100])], y, { activation: { min: 0, max: 6 } }),
      ],
      [y],
    );
    expect(foldBatchNorm(g)).toBe(true);
    expect(lines(g)).toEqual(["y [1,1,2,2] = conv2d(x, w*, b*)"]);
    expect(valuesOf(g, "y", 1)).toEqual([10, 20, 300, 400]);
    expect(valuesOf(g, "y", 2)).toEqual([10, 200]);
    expect(attributesOf(g, "y")).toMatchObject({ activation: { min: 0, max: 6 } });
  });

  it("scales the last dimension of depthwise weights and the first of fullyConnected", () => {
    const [x, a, b, c, y] = [
      float("x", [1, 1, 2, 2]),
      float("a", [1, 1, 1, 2]),
      float("b", [1, 1, 1, 2]),
      float("c", [1, 1, 1, 3]),
      float("y", [1, 1, 1, 3]),
    ];
    const g = graph(
      [x],
      [
        node("depthwiseConv2d", [x, constant("w", [1, 1, 2, 2]), null], a, { ...window, multiplier: 1 }),
        node("mul", [a, constant("s", [2], [10, 100])], b, plain),
        node("fullyConnected", [b, constant("v", [3, 2]), null], c, plain),
        node("mul", [c, constant("t", [], [2])], y, plain),
      ],
      [y],
    );
    foldBatchNorm(g);
    expect(lines(g)).toEqual([
      "b [1,1,1,2] = depthwiseConv2d(x, w*, –)",
      "y [1,1,1,3] = fullyConnected(b, v*, –)",
    ]);
    expect(valuesOf(g, "b", 1)).toEqual([10, 200, 30, 400]);
    expect(valuesOf(g, "y", 1)).toEqual([2, 4, 6, 8, 10, 12]);
  });

  it.each<[string, (a: Tensor) => Tensor[], number[]]>([
    ["another reader", (a) => [a], [1, 1, 1, 2]],
    ["a factor that varies over the image", () => [], [1, 2, 1, 2]],
    ["a factor that widens the result", () => [], [3, 1, 1, 2]],
  ])("leaves %s alone", (_, more, shape) => {
    const a = float("a", [1, 2, 1, 2]);
    const [x, y] = [float("x", [1, 2, 1, 2]), float("y", [shape[0], 2, 1, 2])];
    const g = graph(
      [x],
      [conv(x, constant("w", [2, 1, 1, 2]), null, a), node("mul", [a, constant("s", shape)], y, plain)],
      [y, ...more(a)],
    );
    expect(foldBatchNorm(g)).toBe(false);
  });

  it("leaves a producer with an activation and quantized values alone", () => {
    const build = (a: Tensor, max: number) => {
      const [x, y] = [float("x", [1, 1, 1, 2]), float("y", [1, 1, 1, 2])];
      const inputs = [x, constant("w", [2, 1, 1, 2]), null];
      const first = node("conv2d", inputs, a, { ...window, groups: 1, activation: { min: -Infinity, max } });
      return graph([x], [first, node("mul", [a, constant("s", [2])], y, plain)], [y]);
    };
    expect(foldBatchNorm(build(float("a", [1, 1, 1, 2]), 6))).toBe(false);
    expect(foldBatchNorm(build(int8("a", [1, 1, 1, 2]), Infinity))).toBe(false);
    expect(foldBatchNorm(build(float("a", [1, 1, 1, 2]), Infinity))).toBe(true);
  });
});

describe("fuseBias", () => {
  it("adds to the bias there is, or makes one", () => {
    const [x, a, b, c, y] = ["x", "a", "b", "c", "y"].map((name) => float(name, [1, 2]));
    const g = graph(
      [x],
      [
        node("fullyConnected", [x, constant("w", [2, 2]), constant("bias", [2])], a, plain),
        node("add", [a, constant("p", [1, 2], [10, 20])], b, plain),
        node("fullyConnected", [b, constant("v", [2, 2]), null], c, plain),
        node("sub", [c, constant("q", [], [5])], y, plain),
      ],
      [y],
    );
    expect(fuseBias(g)).toBe(true);
    expect(lines(g)).toEqual([
      "b [1,2] = fullyConnected(x, w*, bias*)",
      "y [1,2] = fullyConnected(b, v*, c/bias*)",
    ]);
    expect(valuesOf(g, "b", 2)).toEqual([11, 22]);
    expect(valuesOf(g, "y", 2)).toEqual([-5, -5]);
  });

  it("leaves constant − result alone", () => {
    const [x, a, y] = ["x", "a", "y"].map((name) => float(name, [1, 2]));
    const g = graph(
      [x],
      [
        node("fullyConnected", [x, constant("w", [2, 2]), null], a, plain),
        node("sub", [constant("q", [2]), a], y, plain),
      ],
      [y],
    );
    expect(fuseBias(g)).toBe(false);
  });
});

describe("fuseActivation", () => {
  it("composes clamps into the operator in front", () => {
    const [x, a, b, y] = ["x", "a", "b", "y"].map((name) => float(name, [1, 2]));
    const g = graph(
      [x],
      [
        node("add", [x, x], a, { activation: { min: -1, max: 8 } }),
        node("unary", [a], b, { kind: "relu" }),
        node("unary", [b], y, { kind: "clip", min: -3, max: 6 }),
      ],
      [y],
    );
    expect(fuseActivation(g)).toBe(true);
    expect(lines(g)).toEqual(["y [1,2] = add(x, x)"]);
    expect(attributesOf(g, "y")).toEqual({ activation: { min: 0, max: 6 } });
  });

  it("composes ranges that do not meet", () => {
    const [x, a, y] = ["x", "a", "y"].map((name) => float(name, [1]));
    const g = graph(
      [x],
      [
        node("mul", [x, x], a, { activation: { min: -5, max: -2 } }),
        node("unary", [a], y, { kind: "clip", min: 1, max: 4 }),
      ],
      [y],
    );
    fuseActivation(g);
    expect(attributesOf(g, "y")).toEqual({ activation: { min: 1, max: 1 } });
  });

  it("keeps a result that something else reads, and other functions", () => {
    const [x, a, y, z] = ["x", "a", "y", "z"].map((name) => float(name, [1]));
    const relu = node("unary", [a], y, { kind: "relu" });
    const g = graph(
      [x],
      [node("add", [x, x], a, plain), relu, node("unary", [a], z, { kind: "abs" })],
      [y, z],
    );
    expect(fuseActivation(g)).toBe(false);
    expect(fuseActivation(graph([x], [node("add", [x, x], a, plain), relu], [y, a]))).toBe(false);
  });

  it("fuses quantized values only under the same parameters and bounds that are exact", () => {
    const build = (y: Tensor, max: number) => {
      const [x, a] = [int8("x", [1]), int8("a", [1], 0.5, 3)];
      return graph(
        [x],
        [node("add", [x, x], a, plain), node("unary", [a], y, { kind: "clip", min: 0, max })],
        [y],
      );
    };
    const same = build(int8("y", [1], 0.5, 3), Infinity);
    expect(fuseActivation(same)).toBe(true);
    expect(lines(same)).toEqual(["y [1] = add(x, x)"]);
    expect(fuseActivation(build(int8("y", [1], 0.5, 4), Infinity))).toBe(false);
    expect(fuseActivation(build(int8("y", [1], 0.25, 3), Infinity))).toBe(false);
    expect(fuseActivation(build(int8("y", [1], 0.5, 3), 6))).toBe(false);
  });
});

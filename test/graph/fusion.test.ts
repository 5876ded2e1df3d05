import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/graph/graph.ts";
import { absorbTransposeIntoWeights } from "../../src/graph/passes/absorb-transpose-into-weights.ts";
import { removeDeadCode } from "../../src/graph/passes/dead-code.ts";
import { foldBatchNorm } from "../../src/graph/passes/fold-batch-norm.ts";
import { foldPad } from "../../src/graph/passes/fold-pad.ts";
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

describe("foldPad", () => {
  const build = (value: number, x: Tensor, a: Tensor, before = [0, 1, 2, 0]) => {
    const y = { ...a, name: "y", shape: [1, 6, 7, 2] };
    return graph(
      [x],
      [
        node("pad", [x], a, { before, after: [0, 1, 1, 0], value }),
        node("conv2d", [a, constant("w", [2, 1, 1, 2]), null], y, {
          ...window,
          padding: { top: 1, left: 0, bottom: 0, right: 0 },
          groups: 1,
        }),
      ],
      [y],
    );
  };

  it("adds zeros in front of a convolution to its padding", () => {
    const g = build(0, float("x", [1, 4, 4, 2]), float("a", [1, 6, 7, 2]));
    expect(foldPad(g)).toBe(true);
    removeDeadCode(g);
    expect(lines(g)).toEqual(["y [1,6,7,2] = conv2d(x, w*, –)"]);
    expect(attributesOf(g, "y")).toMatchObject({ padding: { top: 2, left: 2, bottom: 1, right: 1 } });
  });

  it("leaves other values, other dimensions and other parameters alone", () => {
    expect(foldPad(build(1, float("x", [1, 4, 4, 2]), float("a", [1, 6, 7, 2])))).toBe(false);
    expect(foldPad(build(0, float("x", [1, 4, 4, 1]), float("a", [1, 6, 7, 2]), [0, 1, 2, 1]))).toBe(false);
    expect(foldPad(build(0, int8("x", [1, 4, 4, 2], 1), int8("a", [1, 6, 7, 2], 2)))).toBe(false);
    expect(foldPad(build(0, int8("x", [1, 4, 4, 2], 1), int8("a", [1, 6, 7, 2], 1)))).toBe(true);
  });

  it("adds −∞ in front of a maximum while every window keeps an element", () => {
    const pool = (kernel: [number, number]) => {
      const [x, a, y] = [float("x", [1, 4, 4, 2]), float("a", [1, 5, 5, 2]), float("y", [1, 4, 4, 2])];
      return graph(
        [x],
        [
          node("pad", [x], a, { before: [0, 1, 1, 0], after: [0, 0, 0, 0], value: -Infinity }),
          node("maxPool2d", [a], y, { ...window, kernel }),
        ],
        [y],
      );
    };
    expect(foldPad(pool([2, 2]))).toBe(true);
    expect(foldPad(pool([1, 2]))).toBe(false);
  });
});

describe("absorbTransposeIntoWeights", () => {
  const build = (x: Tensor, weights: Tensor, perm: number[], transposed: number[], flat: number[]) => {
    const [a, b, y] = [
      { ...x, name: "a", shape: transposed },
      { ...x, name: "b", shape: flat },
      float("y", [...flat.slice(0, -1), weights.shape[0]]),
    ];
    return graph(
      [x],
      [
        node("transpose", [x], a, { perm }),
        node("reshape", [a], b, {}),
        node("fullyConnected", [b, weights, null], y, plain),
      ],
      [y],
    );
  };

  it("puts the columns of the weights into the order of the operand", () => {
    const w = constant("w", [2, 6], [1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60]);
    const g = build(float("x", [1, 1, 3, 2]), w, [0, 3, 1, 2], [1, 2, 1, 3], [1, 6]);
    expect(absorbTransposeIntoWeights(g)).toBe(true);
    removeDeadCode(g);
    expect(lines(g)).toEqual(["b/moved [1,6] = reshape(x)", "y [1,2] = fullyConnected(b/moved, w*, –)"]);
    expect(valuesOf(g, "y", 1)).toEqual([1, 4, 2, 5, 3, 6, 10, 40, 20, 50, 30, 60]);
    expect(Array.from(w.data as Float32Array).slice(0, 3)).toEqual([1, 2, 3]);
  });

  it("keeps batches apart", () => {
    const batch = build(float("x", [2, 3, 2]), constant("w", [1, 6]), [0, 2, 1], [2, 2, 3], [2, 6]);
    expect(absorbTransposeIntoWeights(batch)).toBe(true);
    expect(valuesOf(batch, "y", 1)).toEqual([1, 4, 2, 5, 3, 6]);
    const mixed = build(float("x", [3, 2, 2]), constant("w", [1, 6]), [1, 2, 0], [2, 2, 3], [2, 6]);
    expect(absorbTransposeIntoWeights(mixed)).toBe(false);
    const split = build(float("x", [2, 3, 2]), constant("w", [1, 4]), [0, 2, 1], [2, 2, 3], [3, 4]);
    expect(absorbTransposeIntoWeights(split)).toBe(false);
  });

  it("works on quantized weights, whose sums are exact in any order", () => {
    const w: Tensor = {
      name: "w",
      dtype: "int8",
      shape: [2, 4],
      data: Int8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      quantization: { scale: Float32Array.of(1, 2), zeroPoint: Int32Array.of(0, 0), axis: 0 },
    };
    const g = build(int8("x", [1, 2, 2]), w, [0, 2, 1], [1, 2, 2], [1, 4]);
    expect(absorbTransposeIntoWeights(g)).toBe(true);
    expect(valuesOf(g, "y", 1)).toEqual([1, 3, 2, 4, 5, 7, 6, 8]);
    expect(g.nodes[3].inputs[1]!.quantization).toBe(w.quantization);
  });
});

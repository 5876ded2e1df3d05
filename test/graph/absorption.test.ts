import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/graph/graph.ts";
import { absorbTransposeIntoWeights } from "../../src/graph/passes/absorb-transpose-into-weights.ts";
import { removeDeadCode } from "../../src/graph/passes/dead-code.ts";
import { foldAffineForward } from "../../src/graph/passes/fold-affine-forward.ts";
import { foldPad } from "../../src/graph/passes/fold-pad.ts";
import { attributesOf, constant, float, graph, int8, lines, node, plain, valuesOf, window } from "./build.ts";

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

  it("sees through a transpose, and through a reshape that adds a dimension", () => {
    const conv2d = (from: Tensor, y: Tensor) =>
      node("conv2d", [from, constant("w", [2, 1, 1, 2]), null], y, { ...window, groups: 1 });
    const [x, p, t, y] = [
      float("x", [1, 2, 4, 4]),
      float("p", [1, 2, 6, 5]),
      float("t", [1, 6, 5, 2]),
      float("y", [1, 6, 5, 2]),
    ];
    const transposed = graph(
      [x],
      [
        node("pad", [x], p, { before: [0, 0, 2, 0], after: [0, 0, 0, 1], value: 0 }),
        node("transpose", [p], t, { perm: [0, 2, 3, 1] }),
        conv2d(t, y),
      ],
      [y],
    );
    expect(foldPad(transposed)).toBe(true);
    removeDeadCode(transposed);
    expect(lines(transposed)).toEqual([
      "t/moved [1,4,4,2] = transpose(x)",
      "y [1,6,5,2] = conv2d(t/moved, w*, –)",
    ]);
    expect(attributesOf(transposed, "y")).toMatchObject({
      padding: { top: 2, left: 0, bottom: 0, right: 1 },
    });

    const [a, b, c, z] = [
      float("a", [1, 4, 2]),
      float("b", [1, 7, 2]),
      float("c", [1, 1, 7, 2]),
      float("z", [1, 1, 7, 2]),
    ];
    const causal = (before: number[], after: number[]) =>
      graph(
        [a],
        [node("pad", [a], b, { before, after, value: 0 }), node("reshape", [b], c, {}), conv2d(c, z)],
        [z],
      );
    const g = causal([0, 3, 0], [0, 0, 0]);
    expect(foldPad(g)).toBe(true);
    removeDeadCode(g);
    expect(lines(g)).toEqual(["c/moved [1,1,4,2] = reshape(a)", "z [1,1,7,2] = conv2d(c/moved, w*, –)"]);
    expect(attributesOf(g, "z")).toMatchObject({ padding: { top: 0, left: 3, bottom: 0, right: 0 } });
    expect(foldPad(causal([0, 2, 1], [0, 0, 0]))).toBe(false);
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

describe("foldAffineForward", () => {
  it("puts factors and addends in front of a flattening into weights and bias", () => {
    const [x, a, b, c, y] = [
      float("x", [1, 1, 2, 2]),
      float("a", [1, 1, 2, 2]),
      float("b", [1, 1, 2, 2]),
      float("c", [1, 4]),
      float("y", [1, 2]),
    ];
    const g = graph(
      [x],
      [
        node("mul", [x, constant("s", [1, 1, 1, 2], [10, 100])], a, plain),
        node("add", [a, constant("t", [2], [1, -1])], b, plain),
        node("reshape", [b], c, {}),
        node("fullyConnected", [c, constant("w", [2, 4]), constant("bias", [2], [0.5, 0.25])], y, plain),
      ],
      [y],
    );
    while (foldAffineForward(g));
    expect(lines(g)).toEqual(["c [1,4] = reshape(x)", "y [1,2] = fullyConnected(c, w*, bias*)"]);
    expect(valuesOf(g, "y", 1)).toEqual([10, 200, 30, 400, 50, 600, 70, 800]);
    expect(valuesOf(g, "y", 2)).toEqual([0.5 + 1 - 2 + 3 - 4, 0.25 + 5 - 6 + 7 - 8]);
  });

  it("follows the groups of a convolution and the multiplier of a depthwise one", () => {
    const [x, a, b, c, y] = [
      float("x", [1, 1, 1, 4]),
      float("a", [1, 1, 1, 4]),
      float("b", [1, 1, 1, 2]),
      float("c", [1, 1, 1, 2]),
      float("y", [1, 1, 1, 4]),
    ];
    const g = graph(
      [x],
      [
        node("mul", [x, constant("s", [4], [1, 10, 100, 1000])], a, plain),
        node("conv2d", [a, constant("w", [2, 1, 1, 2], [1, 1, 1, 1]), null], b, { ...window, groups: 2 }),
        node("sub", [b, constant("t", [2], [1, 10])], c, plain),
        node("depthwiseConv2d", [c, constant("v", [1, 1, 1, 4]), null], y, { ...window, multiplier: 2 }),
      ],
      [y],
    );
    expect(foldAffineForward(g)).toBe(true);
    expect(lines(g)).toEqual([
      "b [1,1,1,2] = conv2d(x, w*, –)",
      "y [1,1,1,4] = depthwiseConv2d(b, v*, y/bias*)",
    ]);
    expect(valuesOf(g, "b", 1)).toEqual([1, 10, 100, 1000]);
    expect(valuesOf(g, "y", 2)).toEqual([-1, -2, -30, -40]);
  });

  it("leaves an addition in front of padding and a factor that others read", () => {
    const [x, a, y] = [float("x", [1, 1, 2, 2]), float("a", [1, 1, 2, 2]), float("y", [1, 1, 3, 2])];
    const build = (op: "add" | "mul", outputs: Tensor[]) => {
      const padding = { top: 0, left: 1, bottom: 0, right: 0 };
      const inputs = [a, constant("w", [2, 1, 1, 2]), null];
      const conv2d = node("conv2d", inputs, y, { ...window, padding, groups: 1 });
      return graph([x], [node(op, [x, constant("s", [2])], a, plain), conv2d], outputs);
    };
    expect(foldAffineForward(build("add", [y]))).toBe(false);
    expect(foldAffineForward(build("mul", [y, a]))).toBe(false);
    expect(foldAffineForward(build("mul", [y]))).toBe(true);
  });
});

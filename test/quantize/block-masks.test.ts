import { describe, expect, it } from "vitest";
import { noActivation } from "../../src/graph/graph.ts";
import { averages } from "../../src/quantize/gradient/averages.ts";
import { createNetwork } from "../../src/quantize/gradient/network.ts";
import { createProducts } from "../../src/quantize/gradient/products.ts";
import { addChanges, apply, blockMask, countGone, cut } from "../../src/quantize/methods/block-masks.ts";
import { defaultScheme } from "../../src/quantize/schemes.ts";
import { activation, constant, graphOf, operator, randomValues } from "./build.ts";
import { referenceExecutor } from "./reference-executor.ts";

/** Two layers, 10 × 6 and 3 × 10, in blocks of 4 × 4: 6 and 3 of them, smaller ones at the edges. */
function masksOf(prune = 0.5) {
  const [x, a, y] = [activation("x", [1, 6]), activation("a", [1, 10]), activation("y", [1, 3])];
  const free = { activation: noActivation };
  const graph = graphOf(
    [x],
    [
      operator("fullyConnected", [x, constant("w", [10, 6], randomValues(60, 1)), null], a, free),
      operator("fullyConnected", [a, constant("v", [3, 10], randomValues(30, 2)), null], y, free),
    ],
    [y],
  );
  const { layers } = createNetwork(graph, 1, createProducts(referenceExecutor));
  return layers.map((layer) => blockMask(layer, { ...defaultScheme, prune, pruneBlock: [4, 4] }));
}

describe("blocks of weights", () => {
  it("go from all layers together, least score first, never all of a layer", () => {
    const masks = masksOf();
    expect(masks.map(({ gone }) => gone.length)).toEqual([6, 3]);
    masks[0]!.scores.set([9, 8, 7, 6, 5, 4]);
    masks[1]!.scores.set([1, 2, 3]);
    cut(masks, 0.5);
    expect(masks.map(countGone)).toEqual([0, 2]);
    cut(masks, 1);
    // The last block of the second layer stays, however little it matters.
    expect(masks.map(countGone)).toEqual([2, 2]);
    expect([...masks[0]!.gone]).toEqual([0, 0, 0, 0, 1, 1]);
    for (const mask of masks) apply(mask);
    const [first, second] = masks.map(({ trained }) => trained.weights.value);
    // Rows 8 and 9 are the third row of blocks.
    expect([...first!.subarray(48)]).toEqual(new Array(12).fill(0));
    expect(first!.subarray(0, 48).every((w) => w !== 0)).toBe(true);
    expect([...second!].map((w) => (w === 0 ? 0 : 1))).toEqual(
      [0, 1, 2].flatMap(() => [0, 0, 0, 0, 0, 0, 0, 0, 1, 1]),
    );
  });

  it("are scored by what the loss changes by without them, sign by sign", () => {
    const [mask] = masksOf();
    const { value, gradient } = mask!.trained.weights;
    gradient.set(value.map((w, at) => (at === 0 ? 3 / w : at === 1 ? -1 / w : 0)));
    addChanges(mask!);
    expect(mask!.scores[0]).toBeCloseTo(0.02 * 4, 5);
    expect([...mask!.scores.subarray(1)]).toEqual([0, 0, 0, 0, 0]);
  });
});

describe("averages", () => {
  it("begin as plain means, then forget", () => {
    const parameter = { value: Float32Array.of(0, 5) };
    const means = averages([parameter], 0.9);
    for (let i = 0; i < 400; i++) {
      parameter.value[0] = i < 200 ? 1 : 3;
      means.add();
    }
    means.use();
    expect(parameter.value[0]).toBeCloseTo(3, 4);
    expect(parameter.value[1]).toBeCloseTo(5, 5);
  });
});

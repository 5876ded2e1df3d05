import { describe, expect, it } from "vitest";
import { noActivation } from "../../src/graph/graph.ts";
import { quantize } from "../../src/quantize/index.ts";
import { matrixOf } from "../../src/quantize/layers/matrix.ts";
import { zeroShare } from "../../src/quantize/methods/zero-blocks.ts";
import type { LayerScheme } from "../../src/quantize/schemes.ts";
import { activation, constant, graphOf, operator, randomValues } from "./build.ts";
import { referenceExecutor } from "./reference-executor.ts";

/** A layer of 18 × 22, in blocks of 8 × 4 3 × 6 of them, smaller at the edges; weights in one of every `kept` of them. */
function sparse(kept: number) {
  const values = randomValues(18 * 22, 3).map((w, at) => {
    const block = Math.floor(at / 22 / 8) * 6 + Math.floor((at % 22) / 4);
    return block % kept === 0 ? w : 0;
  });
  const [x, y] = [activation("x", [1, 22]), activation("y", [1, 18])];
  const layer = operator("fullyConnected", [x, constant("w", [18, 22], values), null], y, {
    activation: noActivation,
  });
  return { graph: graphOf([x], [layer], [y]), values };
}

/** What is correlated tempts second-order methods to fill zeros. */
const samples = Array.from({ length: 40 }, (_, s) => {
  const shared = randomValues(4, 100 + s);
  return {
    name: `${s}`,
    inputs: [randomValues(22, s + 1).map((v, i) => 0.3 * v + shared[i % 4]!)],
  };
});

describe("zero blocks", () => {
  it("are counted, smaller ones at the edges too", () => {
    for (const [kept, share] of [
      [1, 0],
      [3, 12 / 18],
      [6, 15 / 18],
    ] as const)
      expect(zeroShare(matrixOf(sparse(kept).graph.nodes[0]!)!, [8, 4])).toBe(share);
  });

  it("stay zero by every scheme and method", () => {
    const { graph, values } = sparse(3);
    const settings: Partial<LayerScheme>[] = [
      { scheme: "int8" },
      { scheme: "int8", method: "gptq" },
      { scheme: "int4", method: "gptq" },
      { scheme: "int4", method: "adaround" },
      { scheme: "codebook", method: "mse" },
    ];
    for (const wanted of settings) {
      const made = quantize(graph, samples, {
        makeExecutor: referenceExecutor,
        recipe: { default: wanted },
      });
      const { data } = made.graph.nodes.find(({ op }) => op === "fullyConnected")!.inputs[1]!;
      const filled = values.filter((w, at) => w === 0 && Number(data![at]) !== 0).length;
      expect(filled, `${wanted.scheme}, ${wanted.method ?? "rtn"}`).toBe(0);
      expect(Array.from(data!, Number).some((w) => w !== 0)).toBe(true);
    }
  });
});

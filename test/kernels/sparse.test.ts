import { describe, expect, test } from "vitest";
import { OP_GEMM_QS8, OP_GEMM_SPARSE_QS8 } from "../../assembly/codes.ts";
import { decode } from "../../src/format/decode.ts";
import { pack } from "../../src/pack/pack.ts";
import { caseOf, convGraph, fullyConnectedGraph, type LayerOptions, randomFrom } from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

let seed = 5200;

/** A layer of which about `density` of the blocks of 8 columns × 4 k have weights. */
function sparseCase(m: number, n: number, k: number, density: number, options: Partial<LayerOptions> = {}) {
  const random = randomFrom(seed++);
  const graph = fullyConnectedGraph(random, [m], n, k, { kind: "int8", ...options });
  const data = graph.nodes[0]!.inputs[1]!.data as Int8Array;
  const keeps = Array.from(
    { length: Math.ceil(n / 8) * Math.ceil(k / 4) },
    () => random.real(0, 1) < density,
  );
  for (let i = 0; i < n; i++)
    for (let j = 0; j < k; j++) if (!keeps[(i >> 3) * Math.ceil(k / 4) + (j >> 2)]) data[i * k + j] = 0;
  return caseOf(random, graph, options.weights === "extremes" ? "extremes" : "random");
}

const codeOf = ({ graph }: ReturnType<typeof caseOf>): number => decode(pack(graph).bytes).operators[0]!.code;

describe.each(["single", "double"] as const)("block-sparse weights, %s", (rounding) => {
  test("rows, columns and k around every edge", () => {
    for (const m of [1, 2, 3, 4, 5, 8, 9, 33, 38])
      for (const [n, k] of [
        [1, 16],
        [7, 33],
        [8, 40],
        [9, 41],
        [17, 63],
        [24, 130],
      ] as const)
        expectExact(sparseCase(m, n, k, 0.3, { rounding }), `${m}×${n}×${k}`);
  });

  test("every density, an empty matrix, and extremes", () => {
    for (const density of [0, 0.02, 0.5, 0.7, 0.8, 1])
      for (const m of [1, 6]) {
        expectExact(sparseCase(m, 16, 64, density, { rounding }));
        expectExact(sparseCase(m, 16, 64, density, { rounding, weights: "extremes", zeroPoints: "lowest" }));
      }
  });
});

test("the packer takes the sparse kernel where it is faster, for 1×1 convolutions too", () => {
  expect(codeOf(sparseCase(4, 64, 64, 0.3))).toBe(OP_GEMM_SPARSE_QS8);
  expect(codeOf(sparseCase(4, 64, 64, 0.95))).toBe(OP_GEMM_QS8);
  const random = randomFrom(1);
  const graph = convGraph(random, { kernel: [1, 1], input: [1, 3, 3, 16], outputs: 8, weights: "zeros" });
  expect(codeOf(caseOf(random, graph))).toBe(OP_GEMM_SPARSE_QS8);
  expectExact(caseOf(random, graph));
});

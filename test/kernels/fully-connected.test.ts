import { describe, test } from "vitest";
import type { Rounding } from "../../src/graph/graph.ts";
import {
  caseOf,
  fullyConnectedGraph,
  type Kind,
  type LayerOptions,
  randomFrom,
  type Spread,
} from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

/** Powers of two by which outputs are out of range: at 2²³ a float32 sum with 1.5 · 2²³ changes its sign. */
const excesses = Array.from({ length: 34 }, (_, i) => i);

const edges = [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 67];
const rowCounts = [1, 2, 3, 4, 5, 7, 8, 9, 13];
let seed = 2000;

function check(
  rows: number[],
  n: number,
  k: number,
  options: Partial<LayerOptions>,
  spread: Spread = "random",
): void {
  const random = randomFrom(seed++);
  const graph = fullyConnectedGraph(random, rows, n, k, options);
  expectExact(caseOf(random, graph, spread), `[${rows}]×${k} → ${n} ${JSON.stringify(options)}`);
}

describe.each(["int8", "uint8", "float32"] as Kind[])("fullyConnected of %s", (kind) => {
  const ways: Rounding[] = kind === "float32" ? ["single"] : ["single", "double"];

  test.each(ways)("every tile edge, %s", (rounding) => {
    for (const [i, n] of edges.entries())
      for (const [j, k] of edges.entries())
        check([rowCounts[(i * 7 + j) % 9]!], n, k, {
          kind,
          rounding,
          perChannel: j % 2 === 0,
          hasBias: (i + j) % 3 > 0,
          weightOffset: kind === "uint8" ? (j % 4) * 20 - 30 : 0,
        });
  });

  test.each(ways)("more rows than are prepared at a time, %s", (rounding) => {
    for (const rows of [28, 32, 33, 34, 37, 63, 65, 67])
      for (const [n, k] of [
        [9, 8],
        [16, 33],
        [1, 300],
      ] as const)
        check([rows], n, k, { kind, rounding, weightOffset: kind === "uint8" && k === 33 ? 20 : 0 });
  });

  test.each(ways)("long sums, several leading dimensions, fused activations, %s", (rounding) => {
    check([2, 3], 10, 300, { kind, rounding, activation: { min: 0, max: Infinity } });
    check([1, 1, 5], 67, 129, { kind, rounding, activation: { min: -1, max: 1 } });
    check([1], 257, 1025, { kind, rounding, activation: { min: 0, max: 6 } });
  });

  test.each(ways)("extremes, %s", (rounding) => {
    for (const weights of ["extremes", "zeros"] as const)
      for (const zeroPoints of ["lowest", "highest"] as const)
        for (const weightOffset of [-128, 0, 127])
          for (const rows of [1, 6])
            check(
              [rows],
              9,
              67,
              { kind, rounding, weights, zeroPoints, weightOffset, perChannel: false },
              "extremes",
            );
  });
});

test.each(["single", "double"] as const)("outputs far out of range, %s", (rounding) => {
  for (const excess of excesses) {
    const random = randomFrom(seed++);
    const graph = fullyConnectedGraph(random, [6], 16, 8, { rounding });
    const { scale } = graph.outputs[0]!.quantization!;
    scale[0]! *= 2 ** -excess;
    expectExact(caseOf(random, graph, "random"), `2^${excess}`);
  }
});

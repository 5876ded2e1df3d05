import { describe, expect, it } from "vitest";
import { noActivation } from "../../src/graph/graph.ts";
import { quantize } from "../../src/quantize/index.ts";
import { svd } from "../../src/quantize/methods/svd.ts";
import { activation, constant, graphOf, operator, randomValues } from "./build.ts";
import { referenceExecutor } from "./reference-executor.ts";

describe("singular values", () => {
  it.each([
    [5, 5],
    [9, 4],
    [4, 9],
    [1, 6],
    [6, 1],
  ])("of %i × %i matrices: orthogonal vectors whose product is the matrix", (n, m) => {
    const a = randomValues(n * m, 10 * n + m);
    const { values, left, right } = svd(a, n, m);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < m; j++) {
        let sum = 0;
        for (let r = 0; r < m; r++) sum += left[i * m + r]! * right[r * m + j]!;
        expect(sum).toBeCloseTo(a[i * m + j]!, 9);
      }
    for (let p = 0; p < m; p++) {
      if (p > 0) expect(values[p]).toBeLessThanOrEqual(values[p - 1]!);
      for (let q = 0; q < m; q++) {
        let [inner, outer] = [0, 0];
        for (let i = 0; i < m; i++) inner += right[p * m + i]! * right[q * m + i]!;
        for (let i = 0; i < n; i++) outer += left[i * m + p]! * left[i * m + q]!;
        expect(inner).toBeCloseTo(p === q ? 1 : 0, 9);
        expect(outer).toBeCloseTo(p === q ? values[p]! ** 2 : 0, 9);
      }
    }
  });
});

describe("low-rank factorization", () => {
  const [x, y] = [activation("x", [3, 32]), activation("y", [3, 24])];
  /** A product of 24 × 8 and 8 × 32 matrices. */
  const [tall, wide] = [randomValues(24 * 8, 1), randomValues(8 * 32, 2)];
  const w = Float32Array.from({ length: 24 * 32 }, (_, at) => {
    let sum = 0;
    for (let r = 0; r < 8; r++) sum += tall[Math.floor(at / 32) * 8 + r]! * wide[r * 32 + (at % 32)]!;
    return sum;
  });
  const graph = graphOf(
    [x],
    [
      operator(
        "fullyConnected",
        [x, constant("w", [24, 32], w), constant("b", [24], randomValues(24, 3))],
        y,
        {
          activation: noActivation,
        },
      ),
    ],
    [y],
  );
  const samples = [1, 2, 3].map((seed) => ({ name: `${seed}`, inputs: [randomValues(96, seed)] }));
  const made = (lowRank: number) =>
    quantize(graph, samples, {
      makeExecutor: referenceExecutor,
      recipe: { default: { scheme: "float32" } },
      lowRank,
    });

  it("keeps a matrix of that rank, in two of fewer weights", () => {
    const { graph: split, report } = made(0.6);
    expect(split.nodes.map(({ inputs }) => inputs[1]!.shape)).toEqual([
      [8, 32],
      [24, 8],
    ]);
    expect(report.outputs[0]!.sqnr).toBeGreaterThan(100);
  });

  it("leaves a layer whole where nothing is won", () => {
    expect(made(0.4).graph.nodes).toHaveLength(1);
    expect(made(0.4).report.outputs[0]!.sqnr).toBeNull();
  });
});

import { describe, expect, it } from "vitest";
import { inverseDiagonal, inverseFactor, solve } from "../../src/quantize/methods/cholesky.ts";
import { cluster, codebookGrid } from "../../src/quantize/methods/codebook.ts";
import { roundInTurn } from "../../src/quantize/methods/gptq.ts";
import { nearestHalf, uniformGrid } from "../../src/quantize/methods/grid.ts";
import { compensate, pruneMask } from "../../src/quantize/methods/prune.ts";
import { random } from "./build.ts";

/** A Aᵀ of a random k × 2k matrix whose rows resemble each other. */
function secondMoments(k: number, seed: number): Float64Array {
  const next = random(seed);
  const samples = Array.from({ length: 2 * k }, () => {
    const shared = next();
    return Float64Array.from({ length: k }, () => next() + 2 * shared);
  });
  return Float64Array.from({ length: k * k }, (_, at) =>
    samples.reduce((sum, x) => sum + (x[Math.floor(at / k)]! * x[at % k]!) / samples.length, 0),
  );
}

/** What an error e of a row's weights costs: eᵀ H e. */
const cost = (h: Float64Array, e: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < e.length; i++)
    for (let j = 0; j < e.length; j++) sum += e[i]! * h[i * e.length + j]! * e[j]!;
  return sum;
};
const upTo = (k: number): Int32Array => Int32Array.from({ length: k }, (_, i) => i);

describe("the factor of an inverse", () => {
  it.each([1, 2, 5, 17])("of %i rows: Uᵀ U A = I", (n) => {
    const a = secondMoments(n, n);
    const u = inverseFactor(a, n)!;
    const diagonal = inverseDiagonal(u, n);
    for (let j = 0; j < n; j++) {
      const unit = Float64Array.from({ length: n }, (_, i) => (i === j ? 1 : 0));
      const column = solve(u, n, unit);
      expect(column[j]).toBeCloseTo(diagonal[j]!, 8);
      for (let i = 0; i < n; i++) {
        let sum = 0;
        for (let k = 0; k < n; k++) sum += a[i * n + k]! * column[k]!;
        expect(sum).toBeCloseTo(unit[i]!, 7);
        if (i > j) expect(u[i * n + j]).toBe(0);
      }
    }
  });

  it("does not exist for matrices that are not positive definite", () => {
    expect(inverseFactor(Float64Array.of(1, 2, 2, 1), 2)).toBeUndefined();
    expect(inverseFactor(Float64Array.of(0), 1)).toBeUndefined();
    expect(inverseFactor(Float64Array.of(Number.NaN), 1)).toBeUndefined();
  });
});

const importance = () => 1;
const rowsOf = (n: number, k: number, seed: number) => {
  const next = random(seed);
  return { values: Float64Array.from({ length: n * k }, next), n, k };
};
const errorOf = (rows: ReturnType<typeof rowsOf>, grid: ReturnType<typeof uniformGrid>): number =>
  rows.values.reduce((sum, v, at) => {
    const [n, i] = [Math.floor(at / rows.k), at % rows.k];
    return sum + (v - grid.real(grid.round(v, n, i), n, i)) ** 2;
  }, 0);

describe("uniform grids", () => {
  it("hold 0, stay within their ends, and miss by half a step at most", () => {
    for (const isAsymmetric of [false, true]) {
      const rows = rowsOf(3, 21, 5);
      const options = { blockSize: 8, low: -8, high: 7, isAsymmetric, clips: false, importance };
      const grid = uniformGrid(rows, options);
      expect(grid.scale).toHaveLength(9);
      for (const [at, value] of rows.values.entries()) {
        const [n, k] = [Math.floor(at / 21), at % 21];
        const stored = grid.round(value, n, k);
        expect(stored).toBeGreaterThanOrEqual(-8);
        expect(stored).toBeLessThanOrEqual(7);
        expect(Math.abs(grid.real(stored, n, k) - value)).toBeLessThanOrEqual(
          grid.scale[n * 3 + Math.floor(k / 8)]! * 0.500001,
        );
        expect(grid.real(grid.round(0, n, k), n, k)).toBe(0);
      }
    }
  });

  it("clip where that loses less", () => {
    const rows = rowsOf(4, 32, 6);
    for (let n = 0; n < 4; n++) rows.values[n * 32] = 2.5;
    for (const [low, high] of [
      [-8, 7],
      [-2, 1],
    ]) {
      const options = { blockSize: 32, low: low!, high: high!, isAsymmetric: false, importance };
      const nearest = errorOf(rows, uniformGrid(rows, { ...options, clips: false }));
      const clipped = errorOf(rows, uniformGrid(rows, { ...options, clips: true }));
      expect(clipped).toBeLessThan(0.9 * nearest);
    }
  });

  it("give blocks of zeros a scale that is in use", () => {
    const rows = { values: Float64Array.of(0, 0, 7, -7), n: 2, k: 2 };
    const options = { blockSize: 8, low: -8, high: 7, isAsymmetric: false, clips: true, importance };
    const { scale } = uniformGrid(rows, options);
    expect(scale[0]).toBe(scale[1]);
    expect(scale[1]).toBeGreaterThan(0);
  });

  it("round to float16, ties to even", () => {
    expect([1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 2049, 65519, 65520, -1e9].map(nearestHalf)).toEqual([
      1,
      1,
      1 + 2 ** -9,
      2048,
      65504,
      Infinity,
      -Infinity,
    ]);
    expect([2 ** -24, 2 ** -25, 2 ** -25 * 1.01, 0].map(nearestHalf)).toEqual([2 ** -24, 0, 2 ** -24, 0]);
  });
});

describe("codebooks", () => {
  const histogram = (values: number[]): Float64Array => {
    const mass = new Float64Array(255);
    for (const value of values) mass[value + 127]!++;
    return mass;
  };

  it("are the best of all splits", () => {
    const values = [-100, -99, -97, -20, -19, 3, 4, 5, 60, 61, 120, 127];
    const [found, k] = [cluster(histogram(values), 3), 3];
    const loss = (centres: number[]) =>
      values.reduce((sum, v) => sum + Math.min(...centres.map((c) => (v - c) ** 2)), 0);
    const mean = (from: number, to: number) =>
      Math.round(values.slice(from, to).reduce((a, b) => a + b, 0) / (to - from));
    let best = Infinity;
    for (let i = 1; i < values.length - 1; i++)
      for (let j = i + 1; j < values.length; j++)
        best = Math.min(best, loss([mean(0, i), mean(i, j), mean(j, values.length)]));
    expect(found).toHaveLength(k);
    expect(loss(found)).toBe(best);
  });

  it("hold every value, where there are no more than 16", () => {
    expect(cluster(histogram([-127, 0, 5, 127]), 16)).toEqual([-127, 0, 5, 127]);
    expect(cluster(new Float64Array(255), 16)).toEqual([0]);
  });

  it("answer with their nearest value, and hold 0 where asked", () => {
    const rows = rowsOf(4, 40, 8);
    const grid = codebookGrid(rows, { blockSize: 16, importance, zero: "among" });
    expect(grid.codebook.length).toBeLessThanOrEqual(16);
    expect(grid.codebook).toContain(0);
    for (const [at, value] of rows.values.entries()) {
      const [n, k] = [Math.floor(at / 40), at % 40];
      const error = Math.abs(grid.real(grid.round(value, n, k), n, k) - value);
      for (const c of grid.codebook)
        expect(error).toBeLessThanOrEqual(Math.abs(grid.real(c, n, k) - value) + 1e-12);
    }
  });
});

describe("GPTQ", () => {
  it("costs less than the nearest values, and equals them where inputs are independent", () => {
    const k = 24;
    let [ours, theirs] = [0, 0];
    for (let seed = 1; seed <= 5; seed++) {
      const rows = rowsOf(1, k, seed);
      const options = { blockSize: 24, low: -8, high: 7, isAsymmetric: false, clips: true, importance };
      const grid = uniformGrid(rows, options);
      const errors = (stored: Float64Array) => rows.values.map((v, i) => v - grid.real(stored[i]!, 0, i));
      const nearest = rows.values.map((v, i) => grid.round(v, 0, i));
      const h = secondMoments(k, 100 + seed);
      const turned = new Float64Array(k);
      roundInTurn(rows.values, turned, 0, upTo(k), inverseFactor(h, k)!, grid);
      ours += cost(h, errors(turned));
      theirs += cost(h, errors(nearest));
      const identity = h.map((_, at) => (at % (k + 1) === 0 ? 1 : 0));
      roundInTurn(rows.values, turned, 0, upTo(k), inverseFactor(identity, k)!, grid);
      expect(turned).toEqual(nearest);
    }
    expect(ours).toBeLessThan(0.5 * theirs);
  });
});

describe("pruning", () => {
  it("removes the smallest blocks, the stated share of them", () => {
    const rows = { values: Float64Array.of(1, 2, 9, 9, 3, 4, 1, 1), n: 2, k: 4 };
    expect([...pruneMask(rows, { share: 0.5, block: [1, 2] })]).toEqual([0, 0, 1, 1, 1, 1, 0, 0]);
    expect([...pruneMask(rows, { share: 0.5, block: [2, 2] })]).toEqual([0, 0, 1, 1, 0, 0, 1, 1]);
    expect([...pruneMask(rows, { share: 0.49, block: [2, 2] })]).toEqual(Array(8).fill(1));
    // Weights whose inputs hardly count cost little, however large.
    const inverse = Float64Array.of(1, 1, 1000, 1000);
    expect([...pruneMask(rows, { share: 0.5, block: [2, 2] }, inverse)]).toEqual([1, 1, 0, 0, 1, 1, 0, 0]);
  });

  it("compensates: no other weights on the same support cost less", () => {
    const k = 12;
    const h = secondMoments(k, 3);
    const { values } = rowsOf(1, k, 4);
    const order = Int32Array.of(7, 2, 3, 10, 0);
    const part = Float64Array.from(
      { length: 25 },
      (_, at) => h[order[Math.floor(at / 5)]! * k + order[at % 5]!]!,
    );
    const moved = values.slice();
    compensate(moved, order, h, inverseFactor(part, 5)!);
    const loss = (w: Float64Array) =>
      cost(
        h,
        w.map((v, i) => v - values[i]!),
      );
    const plain = values.map((v, i) => (order.includes(i) ? v : 0));
    expect(loss(moved)).toBeLessThan(loss(plain));
    for (let i = 0; i < k; i++) {
      if (!order.includes(i)) expect(moved[i]).toBe(0);
      else
        for (const step of [-1e-3, 1e-3]) {
          const near = moved.slice();
          near[i]! += step;
          expect(loss(near)).toBeGreaterThan(loss(moved));
        }
    }
  });
});

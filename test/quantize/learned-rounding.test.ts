import { describe, expect, it } from "vitest";
import { roundLearned } from "../../src/quantize/methods/adaround.ts";
import { uniformGrid } from "../../src/quantize/methods/grid.ts";
import { halfQuadraticGrid } from "../../src/quantize/methods/hqq.ts";
import { random } from "./build.ts";

const options = {
  blockSize: 16,
  low: -8,
  high: 7,
  isAsymmetric: false,
  clips: false,
  importance: () => 1,
};

/** E[x xᵀ] of inputs that resemble each other. */
function moments(k: number, seed: number): Float64Array {
  const next = random(seed);
  const samples = Array.from({ length: 3 * k }, () => {
    const shared = 2 * next();
    return Float64Array.from({ length: k }, () => next() + shared);
  });
  return Float64Array.from({ length: k * k }, (_, at) =>
    samples.reduce((sum, x) => sum + (x[Math.floor(at / k)]! * x[at % k]!) / samples.length, 0),
  );
}

function cost(h: Float64Array, e: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < e.length; i++)
    for (let j = 0; j < e.length; j++) sum += e[i]! * h[i * e.length + j]! * e[j]!;
  return sum;
}

describe("AdaRound", () => {
  const k = 16;
  const order = Int32Array.from({ length: k }, (_, i) => i);
  const problem = (seed: number) => {
    const values = Float64Array.from({ length: k }, random(seed));
    const grid = uniformGrid({ values, n: 1, k }, options);
    const rounded = (h: Float64Array) => {
      const stored = new Float64Array(k);
      roundLearned(values, stored, 0, order, h, grid);
      return stored;
    };
    const error = (stored: Float64Array) => stored.map((q, i) => grid.real(q, 0, i) - values[i]!);
    return { grid, values, rounded, error, nearest: values.map((v, i) => grid.round(v, 0, i)) };
  };
  const { values, grid, rounded, nearest } = problem(3);

  it("goes to neighbours on the grid, for less error of the output than the nearest values make", () => {
    let shares = 0;
    for (let seed = 1; seed <= 8; seed++) {
      const { grid, values, rounded, error, nearest } = problem(seed);
      const h = moments(k, seed + 20);
      const stored = rounded(h);
      shares += cost(h, error(stored)) / cost(h, error(nearest)) / 8;
      for (const [i, q] of stored.entries()) {
        expect(Number.isInteger(q) && q >= -8 && q <= 7).toBe(true);
        expect(Math.abs(grid.real(q, 0, i) - values[i]!)).toBeLessThan(grid.real(1, 0, i) * (1 + 1e-6));
      }
      expect(rounded(h)).toEqual(stored);
    }
    expect(shares).toBeLessThan(0.6);
  });

  it("takes the nearest values where inputs have nothing to do with each other", () => {
    const h = new Float64Array(k * k);
    for (let i = 0; i < k; i++) h[i * k + i] = 1;
    expect(rounded(h)).toEqual(nearest);
  });

  it("leaves what is not in the order alone", () => {
    const stored = new Float64Array(k).fill(5);
    roundLearned(values, stored, 0, Int32Array.of(2, 9), moments(k, 8), grid);
    expect(stored.filter((q) => q === 5).length).toBeGreaterThanOrEqual(k - 2);
  });
});

describe("half-quadratic grids", () => {
  const k = 64;
  const next = random(5);
  /** Small weights and one large. */
  const values = Float64Array.from({ length: k }, (_, i) => (i === 10 ? 4 : next() ** 3));
  const wide = { ...options, blockSize: k };
  const power = (grid: ReturnType<typeof uniformGrid>) =>
    values.reduce((sum, v, i) => sum + Math.abs(v - grid.real(grid.round(v, 0, i), 0, i)) ** 0.7, 0);

  it.each([false, true])("lose less where outliers count little (zero points: %s)", (isAsymmetric) => {
    const rows = { values, n: 1, k };
    const [plain, found] = [uniformGrid, halfQuadraticGrid].map((make) =>
      make(rows, { ...wide, isAsymmetric }),
    );
    expect(power(found!)).toBeLessThan(power(plain!));
    for (const z of found!.zeroPoint) expect(Number.isInteger(z) && z >= -8 && z <= 7).toBe(true);
  });

  it("are the full range where that is exact", () => {
    const exact = Float64Array.from({ length: 15 }, (_, i) => i - 7);
    const grid = halfQuadraticGrid({ values: exact, n: 1, k: 15 }, options);
    expect(exact.map((v, i) => grid.real(grid.round(v, 0, i), 0, i))).toEqual(exact);
  });
});

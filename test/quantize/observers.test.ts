import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { minMaxObserver } from "../../src/quantize/observers/min-max.ts";
import type { Observer } from "../../src/quantize/observers/observer.ts";
import { percentileObserver } from "../../src/quantize/observers/percentile.ts";
import { random } from "./build.ts";

const observed = (observer: Observer, ...batches: ArrayLike<number>[]) => {
  for (const batch of batches) observer.observe(Float32Array.from(batch));
  return observer.range();
};

/** The ends of the central `percentile` % of `values`, from the sorted list. */
function exactRange(values: Float32Array, percentile: number) {
  const sorted = values.slice().sort();
  const cut = (values.length * (100 - percentile)) / 200;
  return { min: sorted[Math.floor(cut)]!, max: sorted[Math.ceil(values.length - cut) - 1]! };
}

describe("min-max", () => {
  it("is exact over batches", () => {
    expect(observed(minMaxObserver(), [1, -2], [5, 0], [])).toEqual({ min: -2, max: 5 });
    expect(observed(minMaxObserver(), [3])).toEqual({ min: 3, max: 3 });
    expect(observed(minMaxObserver())).toEqual({ min: 0, max: 0 });
  });
});

describe("percentile", () => {
  /** Sums of uniform numbers, shifted; about normal. */
  const bell = (count: number, seed: number, shift: number) => {
    const next = random(seed);
    return Float32Array.from({ length: count }, () => shift + next() + next() + next() + next());
  };

  it.each([90, 99, 99.9, 99.99])("keeps the central %s %% within a bin's width", (percentile) => {
    for (const shift of [0, 3, -40]) {
      const values = bell(40000, 7, shift);
      const range = observed(percentileObserver(percentile), values);
      const exact = exactRange(values, percentile);
      const limit = 2 ** (Math.floor(Math.log2(values.reduce((a, v) => Math.max(a, Math.abs(v)), 0))) + 1);
      // Beyond the bin, sparse tails leave gaps between neighbouring values.
      const gap = percentile > 99.9 ? 0.1 : 0.01;
      expect(Math.abs(range.min - exact.min)).toBeLessThan(limit / 8192 + gap);
      expect(Math.abs(range.max - exact.max)).toBeLessThan(limit / 8192 + gap);
    }
  });

  it("cuts a lone outlier that min-max would keep", () => {
    const values = bell(20000, 3, 0);
    values[11] = 1000;
    const { min, max } = observed(percentileObserver(99.9), values);
    expect(max).toBeLessThan(5);
    expect(min).toBeGreaterThan(-5);
    expect(observed(minMaxObserver(), values).max).toBe(1000);
  });

  it("does not depend on order or batches", () => {
    const value = fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.float({ min: -4, max: 4, noNaN: true }),
      fc.constantFrom(0, 1, 2, 4, 0.5, -1, -8, 1e-40, 3e38),
    );
    const lists = fc.array(value, { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(lists, fc.nat(), (values, seed) => {
        const next = random(seed);
        const keys = new Map(values.map((_, i) => [i, next()]));
        const shuffled = values.map((_, i) => i).sort((a, b) => keys.get(a)! - keys.get(b)!);
        const cut = seed % values.length;
        const one = observed(percentileObserver(95), values);
        const other = observed(
          percentileObserver(95),
          shuffled.slice(0, cut).map((i) => values[i]!),
          shuffled.slice(cut).map((i) => values[i]!),
        );
        expect(other).toEqual(one);
      }),
      { numRuns: 40 },
    );
  });

  it("stays inside what was seen, also while its range doubles", () => {
    const grown = percentileObserver(99);
    for (let exponent = -20; exponent <= 20; exponent++) grown.observe(Float32Array.of(2 ** exponent));
    const { min, max } = grown.range();
    expect(min).toBeGreaterThanOrEqual(2 ** -20);
    expect(max).toBeLessThanOrEqual(2 ** 20);
    expect(max).toBeGreaterThan(2 ** 19);
  });

  it("is min-max at 100", () => {
    expect(observed(percentileObserver(100), [0.1, -7, 3])).toEqual({ min: -7, max: 3 });
  });

  it("takes zeros and nothing at all", () => {
    expect(observed(percentileObserver(99.9), [0, 0, 0])).toEqual({ min: 0, max: 0 });
    expect(observed(percentileObserver(99.9))).toEqual({ min: 0, max: 0 });
    const { min, max } = observed(percentileObserver(99.9), [0, 0], [4, 4, 4, 4]);
    expect(min).toBeCloseTo(0, 2);
    expect(max).toBe(4);
  });

  it("refuses shares that keep too little", () => {
    for (const percentile of [50, 0, 101, Number.NaN]) {
      expect(() => percentileObserver(percentile)).toThrow(RangeError);
    }
  });
});

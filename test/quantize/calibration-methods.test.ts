import { describe, expect, it } from "vitest";
import { affineOfRange, quantizeValue, type Range } from "../../src/quantize/affine.ts";
import { entropyObserver } from "../../src/quantize/observers/entropy.ts";
import { movingAverageObserver } from "../../src/quantize/observers/moving-average.ts";
import { mseObserver } from "../../src/quantize/observers/mse.ts";
import type { Observer } from "../../src/quantize/observers/observer.ts";
import { random } from "./build.ts";

const observed = (observer: Observer, ...batches: ArrayLike<number>[]): Range => {
  for (const batch of batches) observer.observe(Float32Array.from(batch));
  return observer.range();
};

/** About normal with variance 4/3. */
function bell(count: number, seed: number): Float32Array {
  const next = random(seed);
  return Float32Array.from({ length: count }, () => next() + next() + next() + next());
}

/** Mean squared error of the values in int8 over `range`, by rounding every one. */
function errorOf(values: Float32Array, range: Range): number {
  const affine = affineOfRange(range);
  return values.reduce((sum, x) => {
    const error = affine.scale * (quantizeValue(x, affine) - affine.zeroPoint) - x;
    return sum + error * error;
  }, 0);
}

describe("moving average", () => {
  it("is the mean of the extremes of up to 100 samples", () => {
    expect(observed(movingAverageObserver(), [1, -2], [5, 0])).toEqual({ min: -1, max: 3 });
    const many = Array.from({ length: 100 }, (_, i) => [-i, i]);
    const { min, max } = observed(movingAverageObserver(), ...many);
    expect(max).toBeCloseTo(49.5, 9);
    expect(min).toBeCloseTo(-49.5, 9);
  });

  it("gives each later sample 1 %", () => {
    const observer = movingAverageObserver();
    for (let i = 0; i < 300; i++) observer.observe(Float32Array.of(0, 1));
    observer.observe(Float32Array.of(0, 101));
    expect(observer.range().max).toBeCloseTo(2, 9);
  });

  it("leaves empty batches out", () => {
    expect(observed(movingAverageObserver(), [], [2, 4], [])).toEqual({ min: 2, max: 4 });
    expect(observed(movingAverageObserver())).toEqual({ min: 0, max: 0 });
  });
});

describe("MSE", () => {
  it("clips lone outliers to lower error than min-max, never to more", () => {
    for (const outlier of [4, 20, 60]) {
      const values = bell(20000, 3);
      values[17] = outlier;
      const range = observed(mseObserver(), values);
      const whole = { min: Math.min(...values), max: Math.max(...values) };
      expect(errorOf(values, range)).toBeLessThanOrEqual(errorOf(values, whole) * 1.001);
      expect(range.min).toBeGreaterThanOrEqual(whole.min);
      expect(range.max).toBeLessThanOrEqual(whole.max);
    }
  });

  it("is near the best of all ranges", () => {
    const values = bell(20000, 5);
    values[0] = 30;
    const found = errorOf(values, observed(mseObserver(), values));
    for (let max = 0.5; max <= 30; max += 0.25)
      expect(found).toBeLessThanOrEqual(errorOf(values, { min: Math.min(...values), max }) * 1.02);
  });

  it("counts zeros as exact, so that many of them don't narrow the range", () => {
    const values = bell(2000, 9).map(Math.abs);
    const alone = observed(mseObserver(), values);
    expect(observed(mseObserver(), values, new Float32Array(200000))).toEqual(alone);
    expect(alone.min).toBe(0);
  });
});

describe.each([
  ["MSE", mseObserver],
  ["entropy", entropyObserver],
] as const)("%s", (_, make) => {
  it("takes zeros, nothing at all, and one value", () => {
    expect(observed(make())).toEqual({ min: 0, max: 0 });
    expect(observed(make(), [0, 0])).toEqual({ min: 0, max: 0 });
    const { min, max } = observed(make(), [3]);
    expect(min).toBe(0);
    expect(max).toBeGreaterThan(0);
    expect(max).toBeLessThanOrEqual(3);
    expect(observed(make(), [-3]).max).toBe(0);
  });

  it("does not depend on order or batches", () => {
    const values = bell(4000, 2);
    const turned = values.slice().reverse();
    expect(observed(make(), turned.subarray(0, 77), turned.subarray(77))).toEqual(observed(make(), values));
  });
});

describe("entropy", () => {
  it("keeps evenly spread values whole and clips a far outlier", () => {
    const next = random(4);
    const even = Float32Array.from({ length: 50000 }, () => next());
    const { min, max } = observed(entropyObserver(), even);
    expect(max).toBeGreaterThan(0.95);
    expect(min).toBeLessThan(-0.95);
    const values = bell(50000, 6);
    values[3] = 40;
    expect(observed(entropyObserver(), values).max).toBeLessThan(12);
  });
});

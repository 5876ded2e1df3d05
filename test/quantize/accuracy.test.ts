import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accuracy, proportion, topOne } from "../../src/quantize/accuracy.ts";

describe("proportion", () => {
  it("gives Wilson's interval", () => {
    // 8 of 10: 0.4902…0.9433; 397 of 432: 0.8878…0.9425.
    const few = proportion(8, 10);
    expect(few.low).toBeCloseTo(0.4902, 4);
    expect(few.high).toBeCloseTo(0.9433, 4);
    const many = proportion(397, 432);
    expect(many.share).toBeCloseTo(0.919, 3);
    expect(many.low).toBeCloseTo(0.8895, 3);
    expect(many.high).toBeCloseTo(0.9412, 3);
  });

  it("stays inside 0…1, around the share, symmetric in right and wrong", () => {
    const counts = fc
      .integer({ min: 1, max: 5000 })
      .chain((n) => fc.tuple(fc.integer({ min: 0, max: n }), fc.constant(n)));
    fc.assert(
      fc.property(counts, ([correct, total]) => {
        const { share, low, high } = proportion(correct, total);
        expect(0 <= low && low <= share && share <= high && high <= 1).toBe(true);
        const mirror = proportion(total - correct, total);
        expect(mirror.low).toBeCloseTo(1 - high, 12);
      }),
    );
  });

  it("solves the score equation at its ends", () => {
    for (const [correct, total] of [
      [3, 17],
      [90, 100],
      [1, 400],
    ] as const) {
      const { share, low, high } = proportion(correct, total);
      for (const p of [low, high]) {
        expect(Math.abs(share - p) / Math.sqrt((p * (1 - p)) / total)).toBeCloseTo(1.959964, 5);
      }
    }
  });

  it("knows nothing without samples", () => {
    expect(proportion(0, 0)).toEqual({ correct: 0, total: 0, share: 0, low: 0, high: 1 });
    expect(() => proportion(2, 1)).toThrow(RangeError);
  });
});

describe("accuracy", () => {
  const predictions = [
    { label: 0, predicted: 0 },
    { label: 0, predicted: 0 },
    { label: 1, predicted: 1 },
    { label: 2, predicted: 1 },
  ];

  it("counts with and without a class", () => {
    expect(accuracy(predictions).all).toMatchObject({ correct: 3, total: 4 });
    expect(accuracy(predictions).without).toBeUndefined();
    expect(accuracy(predictions, 0).without).toMatchObject({ correct: 1, total: 2 });
    expect(accuracy(predictions, 0).all).toMatchObject({ correct: 3, total: 4 });
  });

  it("takes the first of equal scores", () => {
    expect(topOne([1, 5, 5, 2])).toBe(1);
    expect(topOne(Int8Array.of(-128, -128))).toBe(0);
    expect(topOne([-3])).toBe(0);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  affineOfRange,
  quantizeValue,
  quantizeValues,
  rangeOfAffine,
  smallestScale,
  symmetricScale,
} from "../../src/quantize/affine.ts";

const finite = fc.float({
  noNaN: true,
  noDefaultInfinity: true,
  min: Math.fround(-1e30),
  max: Math.fround(1e30),
});
const range = fc.tuple(finite, finite).map(([a, b]) => ({ min: Math.min(a, b), max: Math.max(a, b) }));

describe("affineOfRange", () => {
  it("gives float32 scales above 0 and zero points in −128…127", () => {
    fc.assert(
      fc.property(range, (given) => {
        const { scale, zeroPoint } = affineOfRange(given);
        expect(scale).toBeGreaterThanOrEqual(smallestScale);
        expect(Math.fround(scale)).toBe(scale);
        expect(Object.is(zeroPoint, Math.trunc(zeroPoint))).toBe(true);
        expect(zeroPoint >= -128 && zeroPoint <= 127).toBe(true);
      }),
    );
  });

  it("represents zero exactly", () => {
    fc.assert(
      fc.property(range, (given) => {
        const affine = affineOfRange(given);
        expect(quantizeValue(0, affine)).toBe(affine.zeroPoint);
      }),
    );
  });

  it("misses no value of the range by more than half a step", () => {
    fc.assert(
      fc.property(range, fc.double({ min: 0, max: 1, noNaN: true }), (given, at) => {
        const affine = affineOfRange(given);
        const value = given.min * (1 - at) + given.max * at;
        const back = affine.scale * (quantizeValue(value, affine) - affine.zeroPoint);
        expect(Math.abs(back - value)).toBeLessThanOrEqual(affine.scale * (0.5 + 1e-4));
      }),
      { numRuns: 500 },
    );
  });

  it("matches values worked out by hand", () => {
    expect(affineOfRange({ min: 0, max: 255 })).toEqual({ scale: 1, zeroPoint: -128 });
    expect(affineOfRange({ min: -255, max: 0 })).toEqual({ scale: 1, zeroPoint: 127 });
    expect(affineOfRange({ min: -128, max: 127 })).toEqual({ scale: 1, zeroPoint: 0 });
    // Zero belongs to every range.
    expect(affineOfRange({ min: 51, max: 102 })).toEqual({ scale: Math.fround(0.4), zeroPoint: -128 });
    expect(affineOfRange({ min: 0, max: 6 })).toEqual({ scale: Math.fround(6 / 255), zeroPoint: -128 });
  });

  it("has parameters for constant zeros and for tiny ranges", () => {
    expect(affineOfRange({ min: 0, max: 0 })).toEqual({ scale: 1, zeroPoint: 0 });
    expect(affineOfRange({ min: 0, max: 1e-44 }).scale).toBe(smallestScale);
  });

  it("refuses ranges that are not finite", () => {
    expect(() => affineOfRange({ min: Number.NaN, max: 1 })).toThrow(RangeError);
    expect(() => affineOfRange({ min: 0, max: Infinity })).toThrow(RangeError);
    expect(() => affineOfRange({ min: 1, max: 0 })).toThrow(/1…0/);
  });
});

describe("rounding", () => {
  it("saturates, and takes NaN for the largest", () => {
    const affine = { scale: 0.5, zeroPoint: 3 };
    expect([...quantizeValues([1e9, -1e9, Infinity, -Infinity, Number.NaN], affine)]).toEqual([
      127, -128, 127, -128, 127,
    ]);
    expect(rangeOfAffine(affine)).toEqual({ min: -65.5, max: 62 });
  });
});

describe("symmetricScale", () => {
  it("puts the magnitude on 127, and asks for a fallback at 0", () => {
    expect(symmetricScale(12.7)).toBe(Math.fround(0.1));
    expect(symmetricScale(0)).toBe(0);
    expect(symmetricScale(1e-40)).toBe(smallestScale);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  divideByPowerOfTwo,
  doublingHighMultiply,
  multiplyByFixedPoint,
  quantizeMultiplier,
} from "../../src/numerics/fixed.ts";
import { roundHalfAway, roundHalfEven, splitExponent } from "../../src/numerics/rounding.ts";

const int32 = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.integer({ min: -70000, max: 70000 }),
  fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, -(2 ** 30), 2 ** 30, 0, 1, -1),
);

/** gemmlowp's statement: a nudge that depends on the sign, a division that truncates, one saturated case. */
function highMultiplyAsPublished(a: number, b: number): number {
  if (a === b && a === -(2 ** 31)) return 2 ** 31 - 1;
  const product = BigInt(a) * BigInt(b);
  const nudge = product >= 0n ? 1n << 30n : 1n - (1n << 30n);
  return Number((product + nudge) / (1n << 31n));
}

/** numerator / denominator to the nearest integer, halves away from zero; denominator > 0. */
function divideAway(numerator: bigint, denominator: bigint): bigint {
  const magnitude = numerator < 0n ? -numerator : numerator;
  const rounded = (2n * magnitude + denominator) / (2n * denominator);
  return numerator < 0n ? -rounded : rounded;
}

/** A finite double as numerator / 2^shift. */
function rational(x: number): [numerator: bigint, shift: number] {
  let shift = 0;
  let scaled = x;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift++;
  }
  return [BigInt(scaled), shift];
}

describe("roundings", () => {
  test.each([
    [0.5, 0, 1],
    [1.5, 2, 2],
    [2.5, 2, 3],
    [-0.5, 0, -1],
    [-1.5, -2, -2],
    [-2.5, -2, -3],
    [0.49999999999999994, 0, 0],
    [2 ** 52 + 1, 2 ** 52 + 1, 2 ** 52 + 1],
  ])("%d: half to even %d, half away %d", (x, even, away) => {
    expect(roundHalfEven(x)).toBeCloseTo(even, 12);
    expect(roundHalfAway(x)).toBeCloseTo(away, 12);
  });

  test("agree with exact rationals", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
        fc.integer({ min: 0, max: 12 }),
        (n, bits) => {
          const x = n / 2 ** bits;
          expect(BigInt(roundHalfAway(x))).toBe(divideAway(BigInt(n), 1n << BigInt(bits)));
          const even = roundHalfEven(x);
          expect(Math.abs(even - x)).toBeLessThanOrEqual(0.5);
          if (Math.abs(even - x) === 0.5) expect(Math.abs(even % 2)).toBe(0);
        },
      ),
    );
  });

  test("splitExponent gives back its argument", () => {
    fc.assert(
      fc.property(fc.double({ min: 5e-324, max: 1e300, noNaN: true }), (x) => {
        const { fraction, exponent } = splitExponent(x);
        expect(fraction >= 0.5 && fraction < 1).toBe(true);
        expect(fraction * 2 ** Math.ceil(exponent / 2) * 2 ** Math.floor(exponent / 2)).toBe(x);
      }),
    );
  });
});

describe("fixed point", () => {
  test("doublingHighMultiply equals gemmlowp's definition and its simplification", () => {
    fc.assert(
      fc.property(int32, int32, (a, b) => {
        expect(doublingHighMultiply(a, b)).toBe(highMultiplyAsPublished(a, b));
        const simple = (BigInt(a) * BigInt(b) + (1n << 30n)) >> 31n;
        if (a !== -(2 ** 31) || b !== a) expect(BigInt(doublingHighMultiply(a, b))).toBe(simple);
      }),
      { numRuns: 5000 },
    );
  });

  test("divideByPowerOfTwo rounds halves away from zero", () => {
    fc.assert(
      fc.property(int32, fc.integer({ min: 0, max: 31 }), (x, n) => {
        expect(BigInt(divideByPowerOfTwo(x, n))).toBe(divideAway(BigInt(x), 1n << BigInt(n)));
      }),
      { numRuns: 5000 },
    );
  });

  test("quantizeMultiplier is the nearest Q31 mantissa", () => {
    fc.assert(
      fc.property(fc.double({ min: 2 ** -31, max: 2 ** 20, noNaN: true }), (real) => {
        const { multiplier, shift } = quantizeMultiplier(real);
        expect(multiplier >= 2 ** 30 && multiplier < 2 ** 31).toBe(true);
        const [numerator, bits] = rational(real);
        const up = BigInt(31 - shift + 64);
        expect(BigInt(multiplier)).toBe(
          divideAway(((numerator << up) >> 64n) << 64n, 1n << BigInt(bits + 64)),
        );
      }),
    );
  });

  test.each([
    [0, 0, 0],
    [1, 2 ** 30, 1],
    [0.5, 2 ** 30, 0],
    [1 - 2 ** -40, 2 ** 30, 1],
    [2 ** -33, 0, 0],
    [2 ** -32, 2 ** 30, -31],
  ])("quantizeMultiplier(%d)", (real, multiplier, shift) => {
    expect(quantizeMultiplier(real)).toEqual({ multiplier, shift });
  });

  test("quantizeMultiplier refuses what is not a finite number from 0 up", () => {
    for (const bad of [-1, Number.NaN, Infinity]) expect(() => quantizeMultiplier(bad)).toThrow(RangeError);
  });

  test("multiplyByFixedPoint is within one of the real product", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 20), max: 2 ** 20 }),
        fc.double({ min: 1e-6, max: 500, noNaN: true }),
        (x, real) => {
          expect(Math.abs(multiplyByFixedPoint(x, quantizeMultiplier(real)) - x * real)).toBeLessThanOrEqual(
            1,
          );
        },
      ),
    );
  });

  test("two roundings differ from one where both fall on a half", () => {
    // 0.4999… of a unit is first lifted to a half, then to a whole.
    const factor = { multiplier: 2 ** 30 + 1, shift: -1 };
    expect(multiplyByFixedPoint(2, { multiplier: 2 ** 30, shift: -1 })).toBe(1);
    expect(multiplyByFixedPoint(1, factor)).toBe(1);
    expect(1 * (factor.multiplier / 2 ** 32)).toBeLessThan(0.5);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { noActivation, type Rounding } from "../../src/graph/graph.ts";
import { addParameters, addQuantized } from "../../src/numerics/add.ts";
import { dequantizeValue, padValue, quantizeValue } from "../../src/numerics/convert.ts";
import { divideRoundingAway, meanParameters, meanQuantized } from "../../src/numerics/mean.ts";
import { activationRange, quantizedRange } from "../../src/numerics/range.ts";
import { layerRequantizations, mulRequantization, requantize } from "../../src/numerics/requantize.ts";

const roundings: Rounding[] = ["single", "double"];
const int8 = quantizedRange("int8");

const scale = fc.double({ min: 0.002, max: 0.5, noNaN: true }).map(Math.fround);
const ratio = fc.double({ min: 0.2, max: 5, noNaN: true });
const stored = fc.integer({ min: -128, max: 127 });

type Rational = [numerator: bigint, denominator: bigint];

const exact = (x: number): Rational => {
  let bits = 0;
  let scaled = x;
  for (; !Number.isInteger(scaled); bits++) scaled *= 2;
  return [BigInt(scaled), 1n << BigInt(bits)];
};

/** numerator / denominator rounded once to a normal float32, halves to even, by integers alone. */
function toFloat32([numerator, denominator]: Rational): Rational {
  if (numerator === 0n) return [0n, 1n];
  const negative = numerator < 0n;
  let n = negative ? -numerator : numerator;
  let d = denominator;
  let exponent = 0;
  while (n < d << 23n) {
    n <<= 1n;
    exponent--;
  }
  while (n >= d << 24n) {
    d <<= 1n;
    exponent++;
  }
  let mantissa = n / d;
  const rest = 2n * (n - mantissa * d);
  if (rest > d || (rest === d && mantissa % 2n === 1n)) mantissa++;
  const signed = negative ? -mantissa : mantissa;
  return exponent >= 0 ? [signed << BigInt(exponent), 1n] : [signed, 1n << BigInt(-exponent)];
}

const times = (a: Rational, b: Rational): Rational => [a[0] * b[0], a[1] * b[1]];

function nearestEven([numerator, denominator]: Rational): bigint {
  let floor = numerator / denominator;
  if (numerator < 0n && floor * denominator !== numerator) floor--;
  const rest = 2n * (numerator - floor * denominator);
  return rest > denominator || (rest === denominator && floor % 2n !== 0n) ? floor + 1n : floor;
}

describe("requantize", () => {
  test("single: float32(acc) · scale, halves to even, by exact rationals", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: -40000, max: 40000 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
        scale,
        stored,
        (acc, factor, zeroPoint) => {
          const steps = nearestEven(toFloat32(times(toFloat32([BigInt(acc), 1n]), exact(factor))));
          const want = Number(steps < -1000n ? -1000n : steps > 1000n ? 1000n : steps) + zeroPoint;
          const got = requantize(acc, { form: "float", scale: factor }, zeroPoint, int8);
          expect(got).toBe(Math.min(127, Math.max(-128, want)));
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("single: ties go to even; double: the first of its roundings takes them up", () => {
    const half = { form: "float", scale: 0.5 } as const;
    const [fixed] = layerRequantizations("double", "conv2d", "int8", 0.5, Float32Array.of(1), 1);
    expect([-5, -3, -1, 1, 3, 5].map((acc) => requantize(acc, half, 0, int8))).toEqual([-2, -2, 0, 0, 2, 2]);
    expect([-5, -3, -1, 1, 3, 5].map((acc) => requantize(acc, fixed, 0, int8) + 0)).toEqual([
      -2, -1, 0, 1, 2, 3,
    ]);
  });

  test("double is within one step of the real product", () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 24), max: 2 ** 24 }), scale, scale, scale, (acc, a, b, y) => {
        const want = Math.min(127, Math.max(-128, (acc * a * b) / y));
        for (const rounding of roundings) {
          const [how] = layerRequantizations(rounding, "conv2d", "int8", a, Float32Array.of(b), y);
          expect(Math.abs(requantize(acc, how, 0, int8) - want)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  test("the two scales of a product are multiplied before the division", () => {
    const f = Math.fround;
    const [a, b, y] = [f(0.1), f(0.3), f(0.7)];
    const [how] = layerRequantizations("single", "fullyConnected", "int8", a, Float32Array.of(b), y);
    expect(how).toEqual({ form: "float", scale: f(f(a * b) / y) });
    expect(mulRequantization("single", a, b, y)).toEqual(how);
    expect(mulRequantization("single", 2, 200, 1).form).toBe("fixed");
    expect(mulRequantization("double", a, b, y).form).toBe("fixed");
  });
});

describe("activation range", () => {
  const quantization = { scale: Math.fround(12 / 255), zeroPoint: -128 };

  test("no activation is the whole type", () => {
    expect(activationRange(noActivation, quantization, "int8", "single")).toEqual({ min: -128, max: 127 });
    expect(activationRange(noActivation, { scale: 1, zeroPoint: 3 }, "uint8", "double")).toEqual({
      min: 0,
      max: 255,
    });
  });

  test("a bound on a half is rounded by the mode", () => {
    expect(activationRange({ min: 0, max: 6 }, quantization, "int8", "single")).toEqual({
      min: -128,
      max: 0,
    });
    const s = { scale: Math.fround(12 / 21), zeroPoint: 0 };
    expect(activationRange({ min: 0, max: 6 }, s, "int8", "single").max).toBe(10);
    expect(activationRange({ min: 0, max: 6 }, s, "int8", "double").max).toBe(11);
  });
});

describe("ADD and SUB", () => {
  test("both forms are within one step of the real sum", () => {
    fc.assert(
      fc.property(
        scale,
        ratio,
        ratio,
        stored,
        stored,
        stored,
        stored,
        stored,
        (sy, ra, rb, za, zb, zy, qa, qb) => {
          const [a, b, y] = [
            { scale: Math.fround(sy * ra), zeroPoint: za },
            { scale: Math.fround(sy * rb), zeroPoint: zb },
            { scale: sy, zeroPoint: zy },
          ];
          for (const sign of [1, -1] as const) {
            const real = (a.scale * (qa - za) + sign * b.scale * (qb - zb)) / sy + zy;
            for (const rounding of roundings) {
              const how = addParameters(rounding, a, b, y, sign);
              expect(how.form).toBe(rounding === "single" ? "linear" : "fixed");
              const got = addQuantized(qa, qb, how, zy, int8);
              expect(Math.abs(got - Math.min(127, Math.max(-128, real)))).toBeLessThanOrEqual(1);
            }
          }
        },
      ),
    );
  });

  test("the linear form never leaves int32, at any ratio it accepts", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 2 ** -10, max: 255.9, noNaN: true }),
        fc.double({ min: 2 ** -10, max: 255.9, noNaN: true }),
        fc.constantFrom(0, 255),
        fc.constantFrom(0, 255),
        fc.constantFrom(0, 255),
        fc.constantFrom(0, 255),
        (ra, rb, za, zb, qa, qb) => {
          const how = addParameters(
            "single",
            { scale: ra, zeroPoint: za },
            { scale: rb, zeroPoint: zb },
            { scale: 1, zeroPoint: 0 },
          );
          if (how.form !== "linear") throw new Error("expected the linear form");
          const acc = how.bias + qa * how.aMultiplier + qb * how.bMultiplier;
          expect(acc).toBe(acc | 0);
          expect(Math.max(how.aMultiplier, how.bMultiplier)).toBeGreaterThanOrEqual(2 ** 20);
          expect(how.shift).toBeGreaterThanOrEqual(13);
          expect(how.shift).toBeLessThanOrEqual(30);
        },
      ),
    );
  });

  test("ratios outside the linear form's range take the other one", () => {
    const y = { scale: 1, zeroPoint: 0 };
    expect(addParameters("single", { scale: 256, zeroPoint: 0 }, y, y).form).toBe("fixed");
    expect(addParameters("single", { scale: 2 ** -11, zeroPoint: 0 }, y, y).form).toBe("fixed");
  });
});

describe("MEAN and AVERAGE_POOL_2D", () => {
  test("both roundings are within one step of the real mean", () => {
    fc.assert(
      fc.property(
        fc.array(stored, { minLength: 1, maxLength: 70 }),
        scale,
        ratio,
        stored,
        stored,
        (q, sx, r, zx, zy) => {
          const x = { scale: sx, zeroPoint: zx };
          const y = { scale: Math.fround(sx * r), zeroPoint: zy };
          const sum = q.reduce((a, b) => a + b, 0);
          const real = ((sum / q.length - zx) * sx) / y.scale + zy;
          for (const rounding of roundings) {
            const got = meanQuantized(sum, meanParameters(rounding, x, y, q.length), int8);
            expect(Math.abs(got - Math.min(127, Math.max(-128, real)))).toBeLessThanOrEqual(1);
          }
        },
      ),
    );
  });

  test("single rounds the shifted value to even, so the zero points' parity matters", () => {
    const mean = (sum: number, zx: number, zy: number) => {
      const how = meanParameters("single", { scale: 1, zeroPoint: zx }, { scale: 1, zeroPoint: zy }, 2);
      return meanQuantized(sum, how, int8);
    };
    expect([mean(1, 0, 0), mean(3, 0, 0), mean(3, 1, 1), mean(3, 1, 2)]).toEqual([0, 2, 2, 2]);
  });

  test("the average pool's quotient", () => {
    expect([5, -5, 3, -3, 0].map((sum) => divideRoundingAway(sum, 2) + 0)).toEqual([3, -3, 2, -2, 0]);
    expect([4, -4, 5, -5].map((sum) => divideRoundingAway(sum, 3))).toEqual([1, -1, 2, -2]);
  });
});

describe("conversions", () => {
  const quantization = { scale: 0.5, zeroPoint: 10 };

  test("QUANTIZE rounds halves to even or away from zero, and saturates", () => {
    const values = [0.25, 0.75, -0.25, -0.75, 1e9, -1e9, Infinity, -Infinity, Number.NaN];
    const quantize = (rounding: Rounding) =>
      values.map((x) => quantizeValue(x, quantization, int8, rounding));
    expect(quantize("single")).toEqual([10, 12, 10, 8, 127, -128, 127, -128, 127]);
    expect(quantize("double")).toEqual([11, 12, 9, 8, 127, -128, 127, -128, 127]);
  });

  test("DEQUANTIZE undoes QUANTIZE", () => {
    fc.assert(
      fc.property(stored, scale, stored, (q, s, zeroPoint) => {
        const x = dequantizeValue(q, { scale: s, zeroPoint });
        for (const rounding of roundings)
          expect(quantizeValue(x, { scale: s, zeroPoint }, int8, rounding)).toBe(q);
      }),
    );
  });

  test("PAD's value", () => {
    expect([0, 1, -Infinity, Infinity].map((v) => padValue(v, quantization, "int8"))).toEqual([
      10, 12, -128, 127,
    ]);
  });
});

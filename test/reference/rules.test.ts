import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type DType, noActivation, type Rounding } from "../../src/graph/graph.ts";
import { addParameters, addQuantized } from "../../src/numerics/add.ts";
import { dequantizeValue, padValue, quantizeValue } from "../../src/numerics/convert.ts";
import { divideRoundingAway, meanParameters, meanQuantized } from "../../src/numerics/mean.ts";
import { activationRange, quantizedRange } from "../../src/numerics/range.ts";
import { layerRequantizations, mulRequantization, requantize } from "../../src/numerics/requantize.ts";
import { softmaxParameters, softmaxRow } from "../../src/numerics/softmax.ts";
import { concatTable, requantizeTable, unaryTable } from "../../src/numerics/table.ts";
import { type UnaryAttributes, unaryReal } from "../../src/numerics/unary.ts";

const roundings: Rounding[] = ["single", "double"];
const types: DType[] = ["int8", "uint8"];
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

  test("single: ties go to even, double: away from zero", () => {
    const half = { form: "float", scale: 0.5 } as const;
    const [fixed] = layerRequantizations("double", "conv2d", "int8", 0.5, Float32Array.of(1), 1);
    expect([-5, -3, -1, 1, 3, 5].map((acc) => requantize(acc, half, 0, int8))).toEqual([-2, -2, -0, 0, 2, 2]);
    expect([-5, -3, -1, 1, 3, 5].map((acc) => requantize(acc, fixed, 0, int8))).toEqual([
      -3, -2, -1, 1, 2, 3,
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
    expect([5, -5, 3, -3, 0].map((sum) => divideRoundingAway(sum, 2))).toEqual([3, -3, 2, -2, 0]);
    expect([4, -4, 5, -5].map((sum) => divideRoundingAway(sum, 3))).toEqual([1, -1, 2, -2]);
  });
});

describe("SOFTMAX", () => {
  const output = { scale: 1 / 256, zeroPoint: -128 };

  test("both forms are within one and a half steps of the real value, whatever the offset", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -128, max: 100 }), { minLength: 1, maxLength: 40 }),
        scale,
        (q, sx) => {
          const powers = q.map((v) => Math.exp(sx * (v - Math.max(...q))));
          const sum = powers.reduce((a, b) => a + b, 0);
          for (const rounding of roundings) {
            const how = softmaxParameters(rounding, sx, 1, output, int8);
            expect(how.form).toBe(rounding === "single" ? "float" : "fixed");
            const got = softmaxRow(q, how, output.zeroPoint, int8);
            got.forEach((value, i) => {
              expect(Math.abs(value + 128 - Math.min(255, (256 * powers[i]) / sum))).toBeLessThanOrEqual(1.5);
            });
            expect(
              softmaxRow(
                q.map((v) => v + 27),
                how,
                output.zeroPoint,
                int8,
              ),
            ).toEqual(got);
          }
        },
      ),
    );
  });

  test("other output scales keep to the float form", () => {
    expect(softmaxParameters("double", 0.1, 1, { scale: 1 / 128, zeroPoint: 0 }, int8).form).toBe("float");
  });
});

describe("tables", () => {
  const kinds: UnaryAttributes[] = [
    { kind: "abs" },
    { kind: "clip", min: -1, max: 2 },
    { kind: "elu", alpha: 1 },
    { kind: "exp" },
    { kind: "gelu" },
    { kind: "gelu", approximate: true },
    { kind: "hardSigmoid" },
    { kind: "hardSwish" },
    { kind: "leakyRelu", alpha: 0.2 },
    { kind: "leakyRelu", alpha: -0.3 },
    { kind: "logistic" },
    { kind: "neg" },
    { kind: "relu" },
    { kind: "silu" },
    { kind: "softplus" },
    { kind: "square" },
    { kind: "tanh" },
  ];

  test.each(kinds)("%o is within a step and a half of the real function", (attributes) => {
    fc.assert(
      fc.property(
        fc.constantFrom(...roundings),
        fc.constantFrom(...types),
        scale,
        ratio,
        stored,
        (r, dtype, s, k, z) => {
          const offset = dtype === "uint8" ? 128 : 0;
          const range = quantizedRange(dtype);
          const x = { scale: s / 10, zeroPoint: z + offset, dtype };
          const y = { scale: Math.fround((s / 10) * k), zeroPoint: offset, dtype };
          const table = unaryTable(r, attributes, x, y);
          for (let q = range.min; q <= range.max; q++) {
            const real =
              unaryReal(Math.fround(x.scale) * (q - x.zeroPoint), attributes) / y.scale + y.zeroPoint;
            const want = Math.min(range.max, Math.max(range.min, real));
            const byte = table[q & 255];
            expect(Math.abs((dtype === "int8" ? (byte << 24) >> 24 : byte) - want)).toBeLessThanOrEqual(1.5);
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  test("fixed-point sigmoid and tanh stay within one step of the exact ones", () => {
    for (const [kind, outScale, outZero] of [
      ["logistic", 1 / 256, -128],
      ["tanh", 1 / 128, 0],
    ] as const) {
      const x = { scale: 0.06, zeroPoint: 4, dtype: "int8" as const };
      const y = { scale: outScale, zeroPoint: outZero, dtype: "int8" as const };
      const single = new Int8Array(unaryTable("single", { kind }, x, y).buffer);
      const double = new Int8Array(unaryTable("double", { kind }, x, y).buffer);
      single.forEach((value, i) => expect(Math.abs(value - double[i])).toBeLessThanOrEqual(1));
    }
  });

  test("requantizing to the same quantization is the identity", () => {
    const identity = Array.from({ length: 256 }, (_, i) => i);
    for (const rounding of roundings) {
      for (const dtype of types) {
        const end = { scale: 0.1, zeroPoint: 7, dtype };
        expect(Array.from(requantizeTable(rounding, end, end))).toEqual(identity);
        expect(Array.from(concatTable(end, end))).toEqual(identity);
      }
    }
  });

  test("int8 to uint8 at one scale moves every value by 128", () => {
    const x = { scale: 1 / 256, zeroPoint: -128, dtype: "int8" as const };
    const y = { scale: 1 / 256, zeroPoint: 0, dtype: "uint8" as const };
    expect(Array.from(requantizeTable("single", x, y))).toEqual(
      Array.from({ length: 256 }, (_, i) => i ^ 128),
    );
  });

  test("undefined values become the smallest", () => {
    const x = { scale: 0.1, zeroPoint: 0, dtype: "int8" as const };
    const y = { scale: 0.1, zeroPoint: 0, dtype: "int8" as const };
    const log = unaryTable("single", { kind: "log" }, x, y);
    expect([log[0], log[255], log[10]]).toEqual([128, 128, 0]);
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

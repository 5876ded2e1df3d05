import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { erff } from "../../src/numerics/erf.ts";
import { expf } from "../../src/numerics/exp.ts";
import {
  expOfNegative,
  fixedLogistic,
  fixedTanh,
  oneOverOnePlus,
} from "../../src/numerics/fixedFunctions.ts";
import { floatUnary } from "../../src/numerics/floatUnary.ts";
import { logf } from "../../src/numerics/log.ts";
import { powf } from "../../src/numerics/power.ts";
import { tanhf } from "../../src/numerics/tanh.ts";
import { cosf, sinf } from "../../src/numerics/trigonometry.ts";
import { type UnaryAttributes, unaryReal } from "../../src/numerics/unary.ts";

/** The largest error of `approximate` against `exact` over evenly spaced float32 arguments. */
function largestError(
  approximate: (x: number) => number,
  exact: (x: number) => number,
  [from, to]: readonly [number, number],
  relative: boolean,
): number {
  const points = 200_003;
  let largest = 0;
  for (let i = 0; i < points; i++) {
    const x = Math.fround(from + ((to - from) * i) / (points - 1));
    const want = exact(x);
    const error = Math.abs(approximate(x) - want);
    largest = Math.max(largest, relative ? error / Math.abs(want) : error);
  }
  return largest;
}

const unary =
  (attributes: UnaryAttributes) =>
  (x: number): number =>
    floatUnary(x, attributes);
const real =
  (attributes: UnaryAttributes) =>
  (x: number): number =>
    unaryReal(x, attributes);

describe("float32 functions stay within the errors that docs/numerics.md states", () => {
  test.each([
    ["exp", expf, Math.exp, [-87, 88.7], 8.2e-8],
    ["log", logf, Math.log, [1e-30, 4], 8.2e-8],
    ["log of large numbers", logf, Math.log, [2, 1e30], 8.2e-8],
    ["tanh", tanhf, Math.tanh, [-10, 10], 1.4e-7],
    ["logistic", unary({ kind: "logistic" }), real({ kind: "logistic" }), [-20, 20], 1.5e-7],
    ["silu", unary({ kind: "silu" }), real({ kind: "silu" }), [-20, 20], 1.8e-7],
    ["rsqrt", unary({ kind: "rsqrt" }), real({ kind: "rsqrt" }), [1e-3, 20], 9e-8],
  ] as const)("%s, relative", (_, approximate, exact, range, bound) => {
    const away = (x: number) => (x === 0 ? 1 : x);
    const nonZero = (x: number) => exact(away(x));
    expect(largestError((x) => approximate(away(x)), nonZero, range, true)).toBeLessThan(bound);
  });

  test.each([
    [{ kind: "elu" }, 5e-8],
    [{ kind: "gelu" }, 5e-7],
    [{ kind: "gelu", approximate: true }, 5e-7],
    [{ kind: "softplus" }, 6e-7],
    [{ kind: "hardSigmoid" }, 5e-8],
    [{ kind: "hardSwish" }, 1e-6],
  ] as [UnaryAttributes, number][])("%o, absolute", (attributes, bound) => {
    const exact = real(attributes);
    const large = (x: number) => (attributes.kind === "elu" && x > 0 ? x : exact(x));
    expect(largestError(unary(attributes), large, [-20, 20], false)).toBeLessThan(bound);
  });

  test.each([
    [[-4, 4], 4e-8],
    [[-1000, 1000], 4e-8],
    [[-1e6, 1e6], 4e-8],
    [[-(2 ** 30), 2 ** 30], 2e-7],
  ] as const)("sine and cosine on %o, absolute", (range, bound) => {
    expect(largestError(sinf, Math.sin, range, false)).toBeLessThan(bound);
    expect(largestError(cosf, Math.cos, range, false)).toBeLessThan(bound);
  });

  test("pow, relative, wherever the result is a normal number", () => {
    let largest = 0;
    for (let e = -40; e <= 40; e++)
      for (const y of [-3.7, -2, -0.5, 1 / 3, 0.1, 1, 1.5, 2, 3, 7.3, 20, 150])
        for (let i = 0; i < 50; i++) {
          const x = Math.fround((1 + i / 50) * 2 ** e);
          const want = x ** Math.fround(y);
          if (!(want > 2 ** -126 && want < 3.4e38)) continue;
          largest = Math.max(largest, Math.abs(powf(x, Math.fround(y)) - want) / want);
        }
    expect(largest).toBeLessThan(6.1e-8);
  });

  test("pow of special values follows C", () => {
    const inf = Infinity;
    for (const [x, y, want] of [
      [0, 0, 1],
      [Number.NaN, 0, 1],
      [1, Number.NaN, 1],
      [-1, inf, 1],
      [-1, -inf, 1],
      [-1, 3, -1],
      [-8, 3, -512],
      [-8, 1 / 3, Number.NaN],
      [-0, -3, -inf],
      [-0, 3, -0],
      [-0, 2, 0],
      [0, -0.5, inf],
      [-inf, 0.5, inf],
      [-inf, -1, -0],
      [0.5, inf, 0],
      [0.5, -inf, inf],
      [2, -inf, 0],
      [-2, 2 ** 24 + 2, inf],
      [2, 128, inf],
      [2, -149, 2 ** -149],
    ] as const)
      expect(powf(x, y), `${x} to the power ${y}`).toBe(want);
  });

  test("every result is a float32", () => {
    const kinds = [
      "exp",
      "log",
      "tanh",
      "logistic",
      "silu",
      "softplus",
      "gelu",
      "hardSwish",
      "rsqrt",
      "elu",
      "sin",
      "cos",
      "reciprocal",
      "erf",
    ] as const;
    fc.assert(
      fc.property(fc.float(), fc.constantFrom(...kinds), (x, kind) => {
        const y = floatUnary(x, { kind });
        expect(Object.is(Math.fround(y), y)).toBe(true);
      }),
    );
  });

  test("values at the edges", () => {
    expect([89, Infinity, 88.73].map(expf)).toEqual([Infinity, Infinity, Infinity]);
    expect([-104, -Infinity, -103.98].map(expf)).toEqual([0, 0, 0]);
    expect([0, -0].map(expf)).toEqual([1, 1]);
    expect(expf(-103.9)).toBe(2 ** -149);
    expect([0, -0, Infinity, 1].map(logf)).toEqual([-Infinity, -Infinity, Infinity, 0]);
    expect(logf(2 ** -149)).toBeCloseTo(-149 * Math.LN2, 4);
    expect([Infinity, -Infinity, 0].map(tanhf)).toEqual([1, -1, 0]);
    expect([Infinity, -Infinity].map(erff)).toEqual([1, -1]);
    for (const f of [expf, logf, tanhf, erff]) expect(f(Number.NaN)).toBeNaN();
    expect(logf(-1)).toBeNaN();
  });
});

describe("fixed-point functions", () => {
  const q = (x: number, integerBits: number) => Math.round(x * 2 ** (31 - integerBits));

  test("are close to the real ones", () => {
    fc.assert(
      fc.property(fc.double({ min: -15.9, max: 15.9, noNaN: true }), (x) => {
        const a = q(x, 4);
        expect(fixedLogistic(a) / 2 ** 31).toBeCloseTo(1 / (1 + Math.exp(-x)), 6);
        expect(fixedTanh(a) / 2 ** 31).toBeCloseTo(Math.tanh(x), 6);
        const negative = -Math.abs(x);
        for (const bits of [4, 5])
          expect(expOfNegative(q(negative, bits), bits) / 2 ** 31).toBeCloseTo(Math.exp(negative), 6);
        const part = Math.abs(x) / 16;
        expect(oneOverOnePlus(q(part, 0)) / 2 ** 31).toBeCloseTo(1 / (1 + part), 6);
      }),
      { numRuns: 1000 },
    );
  });

  test("are symmetric and exact at zero", () => {
    expect([fixedLogistic(0), fixedTanh(0), expOfNegative(0, 5)]).toEqual([2 ** 30, 0, 2 ** 31 - 1]);
    const a = q(1.25, 4);
    expect(fixedTanh(-a)).toBe(-fixedTanh(a));
    expect(fixedLogistic(-a) + fixedLogistic(a)).toBe(2 ** 31 - 1);
  });
});

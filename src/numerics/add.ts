import type { Rounding } from "../graph/graph.ts";
import { type FixedPoint, multiplyByFixedPoint, quantizeMultiplier } from "./fixed.ts";
import type { Range, ScalarQuantization } from "./range.ts";
import { clamp, roundHalfEven, splitExponent } from "./rounding.ts";

const f = Math.fround;

/** Left shift of the operands in the two-rounding form. */
const addLeftShift = 20;

/**
 * How a ± b of quantized operands is computed; a subtraction is in the sign of b.
 * linear: (bias + qa·aMultiplier + qb·bMultiplier) >> shift, all int32.
 * fixed: both operands shifted left by 20, scaled, added, scaled again. `sign` is −1 for a subtraction.
 */
export type AddParameters =
  | { form: "linear"; aMultiplier: number; bMultiplier: number; bias: number; shift: number }
  | {
      form: "fixed";
      aZeroPoint: number;
      bZeroPoint: number;
      a: FixedPoint;
      b: FixedPoint;
      y: FixedPoint;
      sign: 1 | -1;
    };

/** Factors of both operands, shifted left by `leftShift`, and of their sum. */
export function addFactors(
  a: ScalarQuantization,
  b: ScalarQuantization,
  y: ScalarQuantization,
  leftShift: number,
): Record<"a" | "b" | "y", FixedPoint> {
  const twiceMax = 2 * Math.max(f(a.scale), f(b.scale));
  return {
    a: quantizeMultiplier(f(a.scale) / twiceMax),
    b: quantizeMultiplier(f(b.scale) / twiceMax),
    y: quantizeMultiplier(twiceMax / (2 ** leftShift * f(y.scale))),
  };
}

/** `single` uses the linear form where both scale ratios lie in [2⁻¹⁰, 2⁸), else the two-rounding one. */
export function addParameters(
  rounding: Rounding,
  a: ScalarQuantization,
  b: ScalarQuantization,
  y: ScalarQuantization,
  sign: 1 | -1 = 1,
): AddParameters {
  const aRatio = f(f(a.scale) / f(y.scale));
  const bRatio = f(f(b.scale) / f(y.scale));
  if (rounding === "single" && Math.min(aRatio, bRatio) >= 2 ** -10 && Math.max(aRatio, bRatio) < 2 ** 8) {
    const exponent = splitExponent(Math.max(aRatio, bRatio)).exponent - 1;
    const shift = 20 - exponent;
    const aMultiplier = roundHalfEven(aRatio * 2 ** shift);
    const bMultiplier = sign * roundHalfEven(bRatio * 2 ** shift);
    const bias = 2 ** (shift - 1) - aMultiplier * a.zeroPoint - bMultiplier * b.zeroPoint;
    return { form: "linear", aMultiplier, bMultiplier, bias, shift };
  }
  return {
    form: "fixed",
    aZeroPoint: a.zeroPoint,
    bZeroPoint: b.zeroPoint,
    ...addFactors(a, b, y, addLeftShift),
    sign,
  };
}

/** One output of a ± b. */
export function addQuantized(
  qa: number,
  qb: number,
  how: AddParameters,
  zeroPoint: number,
  range: Range,
): number {
  if (how.form === "linear") {
    const acc = (how.bias + qa * how.aMultiplier + qb * how.bMultiplier) | 0;
    return clamp((acc >> how.shift) + zeroPoint, range.min, range.max);
  }
  const a = multiplyByFixedPoint((qa - how.aZeroPoint) * 2 ** addLeftShift, how.a);
  const b = multiplyByFixedPoint((qb - how.bZeroPoint) * 2 ** addLeftShift, how.b);
  return clamp(multiplyByFixedPoint(a + how.sign * b, how.y) + zeroPoint, range.min, range.max);
}

import type { Rounding } from "../graph/graph.ts";
import { type FixedPoint, multiplyByFixedPoint, quantizeMultiplier } from "./fixed.ts";
import type { Range, ScalarQuantization } from "./range.ts";
import { clamp, roundHalfEven } from "./rounding.ts";

const f = Math.fround;

/**
 * How the sum of `count` raw quantized values becomes their mean.
 * float: rint(float32(sum)·scale + bias), where bias already holds both zero points.
 * fixed: (sum − count·zeroPoint) times a fixed-point number, + the output's zero point.
 */
export type MeanParameters =
  | { form: "float"; scale: number; bias: number }
  | ({ form: "fixed"; offset: number; zeroPoint: number } & FixedPoint);

export function meanParameters(
  rounding: Rounding,
  x: ScalarQuantization,
  y: ScalarQuantization,
  count: number,
): MeanParameters {
  if (rounding === "single") {
    const scale = f(f(f(x.scale) / f(y.scale)) * f(1 / count));
    return { form: "float", scale, bias: f(y.zeroPoint - f(f(x.zeroPoint * count) * scale)) };
  }
  const { multiplier, shift } = quantizeMultiplier(f(x.scale) / f(y.scale));
  const extra = Math.min(31 - Math.clz32(count), 31 + shift);
  return {
    form: "fixed",
    offset: -x.zeroPoint * count,
    zeroPoint: y.zeroPoint,
    multiplier: Math.floor((multiplier * 2 ** extra) / count),
    shift: shift - extra,
  };
}

/** The same for the sum itself, of `count` values. */
export function sumParameters(
  rounding: Rounding,
  x: ScalarQuantization,
  y: ScalarQuantization,
  count: number,
): MeanParameters {
  if (rounding === "single") {
    const scale = f(f(x.scale) / f(y.scale));
    return { form: "float", scale, bias: f(y.zeroPoint - f(f(x.zeroPoint * count) * scale)) };
  }
  const factor = quantizeMultiplier(f(x.scale) / f(y.scale));
  return { form: "fixed", offset: -x.zeroPoint * count, zeroPoint: y.zeroPoint, ...factor };
}

/** `sum` is the plain sum of the stored integers. */
export function meanQuantized(sum: number, how: MeanParameters, { min, max }: Range): number {
  if (how.form === "float") return roundHalfEven(clamp(f(f(f(sum) * how.scale) + how.bias), min, max));
  return clamp(multiplyByFixedPoint(sum + how.offset, how) + how.zeroPoint, min, max);
}

/** sum / count to the nearest integer, halves away from zero: AVERAGE_POOL_2D in both roundings. */
export const divideRoundingAway = (sum: number, count: number): number =>
  Math.trunc((sum > 0 ? sum + (count >> 1) : sum - (count >> 1)) / count);

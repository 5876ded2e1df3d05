import type { DType, Rounding } from "../graph/graph.ts";
import { quantizedRange, type Range, type ScalarQuantization } from "./range.ts";
import { clamp, roundHalfAway, roundHalfEven } from "./rounding.ts";

const f = Math.fround;

/**
 * float32 → quantized. single: x · float32(1/scale), halves to even; double: x / scale, halves away from zero.
 * NaN becomes the largest value.
 */
export function quantizeValue(
  x: number,
  { scale, zeroPoint }: ScalarQuantization,
  { min, max }: Range,
  rounding: Rounding,
): number {
  const steps = rounding === "single" ? f(f(x) * f(1 / f(scale))) : f(f(x) / f(scale));
  const low = min - zeroPoint;
  const high = max - zeroPoint;
  const inside = Number.isNaN(steps) ? high : clamp(steps, low, high);
  return (rounding === "single" ? roundHalfEven(inside) : roundHalfAway(inside)) + zeroPoint;
}

export const dequantizeValue = (q: number, { scale, zeroPoint }: ScalarQuantization): number =>
  f((q - zeroPoint) * f(scale));

/** The integer that PAD writes for a real `value`; ±∞ is the type's own bound. */
export function padValue(value: number, { scale, zeroPoint }: ScalarQuantization, dtype: DType): number {
  const { min, max } = quantizedRange(dtype);
  const steps = f(f(value) / f(scale));
  return clamp(Number.isFinite(steps) ? roundHalfEven(steps) + zeroPoint : steps, min, max);
}

/**
 * Affine int8: real = scale · (q − zeroPoint), q in −128…127. Scales are float32 values, zero is exactly
 * representable.
 */

import { quantizeValue as quantizeAsEngine } from "../numerics/convert.ts";

export interface Range {
  min: number;
  max: number;
}

export interface Affine {
  scale: number;
  zeroPoint: number;
}

const int8Min = -128;
const int8Max = 127;

/** Smallest scale ever chosen: products and quotients of two scales stay normal float32 numbers. */
export const smallestScale = 2 ** -60;

/** The parameters of tensors that are zero throughout. */
const zeroRange: Affine = { scale: 1, zeroPoint: 0 };

/**
 * Asymmetric parameters that cover `range` and zero. The zero point is rounded from whichever end of the
 * range it represents more exactly, as TFLite does; the grid then misses either end by at most half a step.
 */
export function affineOfRange({ min, max }: Range): Affine {
  if (!Number.isFinite(min) || !Number.isFinite(max) || min > max) {
    throw new RangeError(`"range" expected finite min ≤ max, got ${min}…${max}`);
  }
  const low = Math.min(0, min);
  const high = Math.max(0, max);
  if (low === high) return { ...zeroRange };
  const scale = Math.fround(Math.max((high - low) / 255, smallestScale));
  const fromLow = int8Min - low / scale;
  const fromHigh = int8Max - high / scale;
  const lowError = Math.abs(int8Min) + Math.abs(low / scale);
  const highError = Math.abs(int8Max) + Math.abs(high / scale);
  // Adding 0 turns −0 into 0.
  const zeroPoint = Math.round(lowError < highError ? fromLow : fromHigh) + 0;
  return { scale, zeroPoint: Math.min(int8Max, Math.max(int8Min, zeroPoint)) };
}

/** Symmetric scale for values of at most `magnitude`, on −127…127; 0 asks for a fallback. */
export const symmetricScale = (magnitude: number): number =>
  magnitude === 0 ? 0 : Math.fround(Math.max(magnitude / 127, smallestScale));

/** The nearest representable q, saturated: the engine's QUANTIZE, `single`. NaN becomes 127. */
export const quantizeValue = (value: number, affine: Affine): number =>
  quantizeAsEngine(value, affine, { min: int8Min, max: int8Max }, "single");

/** `values` in int8, written to `into`. */
export function quantizeValues(
  values: ArrayLike<number>,
  affine: Affine,
  into: Int8Array = new Int8Array(values.length),
): Int8Array {
  for (let i = 0; i < values.length; i++) into[i] = quantizeValue(values[i], affine);
  return into;
}

/** The real values that the grid spans. */
export const rangeOfAffine = ({ scale, zeroPoint }: Affine): Range => ({
  min: scale * (int8Min - zeroPoint),
  max: scale * (int8Max - zeroPoint),
});

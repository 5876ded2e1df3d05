import { roundHalfAway, splitExponent } from "./rounding.ts";

/** A positive real number as multiplier · 2^(shift − 31); multiplier is 0 or in [2³⁰, 2³¹). */
export interface FixedPoint {
  multiplier: number;
  shift: number;
}

/** The nearest Q31 mantissa of `real` ≥ 0. Values below 2⁻³² become zero. */
export function quantizeMultiplier(real: number): FixedPoint {
  if (!(real >= 0 && real < Infinity))
    throw new RangeError(`"real" expected a finite number ≥ 0, got ${real}`);
  if (real === 0) return { multiplier: 0, shift: 0 };
  const { fraction, exponent } = splitExponent(real);
  const mantissa = roundHalfAway(fraction * 2 ** 31);
  const fixed =
    mantissa === 2 ** 31
      ? { multiplier: 2 ** 30, shift: exponent + 1 }
      : { multiplier: mantissa, shift: exponent };
  return fixed.shift < -31 ? { multiplier: 0, shift: 0 } : fixed;
}

/** The same of any sign: a multiplier below 0 for a factor below 0. */
export function signedMultiplier(real: number): FixedPoint {
  const { multiplier, shift } = quantizeMultiplier(Math.abs(real));
  return { multiplier: real < 0 ? -multiplier : multiplier, shift };
}

/**
 * ⌊(a·b + 2³⁰) / 2³¹⌋, saturated: the high half of the doubled product, rounded, halves up.
 * a and b are int32; the exact product is formed from two 16-bit halves of b.
 */
export function doublingHighMultiply(a: number, b: number): number {
  if (a === -(2 ** 31) && b === -(2 ** 31)) return 2 ** 31 - 1;
  const low = a * (b & 0xffff);
  const high = a * (b >> 16);
  return Math.floor((high + Math.floor((low + 2 ** 30) / 2 ** 16)) / 2 ** 15);
}

/** x / 2^exponent to the nearest integer, halves away from zero; 0 ≤ exponent ≤ 31, x int32. */
export function divideByPowerOfTwo(x: number, exponent: number): number {
  if (exponent === 0) return x;
  const mask = 2 ** exponent - 1;
  const floor = Math.floor(x / 2 ** exponent);
  const remainder = x - floor * 2 ** exponent;
  const threshold = Math.floor(mask / 2) + (x < 0 ? 1 : 0);
  return floor + (remainder > threshold ? 1 : 0);
}

/** x · real with gemmlowp's two roundings. A left shift wraps at 32 bits. */
export function multiplyByFixedPoint(x: number, { multiplier, shift }: FixedPoint): number {
  const shifted = shift > 0 ? x << shift : x;
  return divideByPowerOfTwo(doublingHighMultiply(shifted, multiplier), shift < 0 ? -shift : 0);
}

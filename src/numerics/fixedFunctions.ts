import { divideByPowerOfTwo, doublingHighMultiply } from "./fixed.ts";
import { clamp } from "./rounding.ts";

/*
 * exp, logistic and tanh on int32 fixed point with gemmlowp's roundings. "Qn" has n integer bits and
 * 31 − n fraction bits. Used in the `double` rounding only, to fill tables.
 */

const one = 2 ** 31 - 1;

const saturate = (x: number): number => clamp(x, -(2 ** 31), 2 ** 31 - 1);

/** e^(−2^exponent) in Q0, exponent from −2. */
const expOfPowers = [1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242];
const expOfEighth = 1895147668;
const third = 715827883;

/** e^a for a in [−¼, 0), Q0 → Q0: the Taylor series at −⅛ to the fourth power. */
function expNearZero(a: number): number {
  const x = a + 2 ** 28;
  const x2 = doublingHighMultiply(x, x);
  const x3 = doublingHighMultiply(x2, x);
  const x4 = doublingHighMultiply(x2, x2);
  const cubic = doublingHighMultiply(divideByPowerOfTwo(x4, 2) + x3, third);
  const tail = divideByPowerOfTwo(cubic + x2, 1);
  return expOfEighth + doublingHighMultiply(expOfEighth, x + tail);
}

/** e^a for a ≤ 0 with `integerBits` (4 or 5) integer bits → Q0. */
export function expOfNegative(a: number, integerBits: number): number {
  if (a === 0) return one;
  const fractionBits = 31 - integerBits;
  const quarter = 2 ** (fractionBits - 2);
  const near = (a & (quarter - 1)) - quarter;
  const remainder = near - a;
  let result = expNearZero(near * 2 ** integerBits);
  for (let exponent = -2; exponent < integerBits; exponent++) {
    if (remainder & (1 << (fractionBits + exponent)))
      result = doublingHighMultiply(result, expOfPowers[exponent + 2]);
  }
  return result;
}

/** 2 / (1 + a) in Q2 for a in [0, 1], Q0, by three Newton steps. */
function twoOverOnePlus(a: number): number {
  const half = Math.floor((a + one + 1) / 2);
  let x = 1515870810 + doublingHighMultiply(half, -1010580540);
  for (let i = 0; i < 3; i++) {
    const rest = 2 ** 29 - doublingHighMultiply(half, x);
    x += saturate(doublingHighMultiply(x, rest) * 4);
  }
  return x;
}

/** 1 / (1 + a), Q0 → Q0, a in [0, 1]. */
export const oneOverOnePlus = (a: number): number => saturate(twoOverOnePlus(a) * 2);

/** 1 / (1 + e^−a), Q4 → Q0. */
export function fixedLogistic(a: number): number {
  if (a === 0) return 2 ** 30;
  const positive = oneOverOnePlus(expOfNegative(-Math.abs(a), 4));
  return a > 0 ? positive : one - positive;
}

/** tanh(a), Q4 → Q0. */
export function fixedTanh(a: number): number {
  if (a === 0) return 0;
  const positive = saturate((twoOverOnePlus(expOfNegative(-Math.abs(a), 5)) - 2 ** 29) * 4);
  return a > 0 ? positive : -positive;
}

/** The largest difference of quantized values that still fits `integerBits` after a left shift. */
export const inputRadius = (integerBits: number, leftShift: number): number =>
  Math.floor(((2 ** integerBits - 1) * 2 ** (31 - integerBits)) / 2 ** leftShift);

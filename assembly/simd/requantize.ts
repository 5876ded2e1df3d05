/**
 * int32 accumulators → int8, in the two roundings that docs/numerics.md defines. The SIMD and the scalar
 * forms give the same bits: convert, multiply, clamp against integer bounds, round half to even.
 */

import { NR, ROUNDING_DOUBLE } from "../codes";
import { M_MAX, M_MIN, M_ROUNDING, M_ZERO_POINT } from "../records";
import { roundingAt } from "../engine/kept";
import { i32At } from "../engine/model";

/** Room for eight accumulators, for the rounding that works lane by lane. */
const lanes: usize = memory.data(32, 16);

/** rint(acc · multiplier) within lo…hi, which are whole numbers and exclude the zero point. */
// @ts-ignore: decorator
@inline
export function requantizeSingle(acc: i32, multiplier: f32, lo: f32, hi: f32): i32 {
  let v = <f32>acc * multiplier;
  v = v < lo ? lo : v;
  v = hi < v ? hi : v;
  return <i32>nearest(v);
}

/** gemmlowp: saturating rounding doubling high multiply by a Q31 multiplier, then rounding right shift. */
export function requantizeDouble(acc: i32, multiplier: i32, shift: i32): i32 {
  const left = shift > 0 ? shift : 0;
  const right = shift > 0 ? 0 : -shift;
  const high = <i32>((<i64>(acc << left) * <i64>multiplier + (1 << 30)) >> 31);
  const mask = (1 << right) - 1;
  const threshold = (mask >> 1) + i32(high < 0);
  return (high >> right) + i32((high & mask) > threshold);
}

/** The same factor with one rounding, halves up. */
export function requantizeOnce(acc: i32, multiplier: i32, shift: i32): i32 {
  const right = <i64>(31 - shift);
  return <i32>((<i64>acc * <i64>multiplier + (<i64>1 << (right - 1))) >> right);
}

// @ts-ignore: decorator
@inline
export function clamp(v: i32, lo: i32, hi: i32): i32 {
  return v < lo ? lo : v > hi ? hi : v;
}

/**
 * 1.5 · 2²³: a float32 sum with it holds the nearest integer, halves to even, in its low bits, and as an integer compares as
 * the sum does where that is positive.
 */
const MAGIC: f32 = 12582912;
export const MAGIC_BITS: i32 = 0x4b400000;

/** MAGIC, as a variable: V8 builds a constant vector anew wherever it is used, of three instructions. */
let magic: f32 = 0;

/** Before any of the functions below that take vectors. */
export function prepareRounding(): void {
  magic = MAGIC;
}

// What the functions below need of a record besides the multipliers, as vectors.

// @ts-ignore: decorator
@inline
export function floorOf(record: usize): v128 {
  return i32x4.splat(MAGIC_BITS + i32At(record, M_MIN) - i32At(record, M_ZERO_POINT));
}

// @ts-ignore: decorator
@inline
export function ceilingOf(record: usize): v128 {
  return i8x16.splat(<i8>i32At(record, M_MAX));
}

// @ts-ignore: decorator
@inline
export function offsetOf(record: usize): v128 {
  return i32x4.splat(MAGIC_BITS - i32At(record, M_ZERO_POINT));
}

// @ts-ignore: decorator
@inline
export function rounder(): v128 {
  return f32x4.splat(magic);
}

/**
 * Four accumulators by their four multipliers, rounded once, plus the zero point. Large ones come out large and the
 * narrowing instructions bound them: the bits of positive floats are ordered as they are. Small ones are bounded as
 * integers, which processors have more units for: negative floats are negative integers, below any floor.
 */
// @ts-ignore: decorator
@inline
function single4(acc: v128, multiplier: v128, floor: v128, rounder: v128, offset: v128): v128 {
  const v = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(acc), multiplier), rounder);
  return i32x4.sub(i32x4.max_s(v, floor), offset);
}

/**
 * Requantizes eight neighbouring columns, rounding once, to int16: slo and shi are their multipliers, floor, rounder and
 * offset floorOf … of the record. No calls in here: they would spill what a loop around keeps in registers.
 */
// @ts-ignore: decorator
@inline
export function singleWords(
  lo: v128, hi: v128, slo: v128, shi: v128, floor: v128, rounder: v128, offset: v128
): v128 {
  return i16x8.narrow_i32x4_s(single4(lo, slo, floor, rounder, offset), single4(hi, shi, floor, rounder, offset));
}

/** Stores one row of eight, with its multipliers at `requant`. */
// @ts-ignore: decorator
@inline
export function storeWhole(
  lo: v128, hi: v128, requant: usize, floor: v128, ceiling: v128, rounder: v128, offset: v128, y: usize
): void {
  const words = singleWords(lo, hi, v128.load(requant), v128.load(requant, 16), floor, rounder, offset);
  v128.store64_lane(y, i8x16.min_s(i8x16.narrow_i16x8_s(words, words), ceiling), 0);
}

/** Stores two rows of eight from singleWords. */
// @ts-ignore: decorator
@inline
export function storeWords(words: v128, words2: v128, ceiling: v128, y: usize, y2: usize): void {
  const bytes = i8x16.min_s(i8x16.narrow_i16x8_s(words, words2), ceiling);
  v128.store64_lane(y, bytes, 0);
  v128.store64_lane(y2, bytes, 1);
}

/** The first `count` of eight columns, in either rounding; with ROUNDING_DOUBLE 8 i32 shifts lie `shiftsAfter` on. */
export function storeSome(
  lo: v128, hi: v128, requant: usize, shiftsAfter: usize, record: usize, y: usize, count: usize
): void {
  v128.store(lanes, lo);
  v128.store(lanes, hi, 16);
  const end = count < NR ? count : NR;
  for (let i: usize = 0; i < end; i++) {
    storeOne(
      load<i32>(lanes + (i << 2)), requant + (i << 2), shiftsAfter, roundingAt(record, M_ROUNDING),
      i32At(record, M_ZERO_POINT), i32At(record, M_MIN), i32At(record, M_MAX), y + i
    );
  }
}

// @ts-ignore: decorator
@inline
function storeDouble(
  acc: i32, requant: usize, shiftsAfter: usize, zeroPoint: i32, min: i32, max: i32, y: usize
): void {
  const v = requantizeDouble(acc, load<i32>(requant), load<i32>(requant + shiftsAfter));
  store<i8>(y, <i8>clamp(v + zeroPoint, min, max));
}

/** One column; the scalar tier's storeRow. */
// @ts-ignore: decorator
@inline
export function storeOne(
  acc: i32, requant: usize, shiftsAfter: usize, rounding: i32,
  zeroPoint: i32, min: i32, max: i32, y: usize
): void {
  if (rounding == ROUNDING_DOUBLE) {
    storeDouble(acc, requant, shiftsAfter, zeroPoint, min, max, y);
  } else {
    const v = requantizeSingle(acc, load<f32>(requant), <f32>(min - zeroPoint), <f32>(max - zeroPoint));
    store<i8>(y, <i8>(v + zeroPoint));
  }
}

/**
 * Checks that the operators' verifiers share. They answer 0 or a CHECK_ code; none of them can overflow: what may pass
 * 32 bits is computed in float64, which is exact below 2⁵³, far above every limit, and stays above them beyond. It is
 * also what JavaScript has, where 64-bit integers would be many times the code.
 */

import { CHECK_ALIGNMENT, CHECK_FIELD, CHECK_OVERLAP, CHECK_QUANTIZATION, CHECK_REGION } from "../abi";
import { ROUNDING_DOUBLE } from "../codes";
import { ALIGNMENT } from "../format";
import { kept_roundings } from "./kept";
import { arena, arenaBytes, bytesOf, dataOf, dimOf, dtypeOf, f32At, i32At, rankOf, u32At, weights, weightsBytes } from "./model";

/** `bytes` from `offset` lie inside the weights section, 16-byte aligned. */
export function checkWeights(offset: u32, bytes: f64): i32 {
  if (offset & 15) return CHECK_ALIGNMENT;
  return <f64>offset + bytes <= <f64>weightsBytes ? 0 : CHECK_REGION;
}

/** The scratch lies in the arena and over neither tensor. */
export function checkScratch(offset: u32, bytes: u32, needed: f64, x: usize, y: usize): i32 {
  if (offset & (ALIGNMENT - 1)) return CHECK_ALIGNMENT;
  if (<f64>bytes < needed || <f64>offset + <f64>bytes > <f64>arenaBytes) return CHECK_REGION;
  const from = arena + offset;
  const to = from + bytes;
  if (overlaps(from, to, x) || overlaps(from, to, y)) return CHECK_OVERLAP;
  return 0;
}

/** The output shares no byte with the input: no kernel works in place. */
export function isApart(x: usize, y: usize): bool {
  const from = dataOf(y);
  return !overlaps(from, from + bytesOf(y), x);
}

/** Tensors and scratch lie where addresses end, so sums of them do not wrap. */
function overlaps(from: usize, to: usize, t: usize): bool {
  const start = dataOf(t);
  return from < start + bytesOf(t) && start < to;
}

/** An int8 range with its zero point: −128 ≤ min ≤ max ≤ 127. */
export function checkInt8Range(min: i32, max: i32, zeroPoint: i32): i32 {
  if (min < -128 || max > 127 || min > max) return CHECK_QUANTIZATION;
  return isInt8(zeroPoint) ? 0 : CHECK_QUANTIZATION;
}

// @ts-ignore: decorator
@inline
export function isInt8(v: i32): bool {
  return v >= -128 && v <= 127;
}

/** Finite and above zero. */
export function isScale(v: f32): bool {
  return v > 0 && v <= f32.MAX_VALUE;
}

/** Bounds of a float activation: not NaN, in order. */
export function checkFloatRange(min: f32, max: f32): i32 {
  return min <= max ? 0 : CHECK_FIELD;
}

/** A Q31 multiplier with its shift, for double rounding. */
export function isMultiplier(multiplier: i32, shift: i32): bool {
  return multiplier >= 0 && shift >= -31 && shift <= 30;
}

/** ROUNDING_SINGLE is 0, ROUNDING_DOUBLE 1. */
export function checkRounding(rounding: u32): i32 {
  return (rounding & ~kept_roundings) == 0 ? 0 : CHECK_FIELD;
}

/** `count` per-channel multipliers, f32, or i32 followed by as many shifts. */
export function checkRequant(offset: u32, count: f64, rounding: u32): i32 {
  const check = checkWeights(offset, count * (rounding == ROUNDING_DOUBLE ? 8 : 4));
  if (check) return check;
  const at = weights + offset;
  for (let i: usize = 0; i < <usize>count; i++) {
    if (rounding == ROUNDING_DOUBLE) {
      if (!isMultiplier(i32At(at, i << 2), i32At(at, (i + <usize>count) << 2))) return CHECK_QUANTIZATION;
    } else {
      const multiplier = f32At(at, i << 2);
      if (!(multiplier >= 0 && multiplier <= f32.MAX_VALUE)) return CHECK_QUANTIZATION;
    }
  }
  return 0;
}

/** The tensors hold the same number of elements of the same type. */
export function sameElements(x: usize, y: usize): bool {
  return dtypeOf(x) == dtypeOf(y) && bytesOf(x) == bytesOf(y);
}

export function sameDims(x: usize, y: usize): bool {
  if (rankOf(x) != rankOf(y)) return false;
  for (let i: u32 = 0; i < rankOf(x); i++) if (dimOf(x, i) != dimOf(y, i)) return false;
  return true;
}

/** The field lies in low…high (unsigned). */
// @ts-ignore: decorator
@inline
export function within(record: usize, field: usize, low: u32, high: u32): bool {
  const v = u32At(record, field);
  return v >= low && v <= high;
}

/** The next multiple of a power of two. */
export function roundUp(v: f64, to: f64): f64 {
  return ceil(v / to) * to;
}

/** Rows of `width` bytes that the tensor consists of; 0 where there is a rest. */
export function rowsOf(t: usize, width: u32): u32 {
  return bytesOf(t) % width ? 0 : bytesOf(t) / width;
}

/** The tensor consists of `rows` rows of `width` bytes. */
export function isRows(t: usize, rows: u32, width: f64): bool {
  return <f64>rows * width == <f64>bytesOf(t);
}

/** The product of the record's fields from `first` to `last`. */
export function productOf(record: usize, first: usize, last: usize): f64 {
  let product: f64 = 1;
  for (let field = first; field <= last; field += 4) product *= <f64>u32At(record, field);
  return product;
}

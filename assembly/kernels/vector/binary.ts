/** Elementwise a ∘ b along one row; a step of 0 repeats the operand's first value. */

import { BINARY_ADD, BINARY_DIV, BINARY_MAXIMUM, BINARY_MUL, BINARY_SUB, OP_BINARY_F32, ROUNDING_DOUBLE } from "../../codes";
import {
  B_A_MULTIPLIER,
  B_A_SHIFT,
  B_A_ZERO_POINT,
  B_BIAS,
  B_B_MULTIPLIER,
  B_B_SHIFT,
  B_B_ZERO_POINT,
  B_MAX,
  B_MIN,
  B_MULTIPLIER,
  B_ROUNDING,
  B_SCALE,
  B_SHIFT,
  B_SIGN,
  B_ZERO_POINT,
} from "../../records";
import { keeps, roundingAt } from "../../engine/kept";
import { f32At, i32At } from "../../engine/model";
import { clampf } from "../../simd/functions";
import { clamp, requantizeDouble, requantizeSingle } from "../../simd/requantize";
import { applyFloat } from "./arithmetic";

/** gemmlowp addition works on operands shifted left by this. */
const ADD_LEFT_SHIFT = 20;

/** Eight int8 from p, or the one there eight times, as i16. */
// @ts-ignore: decorator
@inline
function load8(p: usize, step: usize): v128 {
  return step ? v128.load8x8_s(p) : i16x8.splat(<i16>load<i8>(p));
}

/**
 * y[i] = clamp(((bias + a·aMultiplier + b·bMultiplier) >> shift) + zeroPoint), or gemmlowp's form.
 * Steps are 0 or 1. Reads and writes nothing beyond n. Equals test/reference/elementwise.ts bit for bit.
 */
export function qs8_add(record: usize, n: usize, a: usize, aStep: usize, b: usize, bStep: usize, y: usize): void {
  const am = i32At(record, B_A_MULTIPLIER);
  const bm = i32At(record, B_B_MULTIPLIER);
  const zp = i32At(record, B_ZERO_POINT);
  const lo = i32At(record, B_MIN);
  const hi = i32At(record, B_MAX);
  const shift = i32At(record, B_SHIFT);
  if (roundingAt(record, B_ROUNDING) == ROUNDING_DOUBLE) {
    const az = i32At(record, B_A_ZERO_POINT);
    const bz = i32At(record, B_B_ZERO_POINT);
    const as = i32At(record, B_A_SHIFT);
    const bs = i32At(record, B_B_SHIFT);
    const ym = i32At(record, B_MULTIPLIER);
    const sign = i32At(record, B_SIGN);
    for (let i: usize = 0; i < n; i++) {
      const qa: i32 = load<i8>(a + i * aStep);
      const qb: i32 = load<i8>(b + i * bStep);
      const sum =
        requantizeDouble((qa - az) << ADD_LEFT_SHIFT, am, as) +
        sign * requantizeDouble((qb - bz) << ADD_LEFT_SHIFT, bm, bs);
      store<i8>(y + i, <i8>clamp(requantizeDouble(sum, ym, shift) + zp, lo, hi));
    }
    return;
  }
  const bias = i32At(record, B_BIAS);
  let i: usize = 0;
  if (ASC_FEATURE_SIMD) {
    const vam = i32x4.splat(am);
    const vbm = i32x4.splat(bm);
    const vbias = i32x4.splat(bias);
    const vzp = i16x8.splat(<i16>zp);
    const vlo = i8x16.splat(<i8>lo);
    const vhi = i8x16.splat(<i8>hi);
    for (; i + 8 <= n; i += 8) {
      const va = load8(a + i * aStep, aStep);
      const vb = load8(b + i * bStep, bStep);
      let p = i32x4.add(vbias, i32x4.mul(i32x4.extend_low_i16x8_s(va), vam));
      let q = i32x4.add(vbias, i32x4.mul(i32x4.extend_high_i16x8_s(va), vam));
      p = i32x4.add(p, i32x4.mul(i32x4.extend_low_i16x8_s(vb), vbm));
      q = i32x4.add(q, i32x4.mul(i32x4.extend_high_i16x8_s(vb), vbm));
      const words = i16x8.narrow_i32x4_s(i32x4.shr_s(p, shift), i32x4.shr_s(q, shift));
      const shifted = i16x8.add_sat_s(words, vzp);
      const bytes = i8x16.narrow_i16x8_s(shifted, shifted);
      v128.store64_lane(y + i, i8x16.min_s(i8x16.max_s(bytes, vlo), vhi), 0);
    }
  }
  for (; i < n; i++) {
    const qa: i32 = load<i8>(a + i * aStep);
    const qb: i32 = load<i8>(b + i * bStep);
    store<i8>(y + i, <i8>clamp(((bias + qa * am + qb * bm) >> shift) + zp, lo, hi));
  }
}

/** y[i] = requantize((a − aZeroPoint)·(b − bZeroPoint)), in the record's rounding. Otherwise as qs8_add. */
export function qs8_mul(record: usize, n: usize, a: usize, aStep: usize, b: usize, bStep: usize, y: usize): void {
  const az = i32At(record, B_A_ZERO_POINT);
  const bz = i32At(record, B_B_ZERO_POINT);
  const zp = i32At(record, B_ZERO_POINT);
  const lo = i32At(record, B_MIN);
  const hi = i32At(record, B_MAX);
  const isDouble = roundingAt(record, B_ROUNDING) == ROUNDING_DOUBLE;
  const scale = f32At(record, B_SCALE);
  const multiplier = i32At(record, B_MULTIPLIER);
  const shift = i32At(record, B_SHIFT);
  const floor = <f32>(lo - zp);
  const ceiling = <f32>(hi - zp);
  for (let i: usize = 0; i < n; i++) {
    const qa: i32 = load<i8>(a + i * aStep);
    const qb: i32 = load<i8>(b + i * bStep);
    const acc = (qa - az) * (qb - bz);
    const v = isDouble
      ? clamp(requantizeDouble(acc, multiplier, shift) + zp, lo, hi)
      : requantizeSingle(acc, scale, floor, ceiling) + zp;
    store<i8>(y + i, <i8>v);
  }
}

/** Four pairs, of a kind that isVector() knows. */
// @ts-ignore: decorator
@inline
function apply4(kind: u32, a: v128, b: v128): v128 {
  if (kind == BINARY_ADD) return f32x4.add(a, b);
  if (kind == BINARY_MUL) return f32x4.mul(a, b);
  if (kind == BINARY_SUB) return f32x4.sub(a, b);
  if (kind == BINARY_DIV) return f32x4.div(a, b);
  return kind == BINARY_MAXIMUM ? f32x4.max(a, b) : f32x4.min(a, b);
}

// @ts-ignore: decorator
@inline
function isVector(kind: u32): bool {
  return kind <= BINARY_DIV || kind >= BINARY_ADD;
}

// @ts-ignore: decorator
@inline
function apply(kind: u32, a: f32, b: f32): f32 {
  if (kind == BINARY_ADD) return a + b;
  if (kind == BINARY_MUL) return a * b;
  if (kind == BINARY_SUB) return a - b;
  return keeps(OP_BINARY_F32) ? applyFloat(kind, a, b) : 0;
}

/** y[i] = clamp(a[i] ∘ b[i]); steps of 0 or 1 value. */
export function f32_binary(
  kind: u32, record: usize, n: usize, a: usize, aStep: usize, b: usize, bStep: usize, y: usize
): void {
  const lo = f32At(record, B_MIN);
  const hi = f32At(record, B_MAX);
  let i: usize = 0;
  if (ASC_FEATURE_SIMD) {
    const vlo = f32x4.splat(lo);
    const vhi = f32x4.splat(hi);
    const whole = isVector(kind) ? n & ~3 : 0;
    for (; i < whole; i += 4) {
      const va = aStep ? v128.load(a + (i << 2)) : v128.load32_splat(a);
      const vb = bStep ? v128.load(b + (i << 2)) : v128.load32_splat(b);
      v128.store(y + (i << 2), f32x4.pmin(f32x4.pmax(apply4(kind, va, vb), vlo), vhi));
    }
  }
  for (; i < n; i++) {
    const v = apply(kind, load<f32>(a + ((i * aStep) << 2)), load<f32>(b + ((i * bStep) << 2)));
    store<f32>(y + (i << 2), clampf(v, lo, hi));
  }
}

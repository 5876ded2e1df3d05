/** Softmax of one row. Sums run in index order, in every tier. */

import { expf, expf4 } from "../../simd/exp";

function maximum(x: usize, n: usize): i32 {
  let top: i32 = load<i8>(x);
  for (let i: usize = 1; i < n; i++) {
    const v: i32 = load<i8>(x + i);
    top = v > top ? v : top;
  }
  return top;
}

/** y = clamp(⌊e^(…)/Σ / outputScale + ½⌋ + zeroPoint); table[d] = e^(−β·scale·d). Equals test/reference/softmax.ts. */
export function qs8_softmax(x: usize, n: usize, table: usize, outputScale: f32, zeroPoint: i32, y: usize): void {
  const top = maximum(x, n);
  let sum: f32 = 0;
  for (let i: usize = 0; i < n; i++) {
    const v: i32 = load<i8>(x + i);
    sum += load<f32>(table + (<usize>(top - v) << 2));
  }
  const inverse: f32 = <f32>1 / (sum * outputScale);
  for (let i: usize = 0; i < n; i++) {
    const v: i32 = load<i8>(x + i);
    const steps = floor<f32>(load<f32>(table + (<usize>(top - v) << 2)) * inverse + 0.5);
    const q = (steps < 512 ? <i32>steps : 512) + zeroPoint;
    store<i8>(y + i, <i8>(q > 127 ? 127 : q < -128 ? -128 : q));
  }
}

/** ⌊(a·b + 2³⁰) / 2³¹⌋ for operands that are not both −2³¹. */
// @ts-ignore: decorator
@inline
function highMultiply(a: i32, b: i32): i32 {
  return <i32>((<i64>a * <i64>b + (1 << 30)) >> 31);
}

/** x / 2^exponent to the nearest integer, halves away from zero; 0 ≤ exponent. */
function divideByPowerOfTwo(x: i32, exponent: i32): i32 {
  if (exponent > 31) return 0;
  const mask = (1 << exponent) - 1;
  const threshold = (mask >> 1) + i32(x < 0);
  return (x >> exponent) + i32((x & mask) > threshold);
}

/** v · 2^exponent, saturated. */
function saturatingLeft(v: i32, exponent: i32): i32 {
  const wide = <i64>v << exponent;
  return wide > i32.MAX_VALUE ? i32.MAX_VALUE : wide < i32.MIN_VALUE ? i32.MIN_VALUE : <i32>wide;
}

/** 1 / (1 + a) for a in [0, 1], Q0 → Q0, by three Newton steps. */
function oneOverOnePlus(a: i32): i32 {
  const half = <i32>((<i64>a + <i64>i32.MAX_VALUE + 1) >> 1);
  let x = 1515870810 + highMultiply(half, -1010580540);
  for (let i = 0; i < 3; i++) {
    const rest = (1 << 29) - highMultiply(half, x);
    x += saturatingLeft(highMultiply(x, rest), 2);
  }
  return saturatingLeft(x, 1);
}

/** gemmlowp's fixed-point softmax to scale 1/256, zero point −128; table[d] in Q0.31. */
export function qs8_softmax_fixed(x: usize, n: usize, table: usize, y: usize): void {
  const top = maximum(x, n);
  let sum: i32 = 0;
  for (let i: usize = 0; i < n; i++) {
    const v: i32 = load<i8>(x + i);
    sum += divideByPowerOfTwo(load<i32>(table + (<usize>(top - v) << 2)), 12);
  }
  const headroom = clz(sum);
  const inverse = oneOverOnePlus((sum << headroom) - i32.MIN_VALUE);
  const exponent = 35 - headroom;
  for (let i: usize = 0; i < n; i++) {
    const v: i32 = load<i8>(x + i);
    const scaled = highMultiply(inverse, load<i32>(table + (<usize>(top - v) << 2)));
    const q = divideByPowerOfTwo(scaled, exponent) - 128;
    store<i8>(y + i, <i8>(q > 127 ? 127 : q < -128 ? -128 : q));
  }
}

/** y[i] = e^(β·(x[i] − max)) / Σ. */
export function f32_softmax(x: usize, n: usize, beta: f32, y: usize): void {
  let top = load<f32>(x);
  for (let i: usize = 1; i < n; i++) {
    const v = load<f32>(x + (i << 2));
    top = top < v ? v : top;
  }
  let sum: f32 = 0;
  let from: usize = 0;
  if (ASC_FEATURE_SIMD) {
    for (; from + 4 <= n; from += 4) {
      const distance = f32x4.sub(v128.load(x + (from << 2)), f32x4.splat(top));
      const e = expf4(f32x4.mul(distance, f32x4.splat(beta)));
      v128.store(y + (from << 2), e);
      sum += f32x4.extract_lane(e, 0);
      sum += f32x4.extract_lane(e, 1);
      sum += f32x4.extract_lane(e, 2);
      sum += f32x4.extract_lane(e, 3);
    }
  }
  for (let i = from; i < n; i++) {
    const e = expf((load<f32>(x + (i << 2)) - top) * beta);
    store<f32>(y + (i << 2), e);
    sum += e;
  }
  if (ASC_FEATURE_SIMD) {
    for (let i: usize = 0; i < from; i += 4)
      v128.store(y + (i << 2), f32x4.div(v128.load(y + (i << 2)), f32x4.splat(sum)));
  }
  for (let i = from; i < n; i++) store<f32>(y + (i << 2), load<f32>(y + (i << 2)) / sum);
}

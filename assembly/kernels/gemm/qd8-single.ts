/** Tiles of qd8.ts of one row, straight from the file's weights. */

import { NR, WEIGHTS_CODEBOOK, WEIGHTS_I2, WEIGHTS_I8 } from "../../codes";
import { accumulate, evens, odds } from "../../simd/widen";
import { NARROW_STEPS, SCALES, sums, zeroPoints } from "./qd8-tiles";

/** One byte a weight, of those in the low bits of each of v's; what `mask` and `values` are, row_direct says. */
// @ts-ignore: decorator
@inline
function low(format: u32, v: v128, mask: v128, values: v128): v128 {
  if (format == WEIGHTS_I8) return v128.xor(v, mask);
  const u = v128.and(v, mask);
  return format == WEIGHTS_CODEBOOK ? i8x16.relaxed_swizzle(values, u) : u;
}

/** sum + the products of x with one byte a weight: int32 with `useDot`, else int16. */
// @ts-ignore: decorator
@inline
function products(useDot: bool, sum: v128, x: v128, w: v128): v128 {
  return useDot
    ? i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, sum)
    : i16x8.add(sum, i16x8.relaxed_dot_i8x16_i7x16_s(x, w));
}

/**
 * One row × 16 columns, the second 8 `next` bytes behind the first. Literals: `format`, and `useDot`: the 4-way dot product.
 * `mask`: the bits of a weight in every byte, of int8 what they are xored with; `values`: those of a codebook, xored; `flip`:
 * with what.
 */
// @ts-ignore: decorator
@inline
export function row_direct(
  format: u32, useDot: bool, mask: v128, values: v128, flip: v128, a: usize, end: usize, blockSize: usize, s: usize,
  scales: usize, step: usize, hasZeroPoints: bool, head: usize, next: usize
): void {
  const bits = format == WEIGHTS_I2 ? 2 : 4;
  const isLong = useDot || !ASC_FEATURE_RELAXED_SIMD;
  let f0 = f32x4.splat(0);
  let f1 = f0;
  let f2 = f0;
  let f3 = f0;
  while (a < end) {
    const blockEnd = min(a + (blockSize << 2), end);
    let w = scales + head;
    let p0 = v128.load32_splat(s);
    let p1 = p0;
    let p2 = p0;
    let p3 = p0;
    if (hasZeroPoints) {
      const points = scales + SCALES;
      p0 = i32x4.mul(p0, zeroPoints(points, flip));
      p1 = i32x4.mul(p1, zeroPoints(points + 4, flip));
      p2 = i32x4.mul(p2, zeroPoints(points + next, flip));
      p3 = i32x4.mul(p3, zeroPoints(points + next + 4, flip));
    }
    while (a < blockEnd) {
      const stop = isLong ? blockEnd : min(a + (NARROW_STEPS << 4), blockEnd);
      let c0 = isLong ? p0 : i16x8.splat(0);
      let c1 = isLong ? p1 : c0;
      let c2 = isLong ? p2 : c0;
      let c3 = isLong ? p3 : c0;
      while (a < stop) {
        const x0 = v128.load32_splat(a);
        const x1 = v128.load32_splat(a, 16);
        a += 32;
        const v = w + next;
        const w0 = v128.load(w);
        const v0 = v128.load(v);
        if (ASC_FEATURE_RELAXED_SIMD && format == WEIGHTS_I8) {
          c0 = products(useDot, c0, x0, v128.xor(w0, mask));
          c1 = products(useDot, c1, x0, v128.xor(v128.load(w, 16), mask));
          c2 = products(useDot, c2, x0, v128.xor(v0, mask));
          c3 = products(useDot, c3, x0, v128.xor(v128.load(v, 16), mask));
          c0 = products(useDot, c0, x1, v128.xor(v128.load(w, 32), mask));
          c1 = products(useDot, c1, x1, v128.xor(v128.load(w, 48), mask));
          c2 = products(useDot, c2, x1, v128.xor(v128.load(v, 32), mask));
          c3 = products(useDot, c3, x1, v128.xor(v128.load(v, 48), mask));
          w += 64;
          continue;
        }
        const w1 = format == WEIGHTS_I2 ? i16x8.shr_u(w0, 4) : v128.load(w, 16);
        const v1 = format == WEIGHTS_I2 ? i16x8.shr_u(v0, 4) : v128.load(v, 16);
        w += <usize>bits << 3;
        if (ASC_FEATURE_RELAXED_SIMD) {
          c0 = products(useDot, c0, x0, low(format, w0, mask, values));
          c1 = products(useDot, c1, x0, low(format, i16x8.shr_u(w0, bits), mask, values));
          c2 = products(useDot, c2, x0, low(format, v0, mask, values));
          c3 = products(useDot, c3, x0, low(format, i16x8.shr_u(v0, bits), mask, values));
          c0 = products(useDot, c0, x1, low(format, w1, mask, values));
          c1 = products(useDot, c1, x1, low(format, i16x8.shr_u(w1, bits), mask, values));
          c2 = products(useDot, c2, x1, low(format, v1, mask, values));
          c3 = products(useDot, c3, x1, low(format, i16x8.shr_u(v1, bits), mask, values));
        } else {
          const e0 = evens(x0);
          const o0 = odds(x0);
          const e1 = evens(x1);
          const o1 = odds(x1);
          c0 = narrow(c0, w0, 0, mask, e0, o0);
          c1 = narrow(c1, w0, bits, mask, e0, o0);
          c2 = narrow(c2, v0, 0, mask, e0, o0);
          c3 = narrow(c3, v0, bits, mask, e0, o0);
          c0 = narrow(c0, w1, 0, mask, e1, o1);
          c1 = narrow(c1, w1, bits, mask, e1, o1);
          c2 = narrow(c2, v1, 0, mask, e1, o1);
          c3 = narrow(c3, v1, bits, mask, e1, o1);
        }
      }
      p0 = isLong ? c0 : i32x4.add(p0, i32x4.extadd_pairwise_i16x8_s(c0));
      p1 = isLong ? c1 : i32x4.add(p1, i32x4.extadd_pairwise_i16x8_s(c1));
      p2 = isLong ? c2 : i32x4.add(p2, i32x4.extadd_pairwise_i16x8_s(c2));
      p3 = isLong ? c3 : i32x4.add(p3, i32x4.extadd_pairwise_i16x8_s(c3));
    }
    const v = scales + next;
    f0 = f32x4.add(f0, f32x4.mul(f32x4.convert_i32x4_s(p0), v128.load(scales)));
    f1 = f32x4.add(f1, f32x4.mul(f32x4.convert_i32x4_s(p1), v128.load(scales, 16)));
    f2 = f32x4.add(f2, f32x4.mul(f32x4.convert_i32x4_s(p2), v128.load(v)));
    f3 = f32x4.add(f3, f32x4.mul(f32x4.convert_i32x4_s(p3), v128.load(v, 16)));
    s += 16;
    scales += step;
  }
  v128.store(sums, f0);
  v128.store(sums, f1, 16);
  v128.store(sums, f2, 32);
  v128.store(sums, f3, 48);
}

/** sum + the products of weights `bits` up in each byte of v with a row's even and odd values. */
// @ts-ignore: decorator
@inline
function narrow(sum: v128, v: v128, bits: i32, mask: v128, e: v128, o: v128): v128 {
  const even = v128.and(bits ? i16x8.shr_u(v, bits) : v, mask);
  return accumulate(sum, even, v128.and(i16x8.shr_u(v, 8 + bits), mask), e, o);
}

/** One row, without vectors. */
export function row_scalar(
  a: usize, end: usize, blockSize: usize, s: usize, w: usize, scales: usize, step: usize, hasZeroPoints: bool,
  head: usize
): void {
  while (a < end) {
    const blockEnd = min(a + (blockSize << 2), end);
    if (head) w = scales + head;
    for (let j: usize = 0; j < NR << 2; j += 4) {
      let acc = load<i32>(s);
      if (hasZeroPoints) acc *= <i32>load<i8>(scales + SCALES + (j >> 2));
      let v = w + j;
      for (let x = a; x < blockEnd; x += 16) {
        for (let i: usize = 0; i < 4; i++) acc += <i32>load<i8>(x + i) * <i32>load<i8>(v + i);
        v += 32;
      }
      store<f32>(sums + j, load<f32>(sums + j) + <f32>acc * load<f32>(scales + j));
    }
    w += (blockEnd - a) << 1;
    a = blockEnd;
    s += 16;
    scales += step;
  }
}

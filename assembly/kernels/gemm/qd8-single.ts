/** Tiles of qd8.ts of one row. */

import { NR, WEIGHTS_CODEBOOK, WEIGHTS_I2, WEIGHTS_I4 } from "../../codes";
import { accumulate, evens, odds } from "../../simd/widen";
import { NARROW_STEPS, SCALES, sums, zeroPoints } from "./qd8-tiles";

/** sum + the products of weights `bits` up in each byte of v with a row's even and odd values; `mask`: their bits in a byte. */
// @ts-ignore: decorator
@inline
function narrow(sum: v128, v: v128, bits: i32, mask: v128, e: v128, o: v128): v128 {
  const low = i16x8.shr_u(mask, 8);
  return accumulate(sum, v128.and(bits ? i16x8.shr_u(v, bits) : v, low), v128.and(i16x8.shr_u(v, 8 + bits), low), e, o);
}

/** The same of weights of a byte. */
// @ts-ignore: decorator
@inline
function wide(sum: v128, v: v128, e: v128, o: v128): v128 {
  return accumulate(sum, evens(v), odds(v), e, o);
}

/** Sixteen of a codebook's values, by the bytes of v from bit `bits` on; `mask`: an index's bits in a byte. */
// @ts-ignore: decorator
@inline
function lookUp(values: v128, v: v128, bits: i32, mask: v128): v128 {
  const index = v128.and(bits ? i16x8.shr_u(v, bits) : v, mask);
  return ASC_FEATURE_RELAXED_SIMD ? i8x16.relaxed_swizzle(values, index) : i8x16.swizzle(values, index);
}

/**
 * One row × 8 columns, by two sums each on the 4-way dot product, which would wait for the one before. `format`: straight from
 * weights of 4 or 2 bits or those whose 16 values are at `table`, else of any byte. The rest is as in rows_4x8.
 */
export function row_1x8(
  format: u32, useDot: bool, flip: i8, a: usize, end: usize, blockBytes: usize, s: usize, w: usize, scales: usize, step: usize,
  hasZeroPoints: bool, head: usize, table: usize
): void {
  if (!ASC_FEATURE_SIMD) return;
  const isCodebook = format == WEIGHTS_CODEBOOK;
  const mask = i8x16.splat(format == WEIGHTS_I4 || isCodebook ? 15 : format == WEIGHTS_I2 ? 3 : flip);
  let lo = f32x4.splat(0);
  let hi = lo;
  while (a < end) {
    const blockEnd = min(a + blockBytes, end);
    if (head) w = scales + head;
    let p0 = v128.load32_splat(s);
    let p1 = p0;
    if (hasZeroPoints) {
      p0 = i32x4.mul(p0, zeroPoints(scales + SCALES, flip));
      p1 = i32x4.mul(p1, zeroPoints(scales + SCALES + 4, flip));
    }
    if (ASC_FEATURE_RELAXED_SIMD && useDot) {
      let p2 = i32x4.splat(0);
      let p3 = p2;
      if (format == WEIGHTS_I4) while (a < blockEnd) {
        const x0 = v128.load32_splat(a);
        const x1 = v128.load32_splat(a, 16);
        a += 32;
        const w0 = v128.load(w);
        const w1 = v128.load(w, 16);
        p0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x0, v128.and(w0, mask), p0);
        p1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x0, v128.and(i16x8.shr_u(w0, 4), mask), p1);
        p2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x1, v128.and(w1, mask), p2);
        p3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x1, v128.and(i16x8.shr_u(w1, 4), mask), p3);
        w += 32;
      } else if (format == WEIGHTS_I2) while (a < blockEnd) {
        const x0 = v128.load32_splat(a);
        const x1 = v128.load32_splat(a, 16);
        a += 32;
        const w0 = v128.load(w);
        const w1 = i16x8.shr_u(w0, 4);
        p0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x0, v128.and(w0, mask), p0);
        p1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x0, v128.and(i16x8.shr_u(w0, 2), mask), p1);
        p2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x1, v128.and(w1, mask), p2);
        p3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x1, v128.and(i16x8.shr_u(w1, 2), mask), p3);
        w += 16;
      } else if (isCodebook) {
        const values = v128.xor(v128.load(table), i8x16.splat(flip));
        while (a < blockEnd) {
          const x0 = v128.load32_splat(a);
          const x1 = v128.load32_splat(a, 16);
          a += 32;
          const w0 = v128.load(w);
          const w1 = v128.load(w, 16);
          p0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x0, lookUp(values, w0, 0, mask), p0);
          p1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x0, lookUp(values, w0, 4, mask), p1);
          p2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x1, lookUp(values, w1, 0, mask), p2);
          p3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x1, lookUp(values, w1, 4, mask), p3);
          w += 32;
        }
      } else while (a < blockEnd) {
        const x0 = v128.load32_splat(a);
        const x1 = v128.load32_splat(a, 16);
        a += 32;
        p0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x0, v128.xor(v128.load(w), mask), p0);
        p1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x0, v128.xor(v128.load(w, 16), mask), p1);
        p2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x1, v128.xor(v128.load(w, 32), mask), p2);
        p3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x1, v128.xor(v128.load(w, 48), mask), p3);
        w += 64;
      }
      p0 = i32x4.add(p0, p2);
      p1 = i32x4.add(p1, p3);
    } else if (format == WEIGHTS_I4) {
      if (ASC_FEATURE_RELAXED_SIMD) while (a < blockEnd) {
        const stop = min(a + (NARROW_STEPS << 4), blockEnd);
        let c0 = i16x8.splat(0);
        let c1 = c0;
        while (a < stop) {
          const x0 = v128.load32_splat(a);
          const x1 = v128.load32_splat(a, 16);
          a += 32;
          const w0 = v128.load(w);
          const w1 = v128.load(w, 16);
          c0 = i16x8.add(c0, i16x8.relaxed_dot_i8x16_i7x16_s(x0, v128.and(w0, mask)));
          c1 = i16x8.add(c1, i16x8.relaxed_dot_i8x16_i7x16_s(x0, v128.and(i16x8.shr_u(w0, 4), mask)));
          c0 = i16x8.add(c0, i16x8.relaxed_dot_i8x16_i7x16_s(x1, v128.and(w1, mask)));
          c1 = i16x8.add(c1, i16x8.relaxed_dot_i8x16_i7x16_s(x1, v128.and(i16x8.shr_u(w1, 4), mask)));
          w += 32;
        }
        p0 = i32x4.add(p0, i32x4.extadd_pairwise_i16x8_s(c0));
        p1 = i32x4.add(p1, i32x4.extadd_pairwise_i16x8_s(c1));
      } else while (a < blockEnd) {
        const e0 = v128.load32_splat(a);
        const o0 = v128.load32_splat(a, 4);
        const e1 = v128.load32_splat(a, 32);
        const o1 = v128.load32_splat(a, 36);
        a += 64;
        const w0 = v128.load(w);
        const w1 = v128.load(w, 16);
        p0 = narrow(p0, w0, 0, mask, e0, o0);
        p1 = narrow(p1, w0, 4, mask, e0, o0);
        p0 = narrow(p0, w1, 0, mask, e1, o1);
        p1 = narrow(p1, w1, 4, mask, e1, o1);
        w += 32;
      }
    } else if (format == WEIGHTS_I2) {
      if (ASC_FEATURE_RELAXED_SIMD) while (a < blockEnd) {
        const stop = min(a + (NARROW_STEPS << 4), blockEnd);
        let c0 = i16x8.splat(0);
        let c1 = c0;
        while (a < stop) {
          const x0 = v128.load32_splat(a);
          const x1 = v128.load32_splat(a, 16);
          a += 32;
          const w0 = v128.load(w);
          const w1 = i16x8.shr_u(w0, 4);
          c0 = i16x8.add(c0, i16x8.relaxed_dot_i8x16_i7x16_s(x0, v128.and(w0, mask)));
          c1 = i16x8.add(c1, i16x8.relaxed_dot_i8x16_i7x16_s(x0, v128.and(i16x8.shr_u(w0, 2), mask)));
          c0 = i16x8.add(c0, i16x8.relaxed_dot_i8x16_i7x16_s(x1, v128.and(w1, mask)));
          c1 = i16x8.add(c1, i16x8.relaxed_dot_i8x16_i7x16_s(x1, v128.and(i16x8.shr_u(w1, 2), mask)));
          w += 16;
        }
        p0 = i32x4.add(p0, i32x4.extadd_pairwise_i16x8_s(c0));
        p1 = i32x4.add(p1, i32x4.extadd_pairwise_i16x8_s(c1));
      } else while (a < blockEnd) {
        const e0 = v128.load32_splat(a);
        const o0 = v128.load32_splat(a, 4);
        const e1 = v128.load32_splat(a, 32);
        const o1 = v128.load32_splat(a, 36);
        a += 64;
        const w0 = v128.load(w);
        const w1 = i16x8.shr_u(w0, 4);
        p0 = narrow(p0, w0, 0, mask, e0, o0);
        p1 = narrow(p1, w0, 2, mask, e0, o0);
        p0 = narrow(p0, w1, 0, mask, e1, o1);
        p1 = narrow(p1, w1, 2, mask, e1, o1);
        w += 16;
      }
    } else if (isCodebook) {
      const values = v128.load(table);
      while (a < blockEnd) {
        const e0 = v128.load32_splat(a);
        const o0 = v128.load32_splat(a, 4);
        const e1 = v128.load32_splat(a, 32);
        const o1 = v128.load32_splat(a, 36);
        a += 64;
        const w0 = v128.load(w);
        const w1 = v128.load(w, 16);
        p0 = wide(p0, lookUp(values, w0, 0, mask), e0, o0);
        p1 = wide(p1, lookUp(values, w0, 4, mask), e0, o0);
        p0 = wide(p0, lookUp(values, w1, 0, mask), e1, o1);
        p1 = wide(p1, lookUp(values, w1, 4, mask), e1, o1);
        w += 32;
      }
    } else while (a < blockEnd) {
      const e0 = v128.load32_splat(a);
      const o0 = v128.load32_splat(a, 4);
      const e1 = v128.load32_splat(a, 32);
      const o1 = v128.load32_splat(a, 36);
      a += 64;
      p0 = wide(p0, v128.load(w), e0, o0);
      p1 = wide(p1, v128.load(w, 16), e0, o0);
      p0 = wide(p0, v128.load(w, 32), e1, o1);
      p1 = wide(p1, v128.load(w, 48), e1, o1);
      w += 64;
    }
    lo = f32x4.add(lo, f32x4.mul(f32x4.convert_i32x4_s(p0), v128.load(scales)));
    hi = f32x4.add(hi, f32x4.mul(f32x4.convert_i32x4_s(p1), v128.load(scales, 16)));
    s += 16;
    scales += step;
  }
  v128.store(sums, lo);
  v128.store(sums, hi, 16);
}

/** One row, without vectors. */
export function row_scalar(
  a: usize, end: usize, blockBytes: usize, s: usize, w: usize, scales: usize, step: usize, hasZeroPoints: bool,
  head: usize
): void {
  while (a < end) {
    const blockEnd = min(a + blockBytes, end);
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

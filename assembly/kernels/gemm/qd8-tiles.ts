/** Tiles of qd8.ts: rows of int8 activations × 8 columns of weights, a scale and maybe a zero point per block. */

import { accumulate, evens, odds } from "../../simd/widen";

/** Bytes of the 8 scales that a block of 8 columns begins with; its zero points follow. */
export const SCALES: usize = 32;
/** int16 sums of pairs, 2 · 128 · 15 at most, stay exact over so many steps of 4 k. */
export const NARROW_STEPS: usize = 8;

/** float32 sums of four rows × 8 columns. */
export const sums: usize = memory.data(128, 16);

/** sums[row] += scale · (block's int32 sums). */
// @ts-ignore: decorator
@inline
function flush(at: usize, lo: v128, hi: v128, scaleLo: v128, scaleHi: v128): void {
  v128.store(at, f32x4.add(v128.load(at), f32x4.mul(f32x4.convert_i32x4_s(lo), scaleLo)));
  v128.store(at, f32x4.add(v128.load(at, 16), f32x4.mul(f32x4.convert_i32x4_s(hi), scaleHi)), 16);
}

/** Four of a block's zero points, as `flip` changes them. */
// @ts-ignore: decorator
@inline
export function zeroPoints(at: usize, flip: i8): v128 {
  const points = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(at)));
  return ASC_FEATURE_RELAXED_SIMD ? i32x4.sub(points, i32x4.splat(flip)) : points;
}

/**
 * The products of a group's rows `a`, whose blocks' −Σ q · zero point are at `s`, with 8 columns: weights `w` of a byte, their
 * blocks' heads `step` bytes apart from `scales` on; the weights lie `head` bytes behind those, 0: in one piece. A block has
 * `blockBytes` of the rows, which end at `end`. With `useDot` on the 4-way dot product, for which `flip` flips their sign bits; `isNarrow`: they are in 0…15.
 */
export function rows_4x8(
  isNarrow: bool, useDot: bool, flip: i8, a: usize, end: usize, blockBytes: usize, s: usize, w: usize, scales: usize, step: usize,
  hasZeroPoints: bool, head: usize
): void {
  if (!ASC_FEATURE_SIMD) return;
  const signs = i8x16.splat(flip);
  while (a < end) {
    const blockEnd = min(a + blockBytes, end);
    if (head) w = scales + head;
    // The first int16 sums come before the int32 ones: both do not fit the registers.
    const none = i16x8.splat(0);
    let c0 = none;
    let d0 = none;
    let c1 = none;
    let d1 = none;
    let c2 = none;
    let d2 = none;
    let c3 = none;
    let d3 = none;
    if (ASC_FEATURE_RELAXED_SIMD && isNarrow && !useDot) {
      const stop = min(a + (NARROW_STEPS << 4), blockEnd);
      while (a < stop) {
        const wlo = v128.load(w);
        const whi = v128.load(w, 16);
        w += 32;
        const x0 = v128.load32_splat(a);
        c0 = i16x8.add(c0, i16x8.relaxed_dot_i8x16_i7x16_s(x0, wlo));
        d0 = i16x8.add(d0, i16x8.relaxed_dot_i8x16_i7x16_s(x0, whi));
        const x1 = v128.load32_splat(a, 4);
        c1 = i16x8.add(c1, i16x8.relaxed_dot_i8x16_i7x16_s(x1, wlo));
        d1 = i16x8.add(d1, i16x8.relaxed_dot_i8x16_i7x16_s(x1, whi));
        const x2 = v128.load32_splat(a, 8);
        c2 = i16x8.add(c2, i16x8.relaxed_dot_i8x16_i7x16_s(x2, wlo));
        d2 = i16x8.add(d2, i16x8.relaxed_dot_i8x16_i7x16_s(x2, whi));
        const x3 = v128.load32_splat(a, 12);
        c3 = i16x8.add(c3, i16x8.relaxed_dot_i8x16_i7x16_s(x3, wlo));
        d3 = i16x8.add(d3, i16x8.relaxed_dot_i8x16_i7x16_s(x3, whi));
        a += 16;
      }
    }
    let p0 = v128.load32_splat(s);
    let q0 = p0;
    let p1 = v128.load32_splat(s, 4);
    let q1 = p1;
    let p2 = v128.load32_splat(s, 8);
    let q2 = p2;
    let p3 = v128.load32_splat(s, 12);
    let q3 = p3;
    if (hasZeroPoints) {
      const zlo = zeroPoints(scales + SCALES, flip);
      const zhi = zeroPoints(scales + SCALES + 4, flip);
      p0 = i32x4.mul(zlo, p0);
      q0 = i32x4.mul(zhi, q0);
      p1 = i32x4.mul(zlo, p1);
      q1 = i32x4.mul(zhi, q1);
      p2 = i32x4.mul(zlo, p2);
      q2 = i32x4.mul(zhi, q2);
      p3 = i32x4.mul(zlo, p3);
      q3 = i32x4.mul(zhi, q3);
    }
    if (ASC_FEATURE_RELAXED_SIMD && useDot) {
      if (flip) {
        while (a < blockEnd) {
          const wlo = v128.xor(v128.load(w), signs);
          const whi = v128.xor(v128.load(w, 16), signs);
          w += 32;
          const x0 = v128.load32_splat(a);
          p0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x0, wlo, p0);
          q0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x0, whi, q0);
          const x1 = v128.load32_splat(a, 4);
          p1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x1, wlo, p1);
          q1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x1, whi, q1);
          const x2 = v128.load32_splat(a, 8);
          p2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x2, wlo, p2);
          q2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x2, whi, q2);
          const x3 = v128.load32_splat(a, 12);
          p3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x3, wlo, p3);
          q3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x3, whi, q3);
          a += 16;
        }
      } else {
        while (a < blockEnd) {
          const wlo = v128.load(w);
          const whi = v128.load(w, 16);
          w += 32;
          const x0 = v128.load32_splat(a);
          p0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x0, wlo, p0);
          q0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x0, whi, q0);
          const x1 = v128.load32_splat(a, 4);
          p1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x1, wlo, p1);
          q1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x1, whi, q1);
          const x2 = v128.load32_splat(a, 8);
          p2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x2, wlo, p2);
          q2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x2, whi, q2);
          const x3 = v128.load32_splat(a, 12);
          p3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x3, wlo, p3);
          q3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x3, whi, q3);
          a += 16;
        }
      }
    } else if (ASC_FEATURE_RELAXED_SIMD && isNarrow) {
      while (true) {
        p0 = i32x4.add(p0, i32x4.extadd_pairwise_i16x8_s(c0));
        q0 = i32x4.add(q0, i32x4.extadd_pairwise_i16x8_s(d0));
        p1 = i32x4.add(p1, i32x4.extadd_pairwise_i16x8_s(c1));
        q1 = i32x4.add(q1, i32x4.extadd_pairwise_i16x8_s(d1));
        p2 = i32x4.add(p2, i32x4.extadd_pairwise_i16x8_s(c2));
        q2 = i32x4.add(q2, i32x4.extadd_pairwise_i16x8_s(d2));
        p3 = i32x4.add(p3, i32x4.extadd_pairwise_i16x8_s(c3));
        q3 = i32x4.add(q3, i32x4.extadd_pairwise_i16x8_s(d3));
        if (a == blockEnd) break;
        const stop = min(a + (NARROW_STEPS << 4), blockEnd);
        c0 = none;
        d0 = none;
        c1 = none;
        d1 = none;
        c2 = none;
        d2 = none;
        c3 = none;
        d3 = none;
        while (a < stop) {
          const wlo = v128.load(w);
          const whi = v128.load(w, 16);
          w += 32;
          const x0 = v128.load32_splat(a);
          c0 = i16x8.add(c0, i16x8.relaxed_dot_i8x16_i7x16_s(x0, wlo));
          d0 = i16x8.add(d0, i16x8.relaxed_dot_i8x16_i7x16_s(x0, whi));
          const x1 = v128.load32_splat(a, 4);
          c1 = i16x8.add(c1, i16x8.relaxed_dot_i8x16_i7x16_s(x1, wlo));
          d1 = i16x8.add(d1, i16x8.relaxed_dot_i8x16_i7x16_s(x1, whi));
          const x2 = v128.load32_splat(a, 8);
          c2 = i16x8.add(c2, i16x8.relaxed_dot_i8x16_i7x16_s(x2, wlo));
          d2 = i16x8.add(d2, i16x8.relaxed_dot_i8x16_i7x16_s(x2, whi));
          const x3 = v128.load32_splat(a, 12);
          c3 = i16x8.add(c3, i16x8.relaxed_dot_i8x16_i7x16_s(x3, wlo));
          d3 = i16x8.add(d3, i16x8.relaxed_dot_i8x16_i7x16_s(x3, whi));
          a += 16;
        }
      }
    } else {
      while (a < blockEnd) {
        const wlo = v128.load(w);
        const whi = v128.load(w, 16);
        w += 32;
        const elo = evens(wlo);
        const olo = odds(wlo);
        const ehi = evens(whi);
        const ohi = odds(whi);
        const e0 = v128.load32_splat(a);
        const o0 = v128.load32_splat(a, 4);
        p0 = accumulate(p0, elo, olo, e0, o0);
        q0 = accumulate(q0, ehi, ohi, e0, o0);
        const e1 = v128.load32_splat(a, 8);
        const o1 = v128.load32_splat(a, 12);
        p1 = accumulate(p1, elo, olo, e1, o1);
        q1 = accumulate(q1, ehi, ohi, e1, o1);
        const e2 = v128.load32_splat(a, 16);
        const o2 = v128.load32_splat(a, 20);
        p2 = accumulate(p2, elo, olo, e2, o2);
        q2 = accumulate(q2, ehi, ohi, e2, o2);
        const e3 = v128.load32_splat(a, 24);
        const o3 = v128.load32_splat(a, 28);
        p3 = accumulate(p3, elo, olo, e3, o3);
        q3 = accumulate(q3, ehi, ohi, e3, o3);
        a += 32;
      }
    }
    const lo = v128.load(scales);
    const hi = v128.load(scales, 16);
    flush(sums, p0, q0, lo, hi);
    flush(sums + 32, p1, q1, lo, hi);
    flush(sums + 64, p2, q2, lo, hi);
    flush(sums + 96, p3, q3, lo, hi);
    s += 16;
    scales += step;
  }
}

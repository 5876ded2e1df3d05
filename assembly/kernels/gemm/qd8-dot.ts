/**
 * Tiles of qd8.ts on the 4-way dot product, for engines where it is exact beyond 0…127 (simd/dot.ts). Activations are its
 * first operand; weights of a whole byte are the second with `flip` (0 or 128 in every byte) against their sign bits, which
 * adds as much to their zero points.
 */

import { flush, SCALES, sums, zeroPoints } from "./qd8-tiles";

// @ts-ignore: decorator
@inline
function dot(x: v128, w: v128, sum: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, sum);
}

/** Four of a block's zero points, with what `flip` adds. */
// @ts-ignore: decorator
@inline
function points(at: usize, flip: v128): v128 {
  return i32x4.add(zeroPoints(at), i32x4.shr_u(flip, 24));
}

/**
 * The products of a group's four rows `a`, whose blocks' −Σ q · zero point are at `s`, with 8 columns: weights `w` of a byte,
 * their blocks' heads `step` bytes apart from `scales` on; `head`: the weights lie so far behind them, 0: in one piece.
 */
export function group_dot(
  flip: v128, a: usize, end: usize, blockSize: usize, s: usize, w: usize, scales: usize, step: usize, hasZeroPoints: bool,
  head: usize
): void {
  if (!ASC_FEATURE_RELAXED_SIMD) return;
  while (a < end) {
    const blockEnd = min(a + (blockSize << 2), end);
    if (head) w = scales + head;
    let p0 = v128.load32_splat(s);
    let p1 = v128.load32_splat(s, 4);
    let p2 = v128.load32_splat(s, 8);
    let p3 = v128.load32_splat(s, 12);
    let q0 = p0;
    let q1 = p1;
    let q2 = p2;
    let q3 = p3;
    if (hasZeroPoints) {
      const zlo = points(scales + SCALES, flip);
      const zhi = points(scales + SCALES + 4, flip);
      p0 = i32x4.mul(p0, zlo);
      q0 = i32x4.mul(q0, zhi);
      p1 = i32x4.mul(p1, zlo);
      q1 = i32x4.mul(q1, zhi);
      p2 = i32x4.mul(p2, zlo);
      q2 = i32x4.mul(q2, zhi);
      p3 = i32x4.mul(p3, zlo);
      q3 = i32x4.mul(q3, zhi);
    }
    do {
      const w0 = v128.xor(v128.load(w), flip);
      const w1 = v128.xor(v128.load(w, 16), flip);
      const x0 = v128.load32_splat(a);
      p0 = dot(x0, w0, p0);
      q0 = dot(x0, w1, q0);
      const x1 = v128.load32_splat(a, 4);
      p1 = dot(x1, w0, p1);
      q1 = dot(x1, w1, q1);
      const x2 = v128.load32_splat(a, 8);
      p2 = dot(x2, w0, p2);
      q2 = dot(x2, w1, q2);
      const x3 = v128.load32_splat(a, 12);
      p3 = dot(x3, w0, p3);
      q3 = dot(x3, w1, q3);
      const w2 = v128.xor(v128.load(w, 32), flip);
      const w3 = v128.xor(v128.load(w, 48), flip);
      w += 64;
      const x4 = v128.load32_splat(a, 16);
      p0 = dot(x4, w2, p0);
      q0 = dot(x4, w3, q0);
      const x5 = v128.load32_splat(a, 20);
      p1 = dot(x5, w2, p1);
      q1 = dot(x5, w3, q1);
      const x6 = v128.load32_splat(a, 24);
      p2 = dot(x6, w2, p2);
      q2 = dot(x6, w3, q2);
      const x7 = v128.load32_splat(a, 28);
      p3 = dot(x7, w2, p3);
      q3 = dot(x7, w3, q3);
      a += 32;
    } while (a < blockEnd);
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

/**
 * One row × 16 columns, straight from weights of `bits` (a literal); `mask`: their bits in a byte, `flip` for 8. The second
 * 8 columns are `next` bytes behind the first.
 */
// @ts-ignore: decorator
@inline
export function row_dot(
  bits: i32, mask: v128, a: usize, end: usize, blockSize: usize, s: usize, scales: usize, step: usize, hasZeroPoints: bool,
  head: usize, next: usize
): void {
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
      const flip = bits == 8 ? mask : i32x4.splat(0);
      p0 = i32x4.mul(p0, points(scales + SCALES, flip));
      p1 = i32x4.mul(p1, points(scales + SCALES + 4, flip));
      p2 = i32x4.mul(p2, points(scales + next + SCALES, flip));
      p3 = i32x4.mul(p3, points(scales + next + SCALES + 4, flip));
    }
    do {
      const x0 = v128.load32_splat(a);
      const x1 = v128.load32_splat(a, 16);
      a += 32;
      const v = w + next;
      if (bits == 8) {
        p0 = dot(x0, v128.xor(v128.load(w), mask), p0);
        p1 = dot(x0, v128.xor(v128.load(w, 16), mask), p1);
        p2 = dot(x0, v128.xor(v128.load(v), mask), p2);
        p3 = dot(x0, v128.xor(v128.load(v, 16), mask), p3);
        p0 = dot(x1, v128.xor(v128.load(w, 32), mask), p0);
        p1 = dot(x1, v128.xor(v128.load(w, 48), mask), p1);
        p2 = dot(x1, v128.xor(v128.load(v, 32), mask), p2);
        p3 = dot(x1, v128.xor(v128.load(v, 48), mask), p3);
      } else {
        const w0 = v128.load(w);
        const v0 = v128.load(v);
        const w1 = bits == 4 ? v128.load(w, 16) : i16x8.shr_u(w0, 4);
        const v1 = bits == 4 ? v128.load(v, 16) : i16x8.shr_u(v0, 4);
        p0 = dot(x0, v128.and(w0, mask), p0);
        p1 = dot(x0, v128.and(i16x8.shr_u(w0, bits), mask), p1);
        p2 = dot(x0, v128.and(v0, mask), p2);
        p3 = dot(x0, v128.and(i16x8.shr_u(v0, bits), mask), p3);
        p0 = dot(x1, v128.and(w1, mask), p0);
        p1 = dot(x1, v128.and(i16x8.shr_u(w1, bits), mask), p1);
        p2 = dot(x1, v128.and(v1, mask), p2);
        p3 = dot(x1, v128.and(i16x8.shr_u(v1, bits), mask), p3);
      }
      w += <usize>bits << 3;
    } while (a < blockEnd);
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

/**
 * The relaxed tier's int8 GEMM on the 4-way dot product, for engines where it is exact outside 0…127.
 * Where it reads its second operand as unsigned, activations enter with their sign bit flipped (+128) and the
 * bias has lost 128·Σ w, which engine/prepare.ts computed; where it reads signed, both are as they are.
 */

import { KR, M_MAX, M_MIN, M_ROUNDING, M_ZERO_POINT, NR } from "../../format";
import { roundingAt } from "../../engine/kept";
import { i32At } from "../../engine/model";
import { storeRow } from "../../simd/requantize";

/** Copies a row of k int8, each xor `flip`, the sign bit or 0; writes up to 15 bytes past it. */
// @ts-ignore: decorator
@inline
function flipRow(to: usize, from: usize, k: usize, flip: i8): void {
  const sign = i8x16.splat(flip);
  for (let i: usize = 0; i < k; i += 16) v128.store(to + i, v128.xor(v128.load(from + i), sign));
}

/**
 * Up to four rows of qs8_qc8w_gemm (kernels/gemm/qs8.ts), the rows beyond m repeating the last one.
 * `bias` is prepared for `flip`; r0…r3 are added to every column of their row. `rows`: 4·stride bytes of
 * scratch, stride ≥ k rounded up to 16.
 */
export function gemm_4x8c4_dot(
  record: usize, m: usize, n: usize, k: usize, a: usize, aStride: usize, w: usize, bias: usize,
  requant: usize, shiftsAfter: usize, y: usize, yStride: usize,
  flip: i8, rows: usize, r0: i32, r1: i32, r2: i32, r3: i32
): void {
  if (!ASC_FEATURE_RELAXED_SIMD) return;
  const rounding = roundingAt(record, M_ROUNDING);
  const zeroPoint = i32At(record, M_ZERO_POINT);
  const min = i32At(record, M_MIN);
  const max = i32At(record, M_MAX);
  const last = m - 1;
  const step1: usize = last < 1 ? last : 1;
  const step2: usize = last < 2 ? last : 2;
  const step3: usize = last < 3 ? last : 3;
  const y1 = y + step1 * yStride;
  const y2 = y + step2 * yStride;
  const y3 = y + step3 * yStride;
  const stride = (k + 15) & ~15;
  const a0 = rows;
  const a1 = rows + stride;
  const a2 = rows + stride * 2;
  const a3 = rows + stride * 3;
  flipRow(a0, a, k, flip);
  flipRow(a1, a + step1 * aStride, k, flip);
  flipRow(a2, a + step2 * aStride, k, flip);
  flipRow(a3, a + step3 * aStride, k, flip);
  for (let c: usize = 0; c < n; c += NR) {
    const blo = v128.load(bias + (c << 2));
    const bhi = v128.load(bias + (c << 2), 16);
    let p0 = i32x4.add(blo, i32x4.splat(r0));
    let q0 = i32x4.add(bhi, i32x4.splat(r0));
    let p1 = i32x4.add(blo, i32x4.splat(r1));
    let q1 = i32x4.add(bhi, i32x4.splat(r1));
    let p2 = i32x4.add(blo, i32x4.splat(r2));
    let q2 = i32x4.add(bhi, i32x4.splat(r2));
    let p3 = i32x4.add(blo, i32x4.splat(r3));
    let q3 = i32x4.add(bhi, i32x4.splat(r3));
    for (let i: usize = 0; i < k; i += KR) {
      const wlo = v128.load(w);
      const whi = v128.load(w, 16);
      w += NR * KR;
      const x0 = v128.load32_splat(a0 + i);
      p0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, x0, p0);
      q0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, x0, q0);
      const x1 = v128.load32_splat(a1 + i);
      p1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, x1, p1);
      q1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, x1, q1);
      const x2 = v128.load32_splat(a2 + i);
      p2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, x2, p2);
      q2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, x2, q2);
      const x3 = v128.load32_splat(a3 + i);
      p3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, x3, p3);
      q3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, x3, q3);
    }
    const s = requant + (c << 2);
    const left = n - c;
    storeRow(p0, q0, s, shiftsAfter, rounding, zeroPoint, min, max, y + c, left);
    storeRow(p1, q1, s, shiftsAfter, rounding, zeroPoint, min, max, y1 + c, left);
    storeRow(p2, q2, s, shiftsAfter, rounding, zeroPoint, min, max, y2 + c, left);
    storeRow(p3, q3, s, shiftsAfter, rounding, zeroPoint, min, max, y3 + c, left);
  }
}

/** One row; as gemm_4x8c4_dot with a quarter of its scratch. */
export function gemm_1x8c4_dot(
  record: usize, n: usize, k: usize, a: usize, w: usize, bias: usize,
  requant: usize, shiftsAfter: usize, y: usize, flip: i8, row: usize, term: i32
): void {
  if (!ASC_FEATURE_RELAXED_SIMD) return;
  const rounding = roundingAt(record, M_ROUNDING);
  const zeroPoint = i32At(record, M_ZERO_POINT);
  const min = i32At(record, M_MIN);
  const max = i32At(record, M_MAX);
  flipRow(row, a, k, flip);
  for (let c: usize = 0; c < n; c += NR) {
    let p = i32x4.add(v128.load(bias + (c << 2)), i32x4.splat(term));
    let q = i32x4.add(v128.load(bias + (c << 2), 16), i32x4.splat(term));
    for (let i: usize = 0; i < k; i += KR) {
      const x = v128.load32_splat(row + i);
      p = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w), x, p);
      q = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 16), x, q);
      w += NR * KR;
    }
    storeRow(p, q, requant + (c << 2), shiftsAfter, rounding, zeroPoint, min, max, y + c, n - c);
  }
}

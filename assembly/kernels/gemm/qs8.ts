/** int8 × int8 matrix multiply, per-channel requantization: qs8_qc8w_gemm. */

import { DOT_SATURATES, DOT_UNSIGNED } from "../../abi";
import {
  KR,
  M_BIAS,
  M_MAX,
  M_MIN,
  M_PREPARED_BIAS,
  M_ROUNDING,
  M_WEIGHT_ZERO_POINT,
  M_ZERO_POINT,
  NR,
} from "../../records";
import { roundingAt } from "../../engine/kept";
import { flippedRows, i32At, u32At, weights } from "../../engine/model";
import { dotMode, flipRow } from "../../simd/dot";
import { storeOne, storeRow } from "../../simd/requantize";
import { accumulate, evens, odds } from "../../simd/widen";

/**
 * y[m,n] = requantize(bias[n] + Σₖ a[m,k]·(w[n,k] − weightZeroPoint))
 * w: per 8 columns ⌈k/4⌉ blocks of 8 columns × 4 k (i8), zero beyond k. bias, requant: columns padded to 8;
 * with double rounding the shifts lie `shiftsAfter` bytes after the multipliers. `record` gives M_ROUNDING … M_MAX.
 * Strides in bytes. Reads ≤ 15 bytes past each row of a; writes exactly n bytes a row.
 * Equals test/reference/conv.ts bit for bit.
 */
export function qs8_qc8w_gemm(
  record: usize, m: usize, n: usize, k: usize, a: usize, aStride: usize, w: usize, bias: usize,
  requant: usize, shiftsAfter: usize, y: usize, yStride: usize
): void {
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (dotMode() < DOT_SATURATES) {
      gemm_dot(record, m, n, k, a, aStride, w, bias, requant, shiftsAfter, y, yStride);
      return;
    }
  }
  const wz = i32At(record, M_WEIGHT_ZERO_POINT);
  let rows = m;
  if (ASC_FEATURE_SIMD) {
    while (rows > 1) {
      const last: usize = (rows < 4 ? rows : 4) - 1;
      gemm_4x8c4(
        false, record, last, n, k, a, a + aStride, a + (last < 2 ? last : 2) * aStride, a + last * aStride,
        rowTerm(a, k, wz), rowTerm(a + aStride, k, wz), rowTerm(a + (last < 2 ? last : 2) * aStride, k, wz),
        rowTerm(a + last * aStride, k, wz), w, bias, requant, shiftsAfter, y, yStride
      );
      a += (last + 1) * aStride;
      y += (last + 1) * yStride;
      rows -= last + 1;
    }
  }
  while (rows > 0) {
    gemm_1x8c4(false, record, n, k, a, rowTerm(a, k, wz), w, bias, requant, shiftsAfter, y);
    a += aStride;
    y += yStride;
    rows--;
  }
}

/**
 * The same on the 4-way dot product, where it is exact outside 0…127. An engine that reads its second operand as
 * unsigned gets the activations with their sign bit flipped (+128) and a bias less 128·Σ w; one that reads it as
 * signed gets both as they are (engine/prepare.ts).
 */
function gemm_dot(
  record: usize, m: usize, n: usize, k: usize, a: usize, aStride: usize, w: usize, bias: usize,
  requant: usize, shiftsAfter: usize, y: usize, yStride: usize
): void {
  if (!ASC_FEATURE_RELAXED_SIMD) return;
  const prepared = <usize>u32At(record, M_PREPARED_BIAS) + (bias - weights - <usize>u32At(record, M_BIAS));
  const flip: i8 = dotMode() == DOT_UNSIGNED ? -128 : 0;
  const wz = i32At(record, M_WEIGHT_ZERO_POINT);
  const stride = (k + 15) & ~15;
  const f0 = flippedRows;
  const f1 = f0 + stride;
  const f2 = f1 + stride;
  const f3 = f2 + stride;
  while (m > 0) {
    flipRow(f0, a, k, flip);
    const r0 = rowTerm(a, k, wz);
    if (m == 1) {
      gemm_1x8c4(true, record, n, k, f0, r0, w, prepared, requant, shiftsAfter, y);
      return;
    }
    const last: usize = (m < 4 ? m : 4) - 1;
    const a1 = a + aStride;
    const a2 = a + (last < 2 ? last : 2) * aStride;
    const a3 = a + last * aStride;
    flipRow(f1, a1, k, flip);
    flipRow(f2, a2, k, flip);
    flipRow(f3, a3, k, flip);
    gemm_4x8c4(
      true, record, last, n, k, f0, f1, f2, f3, r0, rowTerm(a1, k, wz), rowTerm(a2, k, wz),
      rowTerm(a3, k, wz), w, prepared, requant, shiftsAfter, y, yStride
    );
    a += (last + 1) * aStride;
    y += (last + 1) * yStride;
    m -= last + 1;
  }
}

/** −weightZeroPoint · Σₖ a[k]: what asymmetric (legacy uint8) weights add to every column of a row. */
function rowTerm(a: usize, k: usize, weightZeroPoint: i32): i32 {
  if (weightZeroPoint == 0) return 0;
  let sum: i32 = 0;
  for (let i: usize = 0; i < k; i++) {
    const x: i32 = load<i8>(a + i);
    sum += x;
  }
  return -weightZeroPoint * sum;
}

/**
 * Rows a0…a3 (those beyond `last` repeat it and store the same bytes again), whose terms r0…r3 every column
 * gets. `useDot` is a literal: the 4-way dot product, or even and odd k on the 2-way one.
 */
// @ts-ignore: decorator
@inline
function gemm_4x8c4(
  useDot: bool, record: usize, last: usize, n: usize, k: usize, a0: usize, a1: usize, a2: usize, a3: usize,
  r0: i32, r1: i32, r2: i32, r3: i32, w: usize, bias: usize, requant: usize, shiftsAfter: usize,
  y: usize, yStride: usize
): void {
  const rounding = roundingAt(record, M_ROUNDING);
  const zeroPoint = i32At(record, M_ZERO_POINT);
  const min = i32At(record, M_MIN);
  const max = i32At(record, M_MAX);
  const y1 = y + yStride;
  const y2 = y + (last < 2 ? last : 2) * yStride;
  const y3 = y + last * yStride;
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
      if (ASC_FEATURE_RELAXED_SIMD && useDot) {
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
      } else {
        const elo = evens(wlo);
        const olo = odds(wlo);
        const ehi = evens(whi);
        const ohi = odds(whi);
        const x0 = v128.load32_splat(a0 + i);
        const e0 = evens(x0);
        const o0 = odds(x0);
        p0 = accumulate(p0, elo, olo, e0, o0);
        q0 = accumulate(q0, ehi, ohi, e0, o0);
        const x1 = v128.load32_splat(a1 + i);
        const e1 = evens(x1);
        const o1 = odds(x1);
        p1 = accumulate(p1, elo, olo, e1, o1);
        q1 = accumulate(q1, ehi, ohi, e1, o1);
        const x2 = v128.load32_splat(a2 + i);
        const e2 = evens(x2);
        const o2 = odds(x2);
        p2 = accumulate(p2, elo, olo, e2, o2);
        q2 = accumulate(q2, ehi, ohi, e2, o2);
        const x3 = v128.load32_splat(a3 + i);
        const e3 = evens(x3);
        const o3 = odds(x3);
        p3 = accumulate(p3, elo, olo, e3, o3);
        q3 = accumulate(q3, ehi, ohi, e3, o3);
      }
    }
    const s = requant + (c << 2);
    const left = n - c;
    storeRow(p0, q0, s, shiftsAfter, rounding, zeroPoint, min, max, y + c, left);
    storeRow(p1, q1, s, shiftsAfter, rounding, zeroPoint, min, max, y1 + c, left);
    storeRow(p2, q2, s, shiftsAfter, rounding, zeroPoint, min, max, y2 + c, left);
    storeRow(p3, q3, s, shiftsAfter, rounding, zeroPoint, min, max, y3 + c, left);
  }
}

/** One row; otherwise as gemm_4x8c4. */
// @ts-ignore: decorator
@inline
function gemm_1x8c4(
  useDot: bool, record: usize, n: usize, k: usize, a: usize, term: i32, w: usize, bias: usize,
  requant: usize, shiftsAfter: usize, y: usize
): void {
  const rounding = roundingAt(record, M_ROUNDING);
  const zeroPoint = i32At(record, M_ZERO_POINT);
  const min = i32At(record, M_MIN);
  const max = i32At(record, M_MAX);
  const blocks = (k + KR - 1) / KR;
  for (let c: usize = 0; c < n; c += NR) {
    if (ASC_FEATURE_SIMD) {
      let p = i32x4.add(v128.load(bias + (c << 2)), i32x4.splat(term));
      let q = i32x4.add(v128.load(bias + (c << 2), 16), i32x4.splat(term));
      for (let i: usize = 0; i < k; i += KR) {
        const x = v128.load32_splat(a + i);
        const wlo = v128.load(w);
        const whi = v128.load(w, 16);
        w += NR * KR;
        if (ASC_FEATURE_RELAXED_SIMD && useDot) {
          p = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, x, p);
          q = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, x, q);
        } else {
          const e = evens(x);
          const o = odds(x);
          p = accumulate(p, evens(wlo), odds(wlo), e, o);
          q = accumulate(q, evens(whi), odds(whi), e, o);
        }
      }
      storeRow(p, q, requant + (c << 2), shiftsAfter, rounding, zeroPoint, min, max, y + c, n - c);
    } else {
      const columns = n - c < NR ? n - c : NR;
      for (let j: usize = 0; j < columns; j++) {
        let acc = load<i32>(bias + ((c + j) << 2)) + term;
        let p = w + j * KR;
        for (let i: usize = 0; i < k; i += KR) {
          const x0: i32 = load<i8>(a + i);
          const x1: i32 = load<i8>(a + i, 1);
          const x2: i32 = load<i8>(a + i, 2);
          const x3: i32 = load<i8>(a + i, 3);
          const w0: i32 = load<i8>(p);
          const w1: i32 = load<i8>(p, 1);
          const w2: i32 = load<i8>(p, 2);
          const w3: i32 = load<i8>(p, 3);
          acc += x0 * w0 + x1 * w1 + x2 * w2 + x3 * w3;
          p += NR * KR;
        }
        storeOne(acc, requant + ((c + j) << 2), shiftsAfter, rounding, zeroPoint, min, max, y + c + j);
      }
      w += blocks * (NR * KR);
    }
  }
}

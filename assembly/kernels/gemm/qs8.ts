/** int8 × int8 matrix multiply, per-channel requantization: qs8_qc8w_gemm. */

import {
  DOT_SATURATES,
  DOT_UNSIGNED,
  KR,
  M_BIAS,
  M_MAX,
  M_MIN,
  M_PREPARED_BIAS,
  M_ROUNDING,
  M_WEIGHT_ZERO_POINT,
  M_ZERO_POINT,
  NR,
} from "../../format";
import { roundingAt } from "../../engine/kept";
import { flippedRows, i32At, u32At, weights } from "../../engine/model";
import { dotMode } from "../../simd/dot";
import { gemm_1x8c4_dot, gemm_4x8c4_dot } from "./qs8-dot";
import { storeOne, storeRow } from "../../simd/requantize";

/** −weightZeroPoint · Σₖ a[k]: what asymmetric (legacy uint8) weights add to every column of a row. */
function rowTerm(a: usize, k: usize, weightZeroPoint: i32): i32 {
  let sum: i32 = 0;
  for (let i: usize = 0; i < k; i++) {
    const x: i32 = load<i8>(a + i);
    sum += x;
  }
  return -weightZeroPoint * sum;
}

/** k = 0, 2 of each column of a KR block as i16; with the odd ones these feed dot_i16x8 four columns at a time. */
// @ts-ignore: decorator
@inline
function evens(v: v128): v128 {
  return i16x8.shr_s(i16x8.shl(v, 8), 8);
}

/** k = 1, 3 of each column. */
// @ts-ignore: decorator
@inline
function odds(v: v128): v128 {
  return i16x8.shr_s(v, 8);
}

/**
 * y[m,n] = requantize(bias[n] + Σₖ a[m,k]·(w[n,k] − weightZeroPoint))
 * w: per 8 columns ⌈k/4⌉ blocks of 8 columns × 4 k (i8), zero beyond k. bias, requant: columns padded to 8;
 * with double rounding the shifts lie `shiftsAfter` bytes after the multipliers. `record` gives M_ROUNDING … M_MAX.
 * Strides in bytes. Reads ≤ 3 bytes past each row of a; writes exactly n bytes a row.
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
  let rows = m;
  if (ASC_FEATURE_SIMD) {
    while (rows > 1) {
      const tile: usize = rows < 4 ? rows : 4;
      gemm_4x8c4(record, tile, n, k, a, aStride, w, bias, requant, shiftsAfter, y, yStride);
      a += tile * aStride;
      y += tile * yStride;
      rows -= tile;
    }
  }
  while (rows > 0) {
    gemm_1x8c4(record, n, k, a, w, bias, requant, shiftsAfter, y);
    a += aStride;
    y += yStride;
    rows--;
  }
}

/** The same on the 4-way dot product, with the bias that engine/prepare.ts made. */
function gemm_dot(
  record: usize, m: usize, n: usize, k: usize, a: usize, aStride: usize, w: usize, bias: usize,
  requant: usize, shiftsAfter: usize, y: usize, yStride: usize
): void {
  const prepared = <usize>u32At(record, M_PREPARED_BIAS) + (bias - weights - <usize>u32At(record, M_BIAS));
  const flip: i8 = dotMode() == DOT_UNSIGNED ? -128 : 0;
  const wz = i32At(record, M_WEIGHT_ZERO_POINT);
  while (m > 0) {
    const tile: usize = m < 4 ? m : 4;
    const last = tile - 1;
    const r0 = wz ? rowTerm(a, k, wz) : 0;
    if (tile == 1) {
      gemm_1x8c4_dot(record, n, k, a, w, prepared, requant, shiftsAfter, y, flip, flippedRows, r0);
      return;
    }
    const r1 = wz ? rowTerm(a + aStride, k, wz) : 0;
    const r2 = wz ? rowTerm(a + (last < 2 ? last : 2) * aStride, k, wz) : 0;
    const r3 = wz ? rowTerm(a + last * aStride, k, wz) : 0;
    gemm_4x8c4_dot(
      record, tile, n, k, a, aStride, w, prepared, requant, shiftsAfter, y, yStride,
      flip, flippedRows, r0, r1, r2, r3
    );
    a += tile * aStride;
    y += tile * yStride;
    m -= tile;
  }
}

/** Up to four rows: the rows beyond m repeat the last one and store the same bytes again. */
function gemm_4x8c4(
  record: usize, m: usize, n: usize, k: usize, a: usize, aStride: usize, w: usize, bias: usize,
  requant: usize, shiftsAfter: usize, y: usize, yStride: usize
): void {
  if (!ASC_FEATURE_SIMD) return;
  const rounding = roundingAt(record, M_ROUNDING);
  const zeroPoint = i32At(record, M_ZERO_POINT);
  const min = i32At(record, M_MIN);
  const max = i32At(record, M_MAX);
  const wz = i32At(record, M_WEIGHT_ZERO_POINT);
  const last = m - 1;
  const step1: usize = last < 1 ? last : 1;
  const step2: usize = last < 2 ? last : 2;
  const step3: usize = last < 3 ? last : 3;
  const a1 = a + step1 * aStride;
  const a2 = a + step2 * aStride;
  const a3 = a + step3 * aStride;
  const y1 = y + step1 * yStride;
  const y2 = y + step2 * yStride;
  const y3 = y + step3 * yStride;
  let r0: i32 = 0;
  let r1: i32 = 0;
  let r2: i32 = 0;
  let r3: i32 = 0;
  if (wz != 0) {
    r0 = rowTerm(a, k, wz);
    r1 = rowTerm(a1, k, wz);
    r2 = rowTerm(a2, k, wz);
    r3 = rowTerm(a3, k, wz);
  }
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
      const elo = evens(wlo);
      const olo = odds(wlo);
      const ehi = evens(whi);
      const ohi = odds(whi);

      const x0 = v128.load32_splat(a + i);
      const e0 = evens(x0);
      const o0 = odds(x0);
      p0 = i32x4.add(p0, i32x4.add(i32x4.dot_i16x8_s(elo, e0), i32x4.dot_i16x8_s(olo, o0)));
      q0 = i32x4.add(q0, i32x4.add(i32x4.dot_i16x8_s(ehi, e0), i32x4.dot_i16x8_s(ohi, o0)));

      const x1 = v128.load32_splat(a1 + i);
      const e1 = evens(x1);
      const o1 = odds(x1);
      p1 = i32x4.add(p1, i32x4.add(i32x4.dot_i16x8_s(elo, e1), i32x4.dot_i16x8_s(olo, o1)));
      q1 = i32x4.add(q1, i32x4.add(i32x4.dot_i16x8_s(ehi, e1), i32x4.dot_i16x8_s(ohi, o1)));

      const x2 = v128.load32_splat(a2 + i);
      const e2 = evens(x2);
      const o2 = odds(x2);
      p2 = i32x4.add(p2, i32x4.add(i32x4.dot_i16x8_s(elo, e2), i32x4.dot_i16x8_s(olo, o2)));
      q2 = i32x4.add(q2, i32x4.add(i32x4.dot_i16x8_s(ehi, e2), i32x4.dot_i16x8_s(ohi, o2)));

      const x3 = v128.load32_splat(a3 + i);
      const e3 = evens(x3);
      const o3 = odds(x3);
      p3 = i32x4.add(p3, i32x4.add(i32x4.dot_i16x8_s(elo, e3), i32x4.dot_i16x8_s(olo, o3)));
      q3 = i32x4.add(q3, i32x4.add(i32x4.dot_i16x8_s(ehi, e3), i32x4.dot_i16x8_s(ohi, o3)));
    }
    const s = requant + (c << 2);
    const left = n - c;
    storeRow(p0, q0, s, shiftsAfter, rounding, zeroPoint, min, max, y + c, left);
    storeRow(p1, q1, s, shiftsAfter, rounding, zeroPoint, min, max, y1 + c, left);
    storeRow(p2, q2, s, shiftsAfter, rounding, zeroPoint, min, max, y2 + c, left);
    storeRow(p3, q3, s, shiftsAfter, rounding, zeroPoint, min, max, y3 + c, left);
  }
}

function gemm_1x8c4(
  record: usize, n: usize, k: usize, a: usize, w: usize, bias: usize,
  requant: usize, shiftsAfter: usize, y: usize
): void {
  const rounding = roundingAt(record, M_ROUNDING);
  const zeroPoint = i32At(record, M_ZERO_POINT);
  const min = i32At(record, M_MIN);
  const max = i32At(record, M_MAX);
  const wz = i32At(record, M_WEIGHT_ZERO_POINT);
  const term = wz != 0 ? rowTerm(a, k, wz) : 0;
  const blocks = (k + KR - 1) / KR;
  for (let c: usize = 0; c < n; c += NR) {
    if (ASC_FEATURE_SIMD) {
      let p = i32x4.add(v128.load(bias + (c << 2)), i32x4.splat(term));
      let q = i32x4.add(v128.load(bias + (c << 2), 16), i32x4.splat(term));
      for (let i: usize = 0; i < k; i += KR) {
        const x = v128.load32_splat(a + i);
        const e = evens(x);
        const o = odds(x);
        const wlo = v128.load(w);
        const whi = v128.load(w, 16);
        w += NR * KR;
        p = i32x4.add(p, i32x4.add(i32x4.dot_i16x8_s(evens(wlo), e), i32x4.dot_i16x8_s(odds(wlo), o)));
        q = i32x4.add(q, i32x4.add(i32x4.dot_i16x8_s(evens(whi), e), i32x4.dot_i16x8_s(odds(whi), o)));
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

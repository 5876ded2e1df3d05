/** int8 × int8 matrix multiply, per-channel requantization: qs8_qc8w_gemm. */

import { KR, NR, ROUNDING_DOUBLE } from "../../codes";
import { M_MAX, M_MIN, M_ROUNDING, M_WEIGHT_ZERO_POINT, M_ZERO_POINT } from "../../records";
import { roundingAt } from "../../engine/kept";
import { i32At, preparedRows } from "../../engine/model";
import { usesDot } from "../../simd/dot";
import { ceilingOf, floorOf, offsetOf, rounder, storeOne, storeSome, storeWhole } from "../../simd/requantize";
import { prepareRow, prepareRows, rowsAtOnce, stepBytes } from "../../simd/rows";
import { accumulate, evens, odds } from "../../simd/widen";
import { columnBytes, preparedBias, rowTerms, tile } from "./qs8-tile";

/** Address of the prepared rows, as tiles take it. */
const rowTable: usize = memory.data(4, 4);

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
  const wz = i32At(record, M_WEIGHT_ZERO_POINT);
  if (ASC_FEATURE_SIMD) {
    store<u32>(rowTable, <u32>preparedRows);
    while (m > 1) {
      const rows = rowsAtOnce(wz ? min<usize>(m, 4) : m, k);
      const step = prepareRows(a, rows, k, aStride, preparedRows);
      if (wz)
        for (let r: usize = 0; r < rows; r++) store<i32>(rowTerms + (r << 2), rowTerm(a + r * aStride, k, wz));
      a += rows * aStride;
      tile(record, rows, n, columnBytes(k), columnBytes(k), rowTable, step, w, bias, requant, shiftsAfter, y, yStride);
      y += rows * yStride;
      m -= rows;
    }
  }
  while (m > 0) {
    if (ASC_FEATURE_SIMD) prepareRow(a, k, preparedRows);
    const term = rowTerm(a, k, wz);
    if (ASC_FEATURE_RELAXED_SIMD && usesDot())
      gemm_1x8c4(true, record, n, k, a, term, w, preparedBias(record, bias), requant, shiftsAfter, y);
    else gemm_1x8c4(false, record, n, k, a, term, w, bias, requant, shiftsAfter, y);
    a += aStride;
    y += yStride;
    m--;
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

/** The prepared row, which is `a` in the scalar tier; `useDot` is a literal: the 4-way dot product, as tile() has it. */
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
      let x = preparedRows;
      const end = w + blocks * (NR * KR);
      if (ASC_FEATURE_RELAXED_SIMD && useDot) {
        // Four steps have sums of their own: two dot products begin in a cycle, and each takes four.
        let p1 = i32x4.splat(0);
        let q1 = p1;
        let p2 = p1;
        let q2 = p1;
        let p3 = p1;
        let q3 = p1;
        for (; w + 4 * NR * KR <= end; w += 4 * NR * KR) {
          const x0 = v128.load32_splat(x);
          p = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w), x0, p);
          q = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 16), x0, q);
          const x1 = v128.load32_splat(x, 4);
          p1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 32), x1, p1);
          q1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 48), x1, q1);
          const x2 = v128.load32_splat(x, 8);
          p2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 64), x2, p2);
          q2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 80), x2, q2);
          const x3 = v128.load32_splat(x, 12);
          p3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 96), x3, p3);
          q3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 112), x3, q3);
          x += 16;
        }
        p = i32x4.add(i32x4.add(p, p1), i32x4.add(p2, p3));
        q = i32x4.add(i32x4.add(q, q1), i32x4.add(q2, q3));
      }
      for (; w < end; w += NR * KR) {
        const wlo = v128.load(w);
        const whi = v128.load(w, 16);
        const e = v128.load32_splat(x);
        if (ASC_FEATURE_RELAXED_SIMD && useDot) {
          p = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, e, p);
          q = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, e, q);
        } else {
          const o = v128.load32_splat(x, 4);
          p = accumulate(p, evens(wlo), odds(wlo), e, o);
          q = accumulate(q, evens(whi), odds(whi), e, o);
        }
        x += stepBytes(useDot);
      }
      const s = requant + (c << 2);
      if (n - c >= NR && rounding != ROUNDING_DOUBLE)
        storeWhole(p, q, s, floorOf(record), ceilingOf(record), rounder(), offsetOf(record), y + c);
      else storeSome(p, q, s, shiftsAfter, record, y + c, n - c);
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

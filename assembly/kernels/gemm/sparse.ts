/** int8 matrix multiply over the blocks of weights that are not zero throughout: qs8_qc8w_spmm. */

import { KR, NR, ROUNDING_DOUBLE } from "../../codes";
import { M_MAX, M_MIN, M_ROUNDING, M_ZERO_POINT } from "../../records";
import { roundingAt } from "../../engine/kept";
import { i32At, preparedRows } from "../../engine/model";
import { usesDot } from "../../simd/dot";
import { ceilingOf, floorOf, offsetOf, rounder, storeOne, storeSome, storeWhole } from "../../simd/requantize";
import { prepareRows, rowsAtOnce, stepBytes } from "../../simd/rows";
import { accumulate, evens, odds } from "../../simd/widen";
import { preparedBias, sparseTile } from "./qs8-tile";

/**
 * y[m,n] = requantize(bias[n] + Σ a[m,k]·w[n,k]) over the blocks of 8 columns × 4 k that `index` lists: per 8 columns
 * a count, then the first k of each block, u16, ascending. `w`: the listed blocks one after another, as qs8_qc8w_gemm
 * has them. Reads ≤ 15 bytes past each row of a. Equals test/reference/conv.ts bit for bit.
 */
export function qs8_qc8w_spmm(
  record: usize, m: usize, n: usize, k: usize, a: usize, index: usize, w: usize, bias: usize, requant: usize,
  shiftsAfter: usize, y: usize
): void {
  while (m > 0) {
    const rows = ASC_FEATURE_SIMD && m > 1 ? rowsAtOnce(m, k) : 1;
    const step = ASC_FEATURE_SIMD ? prepareRows(a, rows, k, k, preparedRows) : k;
    if (rows > 1) sparseTile(record, rows, n, index, step, w, bias, requant, shiftsAfter, y);
    else if (ASC_FEATURE_RELAXED_SIMD && usesDot())
      row(true, record, n, a, index, w, preparedBias(record, bias), requant, shiftsAfter, y);
    else row(false, record, n, a, index, w, bias, requant, shiftsAfter, y);
    a += rows * k;
    y += rows * n;
    m -= rows;
  }
}

/** One row: the prepared one, which is `a` in the scalar tier. `useDot` is a literal, as gemm_1x8c4() has it. */
// @ts-ignore: decorator
@inline
function row(
  useDot: bool, record: usize, n: usize, a: usize, index: usize, w: usize, bias: usize, requant: usize,
  shiftsAfter: usize, y: usize
): void {
  const rounding = roundingAt(record, M_ROUNDING);
  const zeroPoint = i32At(record, M_ZERO_POINT);
  const min = i32At(record, M_MIN);
  const max = i32At(record, M_MAX);
  for (let c: usize = 0; c < n; c += NR) {
    const count: usize = load<u16>(index);
    index += 2;
    const end = index + (count << 1);
    const s = requant + (c << 2);
    const left = n - c;
    if (ASC_FEATURE_SIMD) {
      let p = v128.load(bias + (c << 2));
      let q = v128.load(bias + (c << 2), 16);
      for (; index < end; index += 2) {
        const x = preparedRows + <usize>load<u16>(index) * (stepBytes(useDot) >> 2);
        const wlo = v128.load(w);
        const whi = v128.load(w, 16);
        w += NR * KR;
        const e = v128.load32_splat(x);
        if (ASC_FEATURE_RELAXED_SIMD && useDot) {
          p = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, e, p);
          q = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, e, q);
        } else {
          const o = v128.load32_splat(x, 4);
          p = accumulate(p, evens(wlo), odds(wlo), e, o);
          q = accumulate(q, evens(whi), odds(whi), e, o);
        }
      }
      if (left >= NR && rounding != ROUNDING_DOUBLE)
        storeWhole(p, q, s, floorOf(record), ceilingOf(record), rounder(), offsetOf(record), y + c);
      else storeSome(p, q, s, shiftsAfter, record, y + c, left);
    } else {
      const columns = left < NR ? left : NR;
      for (let j: usize = 0; j < columns; j++) {
        let acc = load<i32>(bias + ((c + j) << 2));
        let at = w + j * KR;
        for (let i = index; i < end; i += 2) {
          const x = a + <usize>load<u16>(i);
          for (let t: usize = 0; t < KR; t++) acc += <i32>load<i8>(x + t) * <i32>load<i8>(at + t);
          at += NR * KR;
        }
        storeOne(acc, s + (j << 2), shiftsAfter, rounding, zeroPoint, min, max, y + c + j);
      }
      w += count * (NR * KR);
      index = end;
    }
  }
}

/** int8 matrix multiply over the blocks of weights that are not zero throughout: qs8_qc8w_spmm. */

import { KR, NR, ROUNDING_DOUBLE } from "../../codes";
import { M_MAX, M_MIN, M_ROUNDING, M_ZERO_POINT } from "../../records";
import { roundingAt } from "../../engine/kept";
import { i32At, preparedRows } from "../../engine/model";
import { dotFlip, usesDot } from "../../simd/dot";
import { ceilingOf, floorOf, offsetOf, rounder, storeOne, storeSome, storeWhole } from "../../simd/requantize";
import { prepareRow, stepBytes } from "../../simd/rows";
import { accumulate, evens, odds } from "../../simd/widen";
import { preparedBias } from "./qs8-tile";

/**
 * y[m,n] = requantize(bias[n] + Σ a[m,k]·w[n,k]) over the blocks of 8 columns × 4 k that `index` lists: per 8 columns
 * a count, then the first k of each block, u16, ascending. `w`: the listed blocks one after another, as qs8_qc8w_gemm
 * has them. Reads ≤ 15 bytes past each row of a. Equals test/reference/conv.ts bit for bit.
 */
export function qs8_qc8w_spmm(
  record: usize, m: usize, n: usize, k: usize, a: usize, index: usize, w: usize, bias: usize, requant: usize,
  shiftsAfter: usize, y: usize
): void {
  if (ASC_FEATURE_RELAXED_SIMD && usesDot()) {
    const prepared = preparedBias(record, bias);
    for (let r: usize = 0; r < m; r += 4)
      tile(true, record, m - r, n, k, a + r * k, dotFlip(), index, w, prepared, requant, shiftsAfter, y + r * n);
    return;
  }
  for (let r: usize = 0; r < m; r += 4)
    tile(false, record, m - r, n, k, a + r * k, 0, index, w, bias, requant, shiftsAfter, y + r * n);
}

/** Eight columns of one row; a call, so that the code is there once. */
function finish(
  record: usize, lo: v128, hi: v128, requant: usize, shiftsAfter: usize, y: usize, count: usize
): void {
  if (count >= NR && roundingAt(record, M_ROUNDING) != ROUNDING_DOUBLE)
    storeWhole(lo, hi, requant, floorOf(record), ceilingOf(record), rounder(), offsetOf(record), y);
  else storeSome(lo, hi, requant, shiftsAfter, record, y, count);
}

/** The first of `rows` rows, at most four. `useDot` is a literal. */
// @ts-ignore: decorator
@inline
function tile(
  useDot: bool, record: usize, rows: usize, n: usize, k: usize, a: usize, flip: i8, index: usize, w: usize,
  bias: usize, requant: usize, shiftsAfter: usize, y: usize
): void {
  const rounding = roundingAt(record, M_ROUNDING);
  const zeroPoint = i32At(record, M_ZERO_POINT);
  const min = i32At(record, M_MIN);
  const max = i32At(record, M_MAX);
  rows = rows < 4 ? rows : 4;
  const one: usize = rows > 1 ? 1 : 0;
  const two: usize = rows > 2 ? 2 : one;
  const three = rows - 1;
  const step = ((k + 15) & ~15) * (stepBytes(useDot) >> 2);
  const step2 = step << 1;
  const step3 = step2 + step;
  if (ASC_FEATURE_SIMD)
    for (let r: usize = 0; r < rows; r++) prepareRow(useDot, a + r * k, k, flip, preparedRows + r * step);
  for (let c: usize = 0; c < n; c += NR) {
    const count: usize = load<u16>(index);
    index += 2;
    const end = index + (count << 1);
    const s = requant + (c << 2);
    const left = n - c;
    if (ASC_FEATURE_SIMD) {
      let p0 = v128.load(bias + (c << 2));
      let q0 = v128.load(bias + (c << 2), 16);
      if (rows > 1) {
        let p1 = p0;
        let q1 = q0;
        let p2 = p0;
        let q2 = q0;
        let p3 = p0;
        let q3 = q0;
        for (; index < end; index += 2) {
          const x = preparedRows + <usize>load<u16>(index) * (stepBytes(useDot) >> 2);
          const wlo = v128.load(w);
          const whi = v128.load(w, 16);
          w += NR * KR;
          if (ASC_FEATURE_RELAXED_SIMD && useDot) {
            const x0 = v128.load32_splat(x);
            p0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, x0, p0);
            q0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, x0, q0);
            const x1 = v128.load32_splat(x + step);
            p1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, x1, p1);
            q1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, x1, q1);
            const x2 = v128.load32_splat(x + step2);
            p2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, x2, p2);
            q2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, x2, q2);
            const x3 = v128.load32_splat(x + step3);
            p3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, x3, p3);
            q3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, x3, q3);
          } else {
            const elo = evens(wlo);
            const olo = odds(wlo);
            const ehi = evens(whi);
            const ohi = odds(whi);
            const e0 = v128.load32_splat(x);
            const o0 = v128.load32_splat(x, 4);
            p0 = accumulate(p0, elo, olo, e0, o0);
            q0 = accumulate(q0, ehi, ohi, e0, o0);
            const e1 = v128.load32_splat(x + step);
            const o1 = v128.load32_splat(x + step, 4);
            p1 = accumulate(p1, elo, olo, e1, o1);
            q1 = accumulate(q1, ehi, ohi, e1, o1);
            const e2 = v128.load32_splat(x + step2);
            const o2 = v128.load32_splat(x + step2, 4);
            p2 = accumulate(p2, elo, olo, e2, o2);
            q2 = accumulate(q2, ehi, ohi, e2, o2);
            const e3 = v128.load32_splat(x + step3);
            const o3 = v128.load32_splat(x + step3, 4);
            p3 = accumulate(p3, elo, olo, e3, o3);
            q3 = accumulate(q3, ehi, ohi, e3, o3);
          }
        }
        // The last row's own bytes are stored after those of the rows that do not exist.
        finish(record, p3, q3, s, shiftsAfter, y + three * n + c, left);
        finish(record, p2, q2, s, shiftsAfter, y + two * n + c, left);
        finish(record, p1, q1, s, shiftsAfter, y + one * n + c, left);
      } else {
        for (; index < end; index += 2) {
          const x = preparedRows + <usize>load<u16>(index) * (stepBytes(useDot) >> 2);
          const wlo = v128.load(w);
          const whi = v128.load(w, 16);
          w += NR * KR;
          const e = v128.load32_splat(x);
          if (ASC_FEATURE_RELAXED_SIMD && useDot) {
            p0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, e, p0);
            q0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, e, q0);
          } else {
            const o = v128.load32_splat(x, 4);
            p0 = accumulate(p0, evens(wlo), odds(wlo), e, o);
            q0 = accumulate(q0, evens(whi), odds(whi), e, o);
          }
        }
      }
      finish(record, p0, q0, s, shiftsAfter, y + c, left);
    } else {
      const columns = left < NR ? left : NR;
      for (let r: usize = 0; r < rows; r++) {
        for (let j: usize = 0; j < columns; j++) {
          let acc = load<i32>(bias + ((c + j) << 2));
          let at = w + j * KR;
          for (let i = index; i < end; i += 2) {
            const x = a + r * k + <usize>load<u16>(i);
            for (let t: usize = 0; t < KR; t++) acc += <i32>load<i8>(x + t) * <i32>load<i8>(at + t);
            at += NR * KR;
          }
          storeOne(acc, s + (j << 2), shiftsAfter, rounding, zeroPoint, min, max, y + r * n + c + j);
        }
      }
      w += count * (NR * KR);
      index = end;
    }
  }
}

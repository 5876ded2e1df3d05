/** int8 matrix multiply over the blocks of weights that are not zero throughout: qs8_qc8w_spmm. */

import { DOT_SATURATES, DOT_UNSIGNED } from "../../abi";
import { KR, M_BIAS, M_MAX, M_MIN, M_PREPARED_BIAS, M_ROUNDING, M_ZERO_POINT, NR } from "../../records";
import { roundingAt } from "../../engine/kept";
import { flippedRows, i32At, u32At, weights } from "../../engine/model";
import { dotMode, flipRow } from "../../simd/dot";
import { storeOne, storeRow } from "../../simd/requantize";
import { accumulate, evens, odds } from "../../simd/widen";

/**
 * y[m,n] = requantize(bias[n] + Σ a[m,k]·w[n,k]) over the blocks of 8 columns × 4 k that `index` lists: per 8 columns
 * a count, then the first k of each block, u16, ascending. `w`: the listed blocks one after another, as qs8_qc8w_gemm
 * has them. Reads ≤ 3 bytes past each row of a. Equals test/reference/conv.ts bit for bit.
 */
export function qs8_qc8w_spmm(
  record: usize, m: usize, n: usize, k: usize, a: usize, index: usize, w: usize, bias: usize, requant: usize,
  shiftsAfter: usize, y: usize
): void {
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (dotMode() < DOT_SATURATES) {
      const prepared = <usize>u32At(record, M_PREPARED_BIAS) + (bias - weights - <usize>u32At(record, M_BIAS));
      const stride = (k + 15) & ~15;
      const flip: i8 = dotMode() == DOT_UNSIGNED ? -128 : 0;
      for (let r: usize = 0; r < m; r += 4) {
        const rows: usize = m - r < 4 ? m - r : 4;
        for (let i: usize = 0; i < rows; i++) flipRow(flippedRows + i * stride, a + (r + i) * k, k, flip);
        tile(true, record, rows, n, flippedRows, stride, index, w, prepared, requant, shiftsAfter, y + r * n);
      }
      return;
    }
  }
  for (let r: usize = 0; r < m; r += 4) {
    const rows: usize = m - r < 4 ? m - r : 4;
    tile(false, record, rows, n, a + r * k, k, index, w, bias, requant, shiftsAfter, y + r * n);
  }
}

/** sum + the products of four columns' weights with one row's four values, on the kind of dot product that `useDot` names. */
// @ts-ignore: decorator
@inline
function add(useDot: bool, sum: v128, w: v128, we: v128, wo: v128, x: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD && useDot) return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, sum);
  return accumulate(sum, we, wo, evens(x), odds(x));
}

/** Eight columns of one row; a call, so that the code is there once. */
function finish(
  record: usize, lo: v128, hi: v128, requant: usize, shiftsAfter: usize, y: usize, count: usize
): void {
  storeRow(
    lo, hi, requant, shiftsAfter, roundingAt(record, M_ROUNDING), i32At(record, M_ZERO_POINT), i32At(record, M_MIN),
    i32At(record, M_MAX), y, count
  );
}

/** One to four rows. `useDot` is a literal. */
// @ts-ignore: decorator
@inline
function tile(
  useDot: bool, record: usize, rows: usize, n: usize, a: usize, aStride: usize, index: usize, w: usize, bias: usize,
  requant: usize, shiftsAfter: usize, y: usize
): void {
  const rounding = roundingAt(record, M_ROUNDING);
  const zeroPoint = i32At(record, M_ZERO_POINT);
  const min = i32At(record, M_MIN);
  const max = i32At(record, M_MAX);
  const one: usize = rows > 1 ? 1 : 0;
  const two: usize = rows > 2 ? 2 : one;
  const three = rows - 1;
  for (let c: usize = 0; c < n; c += NR) {
    const count: usize = load<u16>(index);
    index += 2;
    const end = index + (count << 1);
    const s = requant + (c << 2);
    const left = n - c;
    if (ASC_FEATURE_SIMD) {
      let p0 = v128.load(bias + (c << 2));
      let q0 = v128.load(bias + (c << 2), 16);
      let p1 = p0;
      let q1 = q0;
      let p2 = p0;
      let q2 = q0;
      let p3 = p0;
      let q3 = q0;
      if (rows > 1) {
        for (; index < end; index += 2) {
          const x = a + <usize>load<u16>(index);
          const wlo = v128.load(w);
          const whi = v128.load(w, 16);
          w += NR * KR;
          const elo = evens(wlo);
          const olo = odds(wlo);
          const ehi = evens(whi);
          const ohi = odds(whi);
          const x0 = v128.load32_splat(x);
          p0 = add(useDot, p0, wlo, elo, olo, x0);
          q0 = add(useDot, q0, whi, ehi, ohi, x0);
          const x1 = v128.load32_splat(x + one * aStride);
          p1 = add(useDot, p1, wlo, elo, olo, x1);
          q1 = add(useDot, q1, whi, ehi, ohi, x1);
          const x2 = v128.load32_splat(x + two * aStride);
          p2 = add(useDot, p2, wlo, elo, olo, x2);
          q2 = add(useDot, q2, whi, ehi, ohi, x2);
          const x3 = v128.load32_splat(x + three * aStride);
          p3 = add(useDot, p3, wlo, elo, olo, x3);
          q3 = add(useDot, q3, whi, ehi, ohi, x3);
        }
        finish(record, p1, q1, s, shiftsAfter, y + one * n + c, left);
        finish(record, p2, q2, s, shiftsAfter, y + two * n + c, left);
        finish(record, p3, q3, s, shiftsAfter, y + three * n + c, left);
      } else {
        for (; index < end; index += 2) {
          const wlo = v128.load(w);
          const whi = v128.load(w, 16);
          w += NR * KR;
          const x0 = v128.load32_splat(a + <usize>load<u16>(index));
          p0 = add(useDot, p0, wlo, evens(wlo), odds(wlo), x0);
          q0 = add(useDot, q0, whi, evens(whi), odds(whi), x0);
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
            const x = a + r * aStride + <usize>load<u16>(i);
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

/** Four rows × eight columns of an int8 matrix multiply: what every int8 product of the SIMD tiers with more rows is made of. */

import { KR, NR, ROUNDING_DOUBLE } from "../../codes";
import { M_BIAS, M_PREPARED_BIAS, M_ROUNDING, M_WEIGHT_ZERO_POINT } from "../../records";
import { roundingAt } from "../../engine/kept";
import { i32At, preparedRows, u32At, weights } from "../../engine/model";
import { usesDot } from "../../simd/dot";
import { ceilingOf, floorOf, offsetOf, rounder, singleWords, storeSome, storeWords } from "../../simd/requantize";
import { stepBytes } from "../../simd/rows";
import { accumulate, evens, odds } from "../../simd/widen";

/** What every column of row 0…3 gets where the weights have a zero point. */
export const rowTerms: usize = memory.data(16, 16);

/** Bytes of the weights of eight columns. */
// @ts-ignore: decorator
@inline
export function columnBytes(k: usize): usize {
  return ((k + KR - 1) & ~(KR - 1)) * NR;
}

/** The bias as the 4-way dot product needs it (engine/prepare.ts). */
export function preparedBias(record: usize, bias: usize): usize {
  return <usize>u32At(record, M_PREPARED_BIAS) + (bias - weights - <usize>u32At(record, M_BIAS));
}

/**
 * Rows of prepared activations (simd/rows.ts) × n columns, four at a time. A row is read in runs: `taps` points at u32
 * addresses of the first row's, the next rows' are each `step` bytes on; the weights of a run take `run` of the `column` bytes
 * of eight columns. Rows up to a multiple of four may be anything readable; of rows with rowTerms there are four at most.
 * The products are the 4-way dot product, where it is exact outside 0…127, or even and odd k on the 2-way one. An engine that
 * reads the second operand of the former as unsigned gets the activations with their sign bit flipped (+128) and a bias less
 * 128·Σ w; one that reads it as signed gets both as they are (engine/prepare.ts).
 */
export function tile(
  record: usize, rows: usize, n: usize, column: usize, run: usize, taps: usize, step: usize,
  w: usize, bias: usize, requant: usize, shiftsAfter: usize, y: usize, yStride: usize
): void {
  if (ASC_FEATURE_RELAXED_SIMD && usesDot())
    dotTile(record, rows, n, column, run, taps, step, w, preparedBias(record, bias), requant, shiftsAfter, y, yStride);
  else pairTile(record, rows, n, column, run, taps, step, w, bias, requant, shiftsAfter, y, yStride);
}

function dotTile(
  record: usize, rows: usize, n: usize, column: usize, run: usize, taps: usize, step: usize,
  w: usize, bias: usize, requant: usize, shiftsAfter: usize, y: usize, yStride: usize
): void {
  gemm_4x8c4(true, false, record, rows, n, column, run, taps, step, w, bias, requant, shiftsAfter, y, yStride);
}

function pairTile(
  record: usize, rows: usize, n: usize, column: usize, run: usize, taps: usize, step: usize,
  w: usize, bias: usize, requant: usize, shiftsAfter: usize, y: usize, yStride: usize
): void {
  gemm_4x8c4(false, false, record, rows, n, column, run, taps, step, w, bias, requant, shiftsAfter, y, yStride);
}

/**
 * The same of a sparse matrix: `index` points at a count per eight columns, then the first k of each block of 4, u16; the rows
 * are the first of `preparedRows`.
 */
export function sparseTile(
  record: usize, rows: usize, n: usize, index: usize, step: usize, w: usize, bias: usize, requant: usize, shiftsAfter: usize,
  y: usize
): void {
  if (ASC_FEATURE_RELAXED_SIMD && usesDot())
    sparseDotTile(record, rows, n, 0, 0, index, step, w, preparedBias(record, bias), requant, shiftsAfter, y, n);
  else sparsePairTile(record, rows, n, 0, 0, index, step, w, bias, requant, shiftsAfter, y, n);
}

function sparseDotTile(
  record: usize, rows: usize, n: usize, column: usize, run: usize, taps: usize, step: usize,
  w: usize, bias: usize, requant: usize, shiftsAfter: usize, y: usize, yStride: usize
): void {
  gemm_4x8c4(true, true, record, rows, n, column, run, taps, step, w, bias, requant, shiftsAfter, y, yStride);
}

function sparsePairTile(
  record: usize, rows: usize, n: usize, column: usize, run: usize, taps: usize, step: usize,
  w: usize, bias: usize, requant: usize, shiftsAfter: usize, y: usize, yStride: usize
): void {
  gemm_4x8c4(false, true, record, rows, n, column, run, taps, step, w, bias, requant, shiftsAfter, y, yStride);
}

/** `useDot` and `isSparse` are literals. */
// @ts-ignore: decorator
@inline
function gemm_4x8c4(
  useDot: bool, isSparse: bool, record: usize, rows: usize, n: usize, column: usize, run: usize, taps: usize, step: usize,
  w: usize, bias: usize, requant: usize, shiftsAfter: usize, y: usize, yStride: usize
): void {
  if (!ASC_FEATURE_SIMD) return;
  const rounding = roundingAt(record, M_ROUNDING);
  const wz = isSparse ? 0 : i32At(record, M_WEIGHT_ZERO_POINT);
  const step2 = step << 1;
  const step3 = step2 + step;
  const floor = floorOf(record);
  const ceiling = ceilingOf(record);
  const offset = offsetOf(record);
  const magic = rounder();
  let shift = isSparse ? preparedRows : 0;
  const firstTap = taps;
  const weights = w;
  for (;;) {
    const last = rows - 1;
    const y1 = y + (last < 1 ? last : 1) * yStride;
    const y2 = y + (last < 2 ? last : 2) * yStride;
    const y3 = y + (last < 3 ? last : 3) * yStride;
    for (let c: usize = 0; c < n; c += NR) {
      let p0 = v128.load(bias + (c << 2));
      let q0 = v128.load(bias + (c << 2), 16);
      let p1 = p0;
      let q1 = q0;
      let p2 = p0;
      let q2 = q0;
      let p3 = p0;
      let q3 = q0;
      if (wz) {
        p0 = i32x4.add(p0, v128.load32_splat(rowTerms));
        q0 = i32x4.add(q0, v128.load32_splat(rowTerms));
        p1 = i32x4.add(p1, v128.load32_splat(rowTerms, 4));
        q1 = i32x4.add(q1, v128.load32_splat(rowTerms, 4));
        p2 = i32x4.add(p2, v128.load32_splat(rowTerms, 8));
        q2 = i32x4.add(q2, v128.load32_splat(rowTerms, 8));
        p3 = i32x4.add(p3, v128.load32_splat(rowTerms, 12));
        q3 = i32x4.add(q3, v128.load32_splat(rowTerms, 12));
      }
      if (isSparse) {
        column = <usize>load<u16>(taps) * (NR * KR);
        taps += 2;
      }
      let t = taps;
      for (const end = w + column; w < end; t += 4) {
        let x = isSparse ? 0 : <usize>load<u32>(t) + shift;
        for (const stop = isSparse ? end : w + run; w < stop; w += NR * KR) {
          if (isSparse) {
            x = shift + <usize>load<u16>(taps) * (stepBytes(useDot) >> 2);
            taps += 2;
          }
          const wlo = v128.load(w);
          const whi = v128.load(w, 16);
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
          if (!isSparse) x += stepBytes(useDot);
        }
      }
      const s = requant + (c << 2);
      const left = n - c;
      if (left >= NR && rounding != ROUNDING_DOUBLE) {
        const slo = v128.load(s);
        const shi = v128.load(s, 16);
        // The last row's own bytes are stored after those of the rows that do not exist.
        storeWords(
          singleWords(p3, q3, slo, shi, floor, magic, offset), singleWords(p2, q2, slo, shi, floor, magic, offset),
          ceiling, y3 + c, y2 + c
        );
        storeWords(
          singleWords(p1, q1, slo, shi, floor, magic, offset), singleWords(p0, q0, slo, shi, floor, magic, offset),
          ceiling, y1 + c, y + c
        );
      } else {
        storeSome(p3, q3, s, shiftsAfter, record, y3 + c, left);
        storeSome(p2, q2, s, shiftsAfter, record, y2 + c, left);
        storeSome(p1, q1, s, shiftsAfter, record, y1 + c, left);
        storeSome(p0, q0, s, shiftsAfter, record, y + c, left);
      }
    }
    if (rows <= 4) break;
    rows -= 4;
    shift += step << 2;
    y += yStride << 2;
    w = weights;
    taps = firstTap;
  }
}

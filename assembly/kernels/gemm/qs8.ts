/** int8 × int8 matrix multiply, per-channel requantization: qs8_qc8w_gemm. */

import { DOT_SATURATES, DOT_UNSIGNED } from "../../abi";
import { KR, NR, ROUNDING_DOUBLE } from "../../codes";
import { M_BIAS, M_MAX, M_MIN, M_PREPARED_BIAS, M_ROUNDING, M_WEIGHT_ZERO_POINT, M_ZERO_POINT } from "../../records";
import { roundingAt } from "../../engine/kept";
import { i32At, preparedRows, u32At, weights } from "../../engine/model";
import { dotMode } from "../../simd/dot";
import { ceilingOf, floorOf, offsetOf, rounder, singleWords, storeOne, storeSome, storeWhole, storeWords } from "../../simd/requantize";
import { prepareRow, prepareRows, stepBytes } from "../../simd/rows";
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
      const prepared = <usize>u32At(record, M_PREPARED_BIAS) + (bias - weights - <usize>u32At(record, M_BIAS));
      const flip: i8 = dotMode() == DOT_UNSIGNED ? -128 : 0;
      run(true, record, m, n, k, a, aStride, flip, w, prepared, requant, shiftsAfter, y, yStride);
      return;
    }
  }
  run(false, record, m, n, k, a, aStride, 0, w, bias, requant, shiftsAfter, y, yStride);
}

/**
 * `useDot` is a literal: the 4-way dot product, where it is exact outside 0…127, or even and odd k on the 2-way one. An
 * engine that reads the second operand of the former as unsigned gets the activations with their sign bit flipped (+128)
 * and a bias less 128·Σ w; one that reads it as signed gets both as they are (engine/prepare.ts).
 */
// @ts-ignore: decorator
@inline
function run(
  useDot: bool, record: usize, m: usize, n: usize, k: usize, a: usize, aStride: usize, flip: i8, w: usize, bias: usize,
  requant: usize, shiftsAfter: usize, y: usize, yStride: usize
): void {
  const wz = i32At(record, M_WEIGHT_ZERO_POINT);
  if (ASC_FEATURE_SIMD) {
    while (m > 1) {
      const last: usize = (m < 4 ? m : 4) - 1;
      const a1 = a + aStride;
      const a2 = a + (last < 2 ? last : 2) * aStride;
      const a3 = a + last * aStride;
      prepareRows(useDot, a, a1, a2, a3, k, flip);
      gemm_4x8c4(
        useDot, record, last, n, k, wz, rowTerm(a, k, wz), rowTerm(a1, k, wz), rowTerm(a2, k, wz), rowTerm(a3, k, wz),
        w, bias, requant, shiftsAfter, y, yStride
      );
      a += (last + 1) * aStride;
      y += (last + 1) * yStride;
      m -= last + 1;
    }
  }
  while (m > 0) {
    if (ASC_FEATURE_SIMD) prepareRow(useDot, a, k, flip);
    gemm_1x8c4(useDot, record, n, k, a, rowTerm(a, k, wz), w, bias, requant, shiftsAfter, y);
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

/**
 * The four prepared rows (those beyond `last` repeat it and store the same bytes again). With a zero point of the weights
 * every column gets a row's term r0…r3.
 */
// @ts-ignore: decorator
@inline
function gemm_4x8c4(
  useDot: bool, record: usize, last: usize, n: usize, k: usize, wz: i32, r0: i32, r1: i32, r2: i32, r3: i32,
  w: usize, bias: usize, requant: usize, shiftsAfter: usize, y: usize, yStride: usize
): void {
  const rounding = roundingAt(record, M_ROUNDING);
  const columnBytes = ((k + KR - 1) & ~(KR - 1)) * NR;
  const y1 = y + yStride;
  const y2 = y + (last < 2 ? last : 2) * yStride;
  const y3 = y + last * yStride;
  const floor = floorOf(record);
  const ceiling = ceilingOf(record);
  const offset = offsetOf(record);
  const magic = rounder();
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
      p0 = i32x4.add(p0, i32x4.splat(r0));
      q0 = i32x4.add(q0, i32x4.splat(r0));
      p1 = i32x4.add(p1, i32x4.splat(r1));
      q1 = i32x4.add(q1, i32x4.splat(r1));
      p2 = i32x4.add(p2, i32x4.splat(r2));
      q2 = i32x4.add(q2, i32x4.splat(r2));
      p3 = i32x4.add(p3, i32x4.splat(r3));
      q3 = i32x4.add(q3, i32x4.splat(r3));
    }
    let x = preparedRows;
    for (const end = w + columnBytes; w < end; w += NR * KR) {
      const wlo = v128.load(w);
      const whi = v128.load(w, 16);
      if (ASC_FEATURE_RELAXED_SIMD && useDot) {
        const x0 = v128.load32_splat(x);
        p0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, x0, p0);
        q0 = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, x0, q0);
        const x1 = v128.load32_splat(x, 4);
        p1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, x1, p1);
        q1 = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, x1, q1);
        const x2 = v128.load32_splat(x, 8);
        p2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, x2, p2);
        q2 = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, x2, q2);
        const x3 = v128.load32_splat(x, 12);
        p3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(wlo, x3, p3);
        q3 = i32x4.relaxed_dot_i8x16_i7x16_add_s(whi, x3, q3);
      } else {
        const elo = evens(wlo);
        const olo = odds(wlo);
        const ehi = evens(whi);
        const ohi = odds(whi);
        const e0 = v128.load32_splat(x);
        const o0 = v128.load32_splat(x, 16);
        p0 = accumulate(p0, elo, olo, e0, o0);
        q0 = accumulate(q0, ehi, ohi, e0, o0);
        const e1 = v128.load32_splat(x, 4);
        const o1 = v128.load32_splat(x, 20);
        p1 = accumulate(p1, elo, olo, e1, o1);
        q1 = accumulate(q1, ehi, ohi, e1, o1);
        const e2 = v128.load32_splat(x, 8);
        const o2 = v128.load32_splat(x, 24);
        p2 = accumulate(p2, elo, olo, e2, o2);
        q2 = accumulate(q2, ehi, ohi, e2, o2);
        const e3 = v128.load32_splat(x, 12);
        const o3 = v128.load32_splat(x, 28);
        p3 = accumulate(p3, elo, olo, e3, o3);
        q3 = accumulate(q3, ehi, ohi, e3, o3);
      }
      x += stepBytes(useDot) << 2;
    }
    const s = requant + (c << 2);
    const left = n - c;
    if (left >= NR && rounding != ROUNDING_DOUBLE) {
      const slo = v128.load(s);
      const shi = v128.load(s, 16);
      storeWords(
        singleWords(p0, q0, slo, shi, floor, magic, offset), singleWords(p1, q1, slo, shi, floor, magic, offset),
        ceiling, y + c, y1 + c
      );
      storeWords(
        singleWords(p2, q2, slo, shi, floor, magic, offset), singleWords(p3, q3, slo, shi, floor, magic, offset),
        ceiling, y2 + c, y3 + c
      );
    } else {
      storeSome(p0, q0, s, shiftsAfter, record, y + c, left);
      storeSome(p1, q1, s, shiftsAfter, record, y1 + c, left);
      storeSome(p2, q2, s, shiftsAfter, record, y2 + c, left);
      storeSome(p3, q3, s, shiftsAfter, record, y3 + c, left);
    }
  }
}

/** The prepared row, which is `a` in the scalar tier; otherwise as gemm_4x8c4. */
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
      for (const end = w + blocks * (NR * KR); w < end; w += NR * KR) {
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

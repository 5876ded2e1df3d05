/** float32 matrix multiply. Lanes are columns, so every sum runs over k in order, in every tier. */

import { NR } from "../../codes";
import { M_MAX, M_MIN } from "../../records";
import { f32At } from "../../engine/model";

/**
 * y[m,n] = clamp(bias[n] + a[m,0]·w[n,0] + a[m,1]·w[n,1] + …), one rounding per multiply and per add.
 * w: per 8 columns k rows of 8 f32, zero beyond n. bias: columns padded to 8. `record` gives M_MIN and M_MAX.
 * Strides in bytes. Reads and writes nothing beyond its rows. Equals test/reference/conv.ts bit for bit.
 */
export function f32_gemm(
  record: usize, m: usize, n: usize, k: usize, a: usize, aStride: usize, w: usize, bias: usize,
  y: usize, yStride: usize
): void {
  let rows = m;
  if (ASC_FEATURE_SIMD) {
    while (rows > 1) {
      const tile: usize = rows < 4 ? rows : 4;
      gemm_4x8(record, tile, n, k, a, aStride, w, bias, y, yStride);
      a += tile * aStride;
      y += tile * yStride;
      rows -= tile;
    }
  }
  while (rows > 0) {
    if (ASC_FEATURE_SIMD) gemm_1x16(record, n, k, a, w, bias, y);
    else gemm_1x8(record, n, k, a, w, bias, y);
    a += aStride;
    y += yStride;
    rows--;
  }
}

/** max(v, lo) then min(v, hi), keeping v when it compares false (NaN stays NaN). */
// @ts-ignore: decorator
@inline
function clamp4(v: v128, lo: v128, hi: v128): v128 {
  return f32x4.pmin(f32x4.pmax(v, lo), hi);
}

function storeRow(p: v128, q: v128, lo: v128, hi: v128, y: usize, count: usize): void {
  p = clamp4(p, lo, hi);
  q = clamp4(q, lo, hi);
  if (count >= NR) {
    v128.store(y, p);
    v128.store(y, q, 16);
    return;
  }
  if (count >= 4) {
    v128.store(y, p);
    y += 16;
    count -= 4;
    p = q;
  }
  if (count > 0) store<f32>(y, f32x4.extract_lane(p, 0));
  if (count > 1) store<f32>(y, f32x4.extract_lane(p, 1), 4);
  if (count > 2) store<f32>(y, f32x4.extract_lane(p, 2), 8);
}

/** Up to four rows: the rows beyond m repeat the last one and store the same values again. */
function gemm_4x8(
  record: usize, m: usize, n: usize, k: usize, a: usize, aStride: usize, w: usize, bias: usize,
  y: usize, yStride: usize
): void {
  if (!ASC_FEATURE_SIMD) return;
  const lo = f32x4.splat(f32At(record, M_MIN));
  const hi = f32x4.splat(f32At(record, M_MAX));
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
  const end = k << 2;
  for (let c: usize = 0; c < n; c += NR) {
    let p0 = v128.load(bias + (c << 2));
    let q0 = v128.load(bias + (c << 2), 16);
    let p1 = p0;
    let q1 = q0;
    let p2 = p0;
    let q2 = q0;
    let p3 = p0;
    let q3 = q0;
    for (let i: usize = 0; i < end; i += 4) {
      const wlo = v128.load(w);
      const whi = v128.load(w, 16);
      w += NR << 2;
      const x0 = v128.load32_splat(a + i);
      p0 = f32x4.add(p0, f32x4.mul(x0, wlo));
      q0 = f32x4.add(q0, f32x4.mul(x0, whi));
      const x1 = v128.load32_splat(a1 + i);
      p1 = f32x4.add(p1, f32x4.mul(x1, wlo));
      q1 = f32x4.add(q1, f32x4.mul(x1, whi));
      const x2 = v128.load32_splat(a2 + i);
      p2 = f32x4.add(p2, f32x4.mul(x2, wlo));
      q2 = f32x4.add(q2, f32x4.mul(x2, whi));
      const x3 = v128.load32_splat(a3 + i);
      p3 = f32x4.add(p3, f32x4.mul(x3, wlo));
      q3 = f32x4.add(q3, f32x4.mul(x3, whi));
    }
    const left = n - c;
    const at = c << 2;
    storeRow(p0, q0, lo, hi, y + at, left);
    storeRow(p1, q1, lo, hi, y1 + at, left);
    storeRow(p2, q2, lo, hi, y2 + at, left);
    storeRow(p3, q3, lo, hi, y3 + at, left);
  }
}

/** Two panels of columns at once, as the additions of one would wait for each other; a last one alone counts twice. */
function gemm_1x16(record: usize, n: usize, k: usize, a: usize, w: usize, bias: usize, y: usize): void {
  if (!ASC_FEATURE_SIMD) return;
  const lo = f32x4.splat(f32At(record, M_MIN));
  const hi = f32x4.splat(f32At(record, M_MAX));
  const end = k << 2;
  for (let c: usize = 0; c < n; c += 2 * NR) {
    const left = n - c;
    const columns: usize = left > NR ? NR << 2 : 0;
    const panel = columns * k;
    let p = v128.load(bias);
    let q = v128.load(bias, 16);
    let r = v128.load(bias + columns);
    let s = v128.load(bias + columns, 16);
    for (let i: usize = 0; i < end; i += 4) {
      const x = v128.load32_splat(a + i);
      const v = w + panel;
      p = f32x4.add(p, f32x4.mul(x, v128.load(w)));
      q = f32x4.add(q, f32x4.mul(x, v128.load(w, 16)));
      r = f32x4.add(r, f32x4.mul(x, v128.load(v)));
      s = f32x4.add(s, f32x4.mul(x, v128.load(v, 16)));
      w += NR << 2;
    }
    storeRow(p, q, lo, hi, y, left);
    if (columns) storeRow(r, s, lo, hi, y + columns, left - NR);
    w += panel;
    bias += 2 * columns;
    y += 2 * columns;
  }
}

function gemm_1x8(record: usize, n: usize, k: usize, a: usize, w: usize, bias: usize, y: usize): void {
  const lo = f32At(record, M_MIN);
  const hi = f32At(record, M_MAX);
  const end = k << 2;
  for (let c: usize = 0; c < n; c += NR) {
    const columns = n - c < NR ? n - c : NR;
    for (let j: usize = 0; j < columns; j++) {
      let acc = load<f32>(bias + ((c + j) << 2));
      let p = w + (j << 2);
      for (let i: usize = 0; i < end; i += 4) {
        acc += load<f32>(a + i) * load<f32>(p);
        p += NR << 2;
      }
      acc = acc < lo ? lo : acc;
      acc = hi < acc ? hi : acc;
      store<f32>(y + ((c + j) << 2), acc);
    }
    w += k * (NR << 2);
  }
}

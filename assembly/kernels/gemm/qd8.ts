/** float32 activations, quantized row by row as they come, × weights of 8, 4 or 2 bits in blocks: qd8_f32_qb4w and its kin. */

import { NR, WEIGHTS_CODEBOOK, WEIGHTS_I2, WEIGHTS_I4, WEIGHTS_I8 } from "../../codes";
import { accumulate, evens, odds } from "../../simd/widen";
import { ROW_HEAD } from "./qd8-row";
import { fillBytes } from "../../simd/copy";

/** Per block of 8 columns: 8 scales, then with block zero points 8 bytes and 8 free ones. */
const SCALES: usize = 32;
const ZERO_POINTS: usize = 16;
/** int16 sums of pairs, 2 · 128 · 15 at most, stay exact over so many steps of 4 k. */
const NARROW_STEPS: usize = 8;

/** float32 sums of up to four rows × 8 columns. */
const sums: usize = memory.data(128, 16);

/** Bytes of the weights of 8 columns × `k` in `format`, k a multiple of 8. */
export function blockBytes(format: u32, k: usize): usize {
  if (format == WEIGHTS_I8) return k << 3;
  return format == WEIGHTS_I2 ? k << 1 : k << 2;
}

/** Bytes before the weights of a block. */
export function blockHead(hasZeroPoints: bool): usize {
  return hasZeroPoints ? SCALES + ZERO_POINTS : SCALES;
}

/** One byte a weight, per 4 k 8 columns × 4, from the weights of one block; `table` has the 16 values of a codebook. */
function unpack(format: u32, w: usize, k: usize, table: usize, to: usize): void {
  if (ASC_FEATURE_SIMD) {
    const low = i8x16.splat(15);
    if (format == WEIGHTS_I2) {
      const crumb = i8x16.splat(3);
      for (let i: usize = 0; i < k; i += 8) {
        const v = v128.load(w);
        v128.store(to, v128.and(v, crumb));
        v128.store(to, v128.and(i16x8.shr_u(v, 2), crumb), 16);
        v128.store(to, v128.and(i16x8.shr_u(v, 4), crumb), 32);
        v128.store(to, v128.and(i16x8.shr_u(v, 6), crumb), 48);
        w += 16;
        to += 64;
      }
      return;
    }
    const values = v128.load(table);
    for (let i: usize = 0; i < k; i += 4) {
      const v = v128.load(w);
      let a = v128.and(v, low);
      let b = v128.and(i16x8.shr_u(v, 4), low);
      if (format == WEIGHTS_CODEBOOK) {
        a = i8x16.swizzle(values, a);
        b = i8x16.swizzle(values, b);
      }
      v128.store(to, a);
      v128.store(to, b, 16);
      w += 16;
      to += 32;
    }
  } else {
    const planes: usize = format == WEIGHTS_I2 ? 4 : 2;
    const bits: u32 = format == WEIGHTS_I2 ? 2 : 4;
    const mask: u32 = (<u32>1 << bits) - 1;
    const bytes = blockBytes(format, k);
    for (let i: usize = 0; i < bytes; i += 16) {
      for (let plane: usize = 0; plane < planes; plane++) {
        for (let j: usize = 0; j < 16; j++) {
          const u = (<u32>load<u8>(w + i + j) >> (<u32>plane * bits)) & mask;
          store<u8>(to + j, format == WEIGHTS_CODEBOOK ? load<u8>(table + u) : <u8>u);
        }
        to += 16;
      }
    }
  }
}

/** sums[row] += scale · (block's int32 sums). */
// @ts-ignore: decorator
@inline
function flush(at: usize, lo: v128, hi: v128, scales: usize): void {
  v128.store(at, f32x4.add(v128.load(at), f32x4.mul(f32x4.convert_i32x4_s(lo), v128.load(scales))));
  v128.store(at, f32x4.add(v128.load(at, 16), f32x4.mul(f32x4.convert_i32x4_s(hi), v128.load(scales, 16))), 16);
}

/** −Σ q · zero point, where a block's int32 sums begin. */
// @ts-ignore: decorator
@inline
function start(points: v128, rowSum: usize): v128 {
  return i32x4.mul(points, i32x4.splat(-load<i32>(rowSum)));
}

/**
 * One block of k, of unpacked weights `w`, onto the sums of rows a0…a3; `s0`… point at their Σ q of this block.
 * `narrow` (a literal): the weights lie in 0…15, and int16 sums do.
 */
// @ts-ignore: decorator
@inline
function block4(
  narrow: bool, w: usize, k: usize, a0: usize, a1: usize, a2: usize, a3: usize,
  s0: usize, s1: usize, s2: usize, s3: usize, zlo: v128, zhi: v128, scales: usize
): void {
  let p0 = start(zlo, s0);
  let q0 = start(zhi, s0);
  let p1 = start(zlo, s1);
  let q1 = start(zhi, s1);
  let p2 = start(zlo, s2);
  let q2 = start(zhi, s2);
  let p3 = start(zlo, s3);
  let q3 = start(zhi, s3);
  if (ASC_FEATURE_RELAXED_SIMD && narrow) {
    for (let from: usize = 0; from < k; from += NARROW_STEPS << 2) {
      const to = from + (NARROW_STEPS << 2) < k ? from + (NARROW_STEPS << 2) : k;
      let c0 = i16x8.splat(0);
      let d0 = c0;
      let c1 = c0;
      let d1 = c0;
      let c2 = c0;
      let d2 = c0;
      let c3 = c0;
      let d3 = c0;
      for (let i = from; i < to; i += 4) {
        const wlo = v128.load(w);
        const whi = v128.load(w, 16);
        w += 32;
        const x0 = v128.load32_splat(a0 + i);
        c0 = i16x8.add(c0, i16x8.relaxed_dot_i8x16_i7x16_s(x0, wlo));
        d0 = i16x8.add(d0, i16x8.relaxed_dot_i8x16_i7x16_s(x0, whi));
        const x1 = v128.load32_splat(a1 + i);
        c1 = i16x8.add(c1, i16x8.relaxed_dot_i8x16_i7x16_s(x1, wlo));
        d1 = i16x8.add(d1, i16x8.relaxed_dot_i8x16_i7x16_s(x1, whi));
        const x2 = v128.load32_splat(a2 + i);
        c2 = i16x8.add(c2, i16x8.relaxed_dot_i8x16_i7x16_s(x2, wlo));
        d2 = i16x8.add(d2, i16x8.relaxed_dot_i8x16_i7x16_s(x2, whi));
        const x3 = v128.load32_splat(a3 + i);
        c3 = i16x8.add(c3, i16x8.relaxed_dot_i8x16_i7x16_s(x3, wlo));
        d3 = i16x8.add(d3, i16x8.relaxed_dot_i8x16_i7x16_s(x3, whi));
      }
      p0 = i32x4.add(p0, i32x4.extadd_pairwise_i16x8_s(c0));
      q0 = i32x4.add(q0, i32x4.extadd_pairwise_i16x8_s(d0));
      p1 = i32x4.add(p1, i32x4.extadd_pairwise_i16x8_s(c1));
      q1 = i32x4.add(q1, i32x4.extadd_pairwise_i16x8_s(d1));
      p2 = i32x4.add(p2, i32x4.extadd_pairwise_i16x8_s(c2));
      q2 = i32x4.add(q2, i32x4.extadd_pairwise_i16x8_s(d2));
      p3 = i32x4.add(p3, i32x4.extadd_pairwise_i16x8_s(c3));
      q3 = i32x4.add(q3, i32x4.extadd_pairwise_i16x8_s(d3));
    }
  } else {
    for (let i: usize = 0; i < k; i += 4) {
      const wlo = v128.load(w);
      const whi = v128.load(w, 16);
      w += 32;
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
  flush(sums, p0, q0, scales);
  flush(sums + 32, p1, q1, scales);
  flush(sums + 64, p2, q2, scales);
  flush(sums + 96, p3, q3, scales);
}

/** One row of one block, straight from weights of 4 bits or, with `isCrumbs`, a literal, of 2. */
// @ts-ignore: decorator
@inline
function block1Bits(isCrumbs: bool, w: usize, k: usize, a: usize, s: usize, zlo: v128, zhi: v128, scales: usize): void {
  let p = start(zlo, s);
  let q = start(zhi, s);
  if (!ASC_FEATURE_RELAXED_SIMD) {
    const nibble = i16x8.splat(isCrumbs ? 3 : 15);
    const half: i32 = isCrumbs ? 2 : 4;
    let v = nibble;
    for (let i: usize = 0; i < k; i += 4) {
      if (isCrumbs && (i & 4) != 0) {
        v = i16x8.shr_u(v, 4);
      } else {
        v = v128.load(w);
        w += 16;
      }
      const x = v128.load32_splat(a + i);
      const e = evens(x);
      const o = odds(x);
      p = accumulate(p, v128.and(v, nibble), v128.and(i16x8.shr_u(v, 8), nibble), e, o);
      const last = i16x8.shr_u(v, 8 + half);
      q = accumulate(q, v128.and(i16x8.shr_u(v, half), nibble), isCrumbs ? v128.and(last, nibble) : last, e, o);
    }
    flush(sums, p, q, scales);
    return;
  }
  const low = i8x16.splat(isCrumbs ? 3 : 15);
  const half: i32 = isCrumbs ? 2 : 4;
  for (let from: usize = 0; from < k; from += NARROW_STEPS << 2) {
    const to = from + (NARROW_STEPS << 2) < k ? from + (NARROW_STEPS << 2) : k;
    let c = i16x8.splat(0);
    let d = i16x8.splat(0);
    for (let i = from; i < to; i += 8) {
      const v0 = v128.load(w);
      const v1 = isCrumbs ? i16x8.shr_u(v0, 4) : v128.load(w, 16);
      w += isCrumbs ? 16 : 32;
      const x0 = v128.load32_splat(a + i);
      const x1 = v128.load32_splat(a + i, 4);
      c = i16x8.add(c, i16x8.relaxed_dot_i8x16_i7x16_s(x0, v128.and(v0, low)));
      d = i16x8.add(d, i16x8.relaxed_dot_i8x16_i7x16_s(x0, v128.and(i16x8.shr_u(v0, half), low)));
      c = i16x8.add(c, i16x8.relaxed_dot_i8x16_i7x16_s(x1, v128.and(v1, low)));
      d = i16x8.add(d, i16x8.relaxed_dot_i8x16_i7x16_s(x1, v128.and(i16x8.shr_u(v1, half), low)));
    }
    p = i32x4.add(p, i32x4.extadd_pairwise_i16x8_s(c));
    q = i32x4.add(q, i32x4.extadd_pairwise_i16x8_s(d));
  }
  flush(sums, p, q, scales);
}

/** One row of one block of unpacked weights. */
function block1(w: usize, k: usize, a: usize, s: usize, z: usize, zeroPoint: i32, scales: usize): void {
  if (ASC_FEATURE_SIMD) {
    let p = start(zeroPoints(z, zeroPoint, 0), s);
    let q = start(zeroPoints(z, zeroPoint, 4), s);
    for (let i: usize = 0; i < k; i += 4) {
      const wlo = v128.load(w);
      const whi = v128.load(w, 16);
      w += 32;
      const x = v128.load32_splat(a + i);
      const e = evens(x);
      const o = odds(x);
      p = accumulate(p, evens(wlo), odds(wlo), e, o);
      q = accumulate(q, evens(whi), odds(whi), e, o);
    }
    flush(sums, p, q, scales);
  } else {
    const rowSum = load<i32>(s);
    for (let j: usize = 0; j < NR; j++) {
      let acc: i32 = -rowSum * (z ? <i32>load<i8>(z + j) : zeroPoint);
      for (let i: usize = 0; i < k; i++)
        acc += <i32>load<i8>(a + i) * <i32>load<i8>(w + ((i & ~3) << 3) + (j << 2) + (i & 3));
      const at = sums + (j << 2);
      store<f32>(at, load<f32>(at) + <f32>acc * load<f32>(scales + (j << 2)));
    }
  }
}

/** Four zero points from `z`, or `otherwise` where the blocks have none. */
// @ts-ignore: decorator
@inline
function zeroPoints(z: usize, otherwise: i32, from: usize): v128 {
  if (z == 0) return i32x4.splat(otherwise);
  return i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(z + from)));
}

/** y = clamp(scale · (sum − zeroPoint · weight sum) + bias) of a row's first `count` columns. */
function finish(at: usize, row: usize, weightSums: usize, bias: usize, lo: f32, hi: f32, y: usize, count: usize): void {
  const scale = load<f32>(row);
  const zeroPoint = load<f32>(row, 4);
  for (let j: usize = 0; j < count << 2; j += 4) {
    const centred = load<f32>(at + j) - zeroPoint * load<f32>(weightSums + j);
    let v = scale * centred + load<f32>(bias + j);
    v = v < lo ? lo : v;
    v = hi < v ? hi : v;
    store<f32>(y + j, v);
  }
}

/**
 * y[m,n] = clamp(scaleₘ · (Σ_blocks scale[b,n] · Σₖ q[m,k]·(w[n,k] − z) − zeroPointₘ · weightSums[n]) + bias[n])
 * `rows`: m rows of qd8_quantize_row, `stride` bytes apart. w: per 8 columns and block a head and its weights.
 * `panel`: room for 8 × k bytes. `table`: a codebook's 16 values. Equals test/reference/dynamic.ts bit for bit.
 */
export function qd8_f32_gemm(
  format: u32, m: usize, n: usize, k: usize, blockSize: usize, hasZeroPoints: bool, zeroPoint: i32, rows: usize,
  stride: usize, w: usize, table: usize, weightSums: usize, bias: usize, lo: f32, hi: f32, panel: usize, y: usize
): void {
  const padded = (k + 7) & ~7;
  const head = blockHead(hasZeroPoints);
  const isNarrow = format == WEIGHTS_I4 || format == WEIGHTS_I2;
  const direct = ASC_FEATURE_SIMD && isNarrow && m < 3;
  const columnBytes = ((padded + blockSize - 1) / blockSize) * head + blockBytes(format, padded);
  for (let c: usize = 0; c < n; c += NR) {
    const left = n - c < NR ? n - c : NR;
    if (!direct && format != WEIGHTS_I8) {
      let from = w;
      for (let b: usize = 0; b < padded; b += blockSize) {
        const length = b + blockSize < padded ? blockSize : padded - b;
        unpack(format, from + head, length, table, panel + (b << 3));
        from += head + blockBytes(format, length);
      }
    }
    let r: usize = 0;
    while (r < m) {
      const last: usize = ASC_FEATURE_SIMD && !direct && m - r > 1 ? (m - r < 4 ? m - r : 4) - 1 : 0;
      const r0 = rows + r * stride;
      const r1 = last > 0 ? r0 + stride : r0;
      const r2 = last > 1 ? r1 + stride : r1;
      const r3 = last > 2 ? r2 + stride : r2;
      fillBytes(sums, 0, 128);
      let from = w;
      let sumAt = ROW_HEAD + padded;
      for (let b: usize = 0; b < padded; b += blockSize) {
        const length = b + blockSize < padded ? blockSize : padded - b;
        const z = hasZeroPoints ? from + SCALES : 0;
        const at = ROW_HEAD + b;
        const values = format == WEIGHTS_I8 ? from + head : panel + (b << 3);
        if (ASC_FEATURE_SIMD && last > 0) {
          const zlo = zeroPoints(z, zeroPoint, 0);
          const zhi = zeroPoints(z, zeroPoint, 4);
          if (ASC_FEATURE_RELAXED_SIMD && isNarrow)
            block4(
              true, values, length, r0 + at, r1 + at, r2 + at, r3 + at,
              r0 + sumAt, r1 + sumAt, r2 + sumAt, r3 + sumAt, zlo, zhi, from
            );
          else
            block4(
              false, values, length, r0 + at, r1 + at, r2 + at, r3 + at,
              r0 + sumAt, r1 + sumAt, r2 + sumAt, r3 + sumAt, zlo, zhi, from
            );
        } else if (ASC_FEATURE_SIMD && direct) {
          const zlo = zeroPoints(z, zeroPoint, 0);
          const zhi = zeroPoints(z, zeroPoint, 4);
          if (format == WEIGHTS_I2) block1Bits(true, from + head, length, r0 + at, r0 + sumAt, zlo, zhi, from);
          else block1Bits(false, from + head, length, r0 + at, r0 + sumAt, zlo, zhi, from);
        } else block1(values, length, r0 + at, r0 + sumAt, z, zeroPoint, from);
        from += head + blockBytes(format, length);
        sumAt += 4;
      }
      for (let i: usize = 0; i <= last; i++)
        finish(
          sums + (i << 5), r0 + i * stride, weightSums + (c << 2), bias + (c << 2), lo, hi,
          y + (((r + i) * n + c) << 2), left
        );
      r += last + 1;
    }
    w += columnBytes;
  }
}

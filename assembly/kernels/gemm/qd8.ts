/** float32 activations, quantized row by row as they come, × weights of 8, 4 or 2 bits in blocks: qd8_f32_qb4w and its kin. */

import { NR, WEIGHTS_CODEBOOK, WEIGHTS_I2, WEIGHTS_I4, WEIGHTS_I8 } from "../../codes";
import { copyBytes, fillOver } from "../../simd/copy";
import { dotFlip, usesDot } from "../../simd/dot";
import { blockSums, GROUP_HEAD, GROUP_ROWS, rowStep } from "./qd8-row";
import { row_1x8, row_scalar } from "./qd8-single";
import { SCALES, rows_4x8, sums } from "./qd8-tiles";

/** Behind a block's scales, with block zero points: 8 bytes and 8 free ones. */
const ZERO_POINTS: usize = 16;

/** Bytes of the weights of 8 columns × `k` in `format`, k a multiple of 8. */
export function blockBytes(format: u32, k: usize): usize {
  if (format == WEIGHTS_I8) return k << 3;
  return format == WEIGHTS_I2 ? k << 1 : k << 2;
}

/** Bytes before the weights of a block. */
export function blockHead(hasZeroPoints: bool): usize {
  return hasZeroPoints ? SCALES + ZERO_POINTS : SCALES;
}

/** The bits of a narrow weight in every byte. Not a constant: V8 would make that anew at each use. */
// @ts-ignore: decorator
@inline
function maskOf(format: u32): v128 {
  return i8x16.splat(format == WEIGHTS_I2 ? 3 : 15);
}

/** What weights of `format` are xored with as the second operand of the dot product; their zero points grow by −weightFlip. */
export function weightFlip(format: u32): i8 {
  return ASC_FEATURE_RELAXED_SIMD && (format == WEIGHTS_I8 || format == WEIGHTS_CODEBOOK) && usesDot() ? dotFlip() : 0;
}

/** One byte a weight, per 4 k 8 columns × 4, from the weights of one block; `table` has the 16 values of a codebook. */
function unpack(format: u32, w: usize, k: usize, table: usize, to: usize): void {
  if (ASC_FEATURE_SIMD) {
    const low = maskOf(format);
    if (format == WEIGHTS_I2) {
      for (let i: usize = 0; i < k; i += 8) {
        const v = v128.load(w);
        v128.store(to, v128.and(v, low));
        v128.store(to, v128.and(i16x8.shr_u(v, 2), low), 16);
        v128.store(to, v128.and(i16x8.shr_u(v, 4), low), 32);
        v128.store(to, v128.and(i16x8.shr_u(v, 6), low), 48);
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
        a = ASC_FEATURE_RELAXED_SIMD ? i8x16.relaxed_swizzle(values, a) : i8x16.swizzle(values, a);
        b = ASC_FEATURE_RELAXED_SIMD ? i8x16.relaxed_swizzle(values, b) : i8x16.swizzle(values, b);
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

/**
 * y = clamp(scale · (sum − zeroPoint · weight sum) + bias) of some rows' first `count` columns, whose sums lie 32 bytes apart;
 * spoils them. `row`: scale and zero point of the first.
 */
function finish(
  rows: usize, row: usize, weightSums: usize, bias: usize, lo: f32, hi: f32, y: usize, stride: usize, count: usize
): void {
  const end = count << 2;
  for (let at = sums; rows > 0; rows--) {
    const scale = load<f32>(row);
    const zeroPoint = load<f32>(row, 4);
    if (ASC_FEATURE_SIMD) {
      for (let j: usize = 0; j < end; j += 16) {
        const offset = f32x4.mul(f32x4.splat(zeroPoint), v128.load(weightSums + j));
        const centred = f32x4.sub(v128.load(at + j), offset);
        let v = f32x4.add(f32x4.mul(f32x4.splat(scale), centred), v128.load(bias + j));
        v = f32x4.pmin(f32x4.pmax(v, f32x4.splat(lo)), f32x4.splat(hi));
        if (j + 16 <= end) v128.store(y + j, v);
        else {
          v128.store(at, v);
          copyBytes(y + j, at, end - j);
        }
      }
    } else {
      for (let j: usize = 0; j < end; j += 4) {
        const centred = load<f32>(at + j) - zeroPoint * load<f32>(weightSums + j);
        let v = scale * centred + load<f32>(bias + j);
        v = v < lo ? lo : v;
        v = hi < v ? hi : v;
        store<f32>(y + j, v);
      }
    }
    row += 8;
    at += NR << 2;
    y += stride;
  }
}

/**
 * y[m,n] = clamp(scaleₘ · (Σ_blocks scale[b,n] · Σₖ q[m,k]·(w[n,k] − z) − zeroPointₘ · weightSums[n]) + bias[n])
 * `rows`: m rows of qd8_quantize_row in groups `stride` bytes apart. w: per 8 columns and block a head and its weights.
 * `panel`: room for 8 × k bytes. `table`: a codebook's 16 values. Equals test/reference/dynamic.ts bit for bit.
 */
export function qd8_f32_gemm(
  format: u32, m: usize, n: usize, k: usize, blockSize: usize, hasZeroPoints: bool, rows: usize, stride: usize, w: usize,
  table: usize, weightSums: usize, bias: usize, lo: f32, hi: f32, panel: usize, y: usize
): void {
  const padded = (k + 7) & ~7;
  const head = blockHead(hasZeroPoints);
  const step = head + blockBytes(format, blockSize);
  const isNarrow = format == WEIGHTS_I4 || format == WEIGHTS_I2;
  const useDot = usesDot();
  const inPlace: usize = format == WEIGHTS_I8 ? head : 0;
  const isDirect = ASC_FEATURE_SIMD && m < 3;
  const flip = weightFlip(format);
  const unit = rowStep(format);
  const columnBytes = ((padded + blockSize - 1) / blockSize) * head + blockBytes(format, padded);
  for (let c: usize = 0; c < n; c += NR) {
    if (!isDirect && !inPlace) {
      for (let b: usize = 0, from = w + head; b < padded; b += blockSize, from += step)
        unpack(format, from, min(blockSize, padded - b), table, panel + (b << 3));
    }
    let r: usize = 0;
    while (r < m) {
      const group = rows + (r / GROUP_ROWS) * stride;
      const lane = r % GROUP_ROWS;
      const taken: usize = ASC_FEATURE_SIMD && !isDirect ? min(m - r, GROUP_ROWS) : 1;
      const a = group + GROUP_HEAD + lane * unit;
      const end = a + padded * unit;
      const s = blockSums(group, padded) + (lane << 2);
      if (ASC_FEATURE_SIMD) {
        // Four rows on int16 sums cost less than one on the 2-way dot product.
        const isHalf = ASC_FEATURE_RELAXED_SIMD && isNarrow && !useDot;
        if (isDirect) row_1x8(format, useDot, flip, a, end, blockSize * unit, s, w, w, step, hasZeroPoints, head, table);
        else if (taken == 1 && !isHalf)
          row_1x8(WEIGHTS_I8, useDot, flip, a, end, blockSize * unit, s, panel, w, step, hasZeroPoints, inPlace, table);
        else {
          fillOver(sums, 0, 128);
          rows_4x8(isNarrow, useDot, flip, a, end, blockSize * unit, s, panel, w, step, hasZeroPoints, inPlace);
        }
      } else {
        fillOver(sums, 0, 32);
        row_scalar(a, end, blockSize * unit, s, panel, w, step, hasZeroPoints, inPlace);
      }
      finish(
        taken, group + (lane << 3), weightSums + (c << 2), bias + (c << 2), lo, hi, y + ((r * n + c) << 2), n << 2,
        min(n - c, NR)
      );
      r += taken;
    }
    w += columnBytes;
  }
}

/**
 * int8 depthwise convolution of 3 × 3 windows on the relaxed 4-way dot product, where that is exact outside 0…127: it sums one
 * channel's products over four rows, which two windows see that lie one below the other.
 */

import { NR } from "../../codes";
import { preparedRows } from "../../engine/model";
import { dotFlip } from "../../simd/dot";
import { ceilingOf, floorOf, offsetOf, rounder, singleWords } from "../../simd/requantize";

// @ts-ignore: decorator
@inline
function zipLow(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

// @ts-ignore: decorator
@inline
function zipHigh(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/**
 * The first `bytes`, a multiple of eight, of the rows at the four u32 addresses `taps`, by turns; sign bits are flipped where the
 * dot product reads bytes as unsigned.
 */
export function interleaveRows(taps: usize, bytes: usize, to: usize): void {
  if (!ASC_FEATURE_RELAXED_SIMD) return;
  const flip = i8x16.splat(dotFlip());
  let row0: usize = load<u32>(taps);
  let row1: usize = load<u32>(taps, 4);
  let row2: usize = load<u32>(taps, 8);
  let row3: usize = load<u32>(taps, 12);
  for (const end = row0 + bytes; row0 < end; row0 += 8) {
    const a = v128.xor(zipLow(v128.load64_zero(row0), v128.load64_zero(row2)), flip);
    const b = v128.xor(zipLow(v128.load64_zero(row1), v128.load64_zero(row3)), flip);
    v128.store(to, zipLow(a, b));
    v128.store(to, zipHigh(a, b), 16);
    row1 += 8;
    row2 += 8;
    row3 += 8;
    to += 32;
  }
}

// @ts-ignore: decorator
@inline
function dot(w: v128, x: v128, sum: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, sum);
}

/** Of every four channels the bias, then for each column of the window three weights and 0, to 16 bytes per channel at `to`. */
export function layOut(channels: usize, w: usize, bias: usize, to: usize): void {
  if (!ASC_FEATURE_RELAXED_SIMD) return;
  const flip = i8x16.splat(dotFlip());
  const low = i32x4.splat(255);
  for (let c: usize = 0; c < channels; c += 4) {
    // Of each channel two taps; the tenth weighs nothing.
    const t01 = v128.load16x4_u(w);
    const t23 = v128.load16x4_u(w, 16);
    const t45 = v128.load16x4_u(w, 32);
    const t67 = v128.load16x4_u(w, 48);
    const t8 = v128.load16x4_u(w, 64);
    const w0 = v128.or(v128.bitselect(t01, t23, low), i32x4.shl(v128.and(t67, low), 16));
    const w1 = v128.or(
      v128.or(i32x4.shr_u(t01, 8), i32x4.shl(v128.and(t45, low), 8)), i32x4.shl(i32x4.shr_u(t67, 8), 16)
    );
    const w2 = v128.or(v128.bitselect(t23, t45, low), i32x4.shl(t8, 16));
    v128.store(to, w0, 16);
    v128.store(to, w1, 32);
    v128.store(to, w2, 48);
    // Flipped bits add 128 to each value.
    v128.store(to, i32x4.sub(v128.load(bias), dot(w0, flip, dot(w1, flip, dot(w2, flip, i32x4.splat(0))))));
    w += c & 4 ? 9 * NR : 8;
    bias += 16;
    to += 64;
  }
}

/**
 * Two output rows of qs8_qc8w_dwconv, `rowBytes` apart (0: only the first is there), with one rounding, weights without a zero
 * point, whole eights of channels, strides and dilations of 1. x: the four rows that they see, interleaved; `preparedRows`: layOut.
 */
export function qs8_qc8w_dwconv_dot(
  record: usize, pixels: usize, channels: usize, x: usize, requant: usize, y: usize, rowBytes: usize
): void {
  if (!ASC_FEATURE_RELAXED_SIMD) return;
  const floor = floorOf(record);
  const ceiling = ceilingOf(record);
  const magic = rounder();
  const zero = offsetOf(record);
  let prepared = preparedRows;
  const step = channels << 2;
  for (let c: usize = 0; c < channels; c += 4) {
    const sum = v128.load(prepared);
    const w0 = v128.load(prepared, 16);
    const w1 = v128.load(prepared, 32);
    const w2 = v128.load(prepared, 48);
    const v0 = i32x4.shl(w0, 8);
    const v1 = i32x4.shl(w1, 8);
    const v2 = i32x4.shl(w2, 8);
    const scale = v128.load(requant);
    let from = x;
    let to = y + c;
    for (const end = to + pixels * channels; to < end; to += channels) {
      let r = v128.load(from);
      let p = dot(w0, r, sum);
      let q = dot(v0, r, sum);
      r = v128.load(from + step);
      p = dot(w1, r, p);
      q = dot(v1, r, q);
      r = v128.load(from + (step << 1));
      p = dot(w2, r, p);
      q = dot(v2, r, q);
      const words = singleWords(p, q, scale, scale, floor, magic, zero);
      const out = i8x16.min_s(i8x16.narrow_i16x8_s(words, words), ceiling);
      v128.store32_lane(to + rowBytes, out, 1);
      v128.store32_lane(to, out, 0);
      from += step;
    }
    prepared += 64;
    requant += 16;
    x += 16;
  }
}

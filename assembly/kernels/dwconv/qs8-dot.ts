/**
 * int8 depthwise convolution of 3 × 3 windows on the relaxed 4-way dot product, where that is exact outside 0…127: it sums one
 * channel's products over four rows, which two windows see that lie one below the other.
 */

import { NR } from "../../codes";
import { C_PAD_VALUE } from "../../records";
import { i32At } from "../../engine/model";
import { fillOver } from "../../simd/copy";
import { dotFlip } from "../../simd/dot";
import { ceilingOf, floorOf, offsetOf, rounder, singleWords } from "../../simd/requantize";

/**
 * The rows at the four u32 addresses `taps` by fours: `left` bytes of padding, `middle` bytes of each row, `right` of padding.
 * Sign bits are flipped where the dot product reads bytes as unsigned. Reads ≤ 15 bytes past the rows and writes ≤ 64 past `to`.
 */
export function interleaveRows(record: usize, taps: usize, left: usize, middle: usize, right: usize, to: usize): void {
  if (!ASC_FEATURE_RELAXED_SIMD) return;
  const pad = ((i32At(record, C_PAD_VALUE) ^ dotFlip()) & 255) * 0x01010101;
  const flip = i8x16.splat(dotFlip());
  fillOver(to, pad, left << 2);
  to += left << 2;
  let row0: usize = load<u32>(taps);
  let row1: usize = load<u32>(taps, 4);
  let row2: usize = load<u32>(taps, 8);
  let row3: usize = load<u32>(taps, 12);
  const after = to + (middle << 2);
  for (; to < after; to += 64) {
    const a = v128.xor(v128.load(row0), flip);
    const b = v128.xor(v128.load(row1), flip);
    const c = v128.xor(v128.load(row2), flip);
    const d = v128.xor(v128.load(row3), flip);
    const ab = v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const cd = v128.shuffle<i8>(c, d, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    v128.store(to, v128.shuffle<i16>(ab, cd, 0, 8, 1, 9, 2, 10, 3, 11));
    v128.store(to, v128.shuffle<i16>(ab, cd, 4, 12, 5, 13, 6, 14, 7, 15), 16);
    const ef = v128.shuffle<i8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    const gh = v128.shuffle<i8>(c, d, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    v128.store(to, v128.shuffle<i16>(ef, gh, 0, 8, 1, 9, 2, 10, 3, 11), 32);
    v128.store(to, v128.shuffle<i16>(ef, gh, 4, 12, 5, 13, 6, 14, 7, 15), 48);
    row0 += 16;
    row1 += 16;
    row2 += 16;
    row3 += 16;
  }
  fillOver(after, pad, right << 2);
}

// @ts-ignore: decorator
@inline
function dot(w: v128, x: v128, sum: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, sum);
}

/**
 * Two output rows of qs8_qc8w_dwconv, `rowBytes` apart (0: only the first is there), with one rounding, weights without a zero
 * point, whole eights of channels, and a stride of 1. x: interleaved rows.
 */
export function qs8_qc8w_dwconv_dot(
  record: usize, pixels: usize, channels: usize, x: usize, w: usize, bias: usize, requant: usize, y: usize, rowBytes: usize
): void {
  if (!ASC_FEATURE_RELAXED_SIMD) return;
  const floor = floorOf(record);
  const ceiling = ceilingOf(record);
  const magic = rounder();
  const zero = offsetOf(record);
  const flip = i8x16.splat(dotFlip());
  const step = channels << 2;
  for (let c: usize = 0; c < channels; c += 4) {
    // Of each channel two taps, as int32.
    const t01 = v128.load16x4_u(w);
    const t23 = v128.load16x4_u(w, 16);
    const t45 = v128.load16x4_u(w, 32);
    const t67 = v128.load16x4_u(w, 48);
    const low = i32x4.splat(255);
    // The weights of each column below 0, for the second row, and above 0 for the first.
    const v0 = i32x4.shl(v128.or(v128.bitselect(t01, t23, low), i32x4.shl(t67, 16)), 8);
    const v1 = i32x4.shl(
      v128.or(v128.or(i32x4.shr_u(t01, 8), i32x4.shl(v128.and(t45, low), 8)), i32x4.shl(i32x4.shr_u(t67, 8), 16)), 8
    );
    const v2 = i32x4.shl(v128.or(v128.bitselect(t23, t45, low), i32x4.shl(v128.load16x4_u(w, 64), 16)), 8);
    const w0 = i32x4.shr_u(v0, 8);
    const w1 = i32x4.shr_u(v1, 8);
    const w2 = i32x4.shr_u(v2, 8);
    // Flipped bits add 128 to each value.
    const sum = i32x4.sub(v128.load(bias), dot(w0, flip, dot(w1, flip, dot(w2, flip, i32x4.splat(0)))));
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
    // The other four of eight channels lie eight bytes on.
    w += c & 4 ? 9 * NR : 8;
    bias += 16;
    requant += 16;
    x += 16;
  }
}

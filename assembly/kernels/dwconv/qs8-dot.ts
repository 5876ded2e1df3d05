/**
 * int8 depthwise convolution of 3 × 3 windows on the relaxed 4-way dot product, where that is exact outside 0…127: it sums one
 * channel's products over four rows, which two windows share that lie one below the other.
 */

import { NR } from "../../codes";
import { dotFlip } from "../../simd/dot";
import { ceilingOf, floorOf, offsetOf, rounder, singleWords } from "../../simd/requantize";

// @ts-ignore: decorator
@inline
function dot(w: v128, x: v128, sum: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, sum);
}

/** The bytes of a and b by turns. */
// @ts-ignore: decorator
@inline
function zip(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

/** Four channels of a pixel in each of four rows. */
// @ts-ignore: decorator
@inline
function column(x0: usize, x1: usize, x2: usize, x3: usize, flip: v128): v128 {
  return v128.xor(
    zip(
      zip(v128.load32_zero(x0), v128.load32_zero(x2)),
      zip(v128.load32_zero(x1), v128.load32_zero(x3))
    ),
    flip
  );
}

/**
 * Two output rows of qs8_qc8w_dwconv, `rowBytes` apart (0: only the first is there), with one rounding, weights without a zero
 * point, whole eights of channels, and a stride of 1. `taps`: u32 addresses of the four rows that they see.
 */
export function qs8_qc8w_dwconv_dot(
  record: usize, pixels: usize, channels: usize, taps: usize, w: usize, bias: usize, requant: usize, y: usize, rowBytes: usize
): void {
  if (!ASC_FEATURE_RELAXED_SIMD) return;
  const floor = floorOf(record);
  const ceiling = ceilingOf(record);
  const magic = rounder();
  const zero = offsetOf(record);
  const flip = i8x16.splat(dotFlip());
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
    let x0 = <usize>load<u32>(taps) + c;
    let x1 = <usize>load<u32>(taps, 4) + c;
    let x2 = <usize>load<u32>(taps, 8) + c;
    let x3 = <usize>load<u32>(taps, 12) + c;
    let a = column(x0, x1, x2, x3, flip);
    let b = column(x0 + channels, x1 + channels, x2 + channels, x3 + channels, flip);
    x0 += channels << 1;
    x1 += channels << 1;
    x2 += channels << 1;
    x3 += channels << 1;
    let to = y + c;
    for (const end = to + pixels * channels; to < end; to += channels) {
      const d = column(x0, x1, x2, x3, flip);
      const words = singleWords(
        dot(w2, d, dot(w1, b, dot(w0, a, sum))), dot(v2, d, dot(v1, b, dot(v0, a, sum))), scale, scale, floor, magic, zero
      );
      const out = i8x16.min_s(i8x16.narrow_i16x8_s(words, words), ceiling);
      v128.store32_lane(to + rowBytes, out, 1);
      v128.store32_lane(to, out, 0);
      a = b;
      b = d;
      x0 += channels;
      x1 += channels;
      x2 += channels;
      x3 += channels;
    }
    // The other four of eight channels lie eight bytes on.
    w += c & 4 ? 9 * NR : 8;
    bias += 16;
    requant += 16;
  }
}

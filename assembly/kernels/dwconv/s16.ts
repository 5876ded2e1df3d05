/** Depthwise sums of int16 and int8. */

import { I_DILATION_H, I_DILATION_W, I_H, I_KERNEL_H, I_KERNEL_W, I_W } from "../../records";
import { u32At } from "../../engine/model";

/**
 * to[c] = Σ x[tap][c] · w[tap][c], int32, over the taps of one output pixel inside the image; the first is at (top, left),
 * unsigned: what lies before the image is beyond it. At most MOST_TAPS taps. Reads up to 14 bytes past x and 7 past w,
 * writes up to 28 past the channels.
 */
export function s16_dwconv_row(record: usize, x: usize, w: usize, channels: usize, top: u32, left: u32, to: usize): void {
  const height = u32At(record, I_H);
  const width = u32At(record, I_W);
  const kernelW = u32At(record, I_KERNEL_W);
  const taps = u32At(record, I_KERNEL_H) * kernelW;
  for (let c: usize = 0; c < channels; c += ASC_FEATURE_SIMD ? 8 : 1) {
    if (ASC_FEATURE_SIMD) {
      v128.store(to + (c << 2), i32x4.splat(0));
      v128.store(to + (c << 2), i32x4.splat(0), 16);
    } else {
      store<i32>(to + (c << 2), 0);
    }
  }
  for (let tap: u32 = 0; tap < taps; tap++) {
    const h = top + (tap / kernelW) * u32At(record, I_DILATION_H);
    const v = left + (tap % kernelW) * u32At(record, I_DILATION_W);
    if (h < height && v < width) {
      const pixel = x + ((<usize>(h * width + v) * channels) << 1);
      for (let c: usize = 0; c < channels; c += ASC_FEATURE_SIMD ? 8 : 1) {
        const sum = to + (c << 2);
        if (ASC_FEATURE_SIMD) {
          const a = v128.load(pixel + (c << 1));
          const b = v128.load8x8_s(w + c);
          v128.store(sum, i32x4.add(v128.load(sum), i32x4.extmul_low_i16x8_s(a, b)));
          v128.store(sum, i32x4.add(v128.load(sum, 16), i32x4.extmul_high_i16x8_s(a, b)), 16);
        } else {
          store<i32>(sum, load<i32>(sum) + <i32>load<i16>(pixel + (c << 1)) * <i32>load<i8>(w + c));
        }
      }
    }
    w += channels;
  }
}

/** int8 depthwise convolution, per-channel requantization: qs8_qc8w_dwconv. Lanes are channels. */

import { M_MAX, M_MIN, M_ROUNDING, M_WEIGHT_ZERO_POINT, M_ZERO_POINT, NR } from "../../records";
import { roundingAt } from "../../engine/kept";
import { i32At } from "../../engine/model";
import { storeOne, storeRow } from "../../simd/requantize";

/**
 * Neighbouring output pixels: y[p,c] = requantize(bias[c] + Σₜ x[t][p·step + c]·(w[t][c] − weightZeroPoint))
 * `taps`: `pairs`·2 u32 addresses of the first pixel's channel rows. w: per 8 channels `pairs` blocks of 8 channels × 2 taps (i8).
 * bias, requant: channels padded to 8. Reads ≤ 7 bytes past each row; writes exactly `channels` bytes.
 * Equals test/reference/conv.ts bit for bit.
 */
export function qs8_qc8w_dwconv(
  record: usize, pixels: usize, step: usize, channels: usize, taps: usize, pairs: usize, w: usize, bias: usize,
  requant: usize, shiftsAfter: usize, y: usize
): void {
  const rounding = roundingAt(record, M_ROUNDING);
  const zeroPoint = i32At(record, M_ZERO_POINT);
  const min = i32At(record, M_MIN);
  const max = i32At(record, M_MAX);
  const wz = i32At(record, M_WEIGHT_ZERO_POINT);
  const end = taps + (pairs << 3);
  let shift: usize = 0;
  for (const last = pixels * step; shift < last; shift += step) {
    let wp = w;
    for (let c: usize = 0; c < channels; c += NR) {
      const at = shift + c;
      if (ASC_FEATURE_SIMD) {
        let p = v128.load(bias + (c << 2));
        let q = v128.load(bias + (c << 2), 16);
        const offset = i16x8.splat(<i16>wz);
        for (let t = taps; t < end; t += 8) {
          const x = v128.load64_zero(<usize>load<u32>(t) + at);
          const z = v128.load64_zero(<usize>load<u32>(t, 4) + at);
          const xz = i8x16.shuffle(x, z, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
          const wlo = i16x8.sub(v128.load8x8_s(wp), offset);
          const whi = i16x8.sub(v128.load8x8_s(wp, 8), offset);
          wp += NR * 2;
          p = i32x4.add(p, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(xz), wlo));
          q = i32x4.add(q, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(xz), whi));
        }
        storeRow(p, q, requant + (c << 2), shiftsAfter, rounding, zeroPoint, min, max, y + c, channels - c);
      } else {
        const columns = channels - c < NR ? channels - c : NR;
        for (let j: usize = 0; j < columns; j++) {
          let acc = load<i32>(bias + ((c + j) << 2));
          let p = wp + (j << 1);
          for (let t = taps; t < end; t += 8) {
            const x: i32 = load<i8>(<usize>load<u32>(t) + at + j);
            const z: i32 = load<i8>(<usize>load<u32>(t, 4) + at + j);
            const wx: i32 = load<i8>(p);
            const wy: i32 = load<i8>(p, 1);
            acc += x * (wx - wz) + z * (wy - wz);
            p += NR * 2;
          }
          storeOne(acc, requant + ((c + j) << 2), shiftsAfter, rounding, zeroPoint, min, max, y + c + j);
        }
        wp += pairs * (NR * 2);
      }
    }
    y += channels;
  }
}

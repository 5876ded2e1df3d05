/** int8 depthwise convolution, per-channel requantization: qs8_qc8w_dwconv. Lanes are channels. */

import { NR, ROUNDING_DOUBLE } from "../../codes";
import { M_MAX, M_MIN, M_ROUNDING, M_WEIGHT_ZERO_POINT, M_ZERO_POINT, W_KERNEL_W } from "../../records";
import { roundingAt } from "../../engine/kept";
import { i32At, u32At } from "../../engine/model";
import { ceilingOf, floorOf, offsetOf, rounder, storeOne, storeSome, storeWhole } from "../../simd/requantize";

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
  if (
    ASC_FEATURE_SIMD && pairs == 5 && u32At(record, W_KERNEL_W) == 3 && (channels & (NR - 1)) == 0 &&
    rounding != ROUNDING_DOUBLE
  ) {
    dwconv_3x3(record, pixels, step, channels, taps, w, bias, requant, y);
    return;
  }
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
        const s = requant + (c << 2);
        if (channels - c >= NR && rounding != ROUNDING_DOUBLE)
          storeWhole(p, q, s, floorOf(record), ceilingOf(record), rounder(), offsetOf(record), y + c);
        else storeSome(p, q, s, shiftsAfter, record, y + c, channels - c);
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

/** Four channels' weights of two taps, less their zero point. */
// @ts-ignore: decorator
@inline
function weightsAt(w: usize, offset: v128): v128 {
  return i16x8.sub(v128.load8x8_s(w), offset);
}

/** The two taps at x and z, of channels 0 … 3 beside those of 4 … 7. */
// @ts-ignore: decorator
@inline
function tapsAt(x: usize, z: usize): v128 {
  return i8x16.shuffle(
    v128.load64_zero(x), v128.load64_zero(z), 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
  );
}

// @ts-ignore: decorator
@inline
function addLow(sum: v128, taps: v128, w: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(taps), w));
}

// @ts-ignore: decorator
@inline
function addHigh(sum: v128, taps: v128, w: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(taps), w));
}

/** 3 × 3 windows, one rounding, whole eights of channels: each along the whole run of pixels, its weights widened once. */
function dwconv_3x3(
  record: usize, pixels: usize, step: usize, channels: usize, taps: usize, w: usize, bias: usize, requant: usize, y: usize
): void {
  if (!ASC_FEATURE_SIMD) return;
  const floor = floorOf(record);
  const ceiling = ceilingOf(record);
  const magic = rounder();
  const zero = offsetOf(record);
  const offset = i16x8.splat(<i16>i32At(record, M_WEIGHT_ZERO_POINT));
  const row0: usize = load<u32>(taps);
  const row1: usize = load<u32>(taps, 12);
  const row2: usize = load<u32>(taps, 24);
  const next = <usize>load<u32>(taps, 4) - row0;
  for (let c: usize = 0; c < channels; c += NR) {
    const l0 = weightsAt(w, offset);
    const h0 = weightsAt(w + 8, offset);
    const l1 = weightsAt(w + 16, offset);
    const h1 = weightsAt(w + 24, offset);
    const l2 = weightsAt(w + 32, offset);
    const h2 = weightsAt(w + 40, offset);
    const l3 = weightsAt(w + 48, offset);
    const h3 = weightsAt(w + 56, offset);
    const l4 = weightsAt(w + 64, offset);
    const h4 = weightsAt(w + 72, offset);
    w += 10 * NR;
    let x = row0 + c;
    let x1 = row1 + c;
    let x2 = row2 + c;
    let to = y + c;
    for (const end = x + pixels * step; x != end; x += step) {
      let p = v128.load(bias + (c << 2));
      let q = v128.load(bias + (c << 2), 16);
      let t = tapsAt(x, x + next);
      p = addLow(p, t, l0);
      q = addHigh(q, t, h0);
      t = tapsAt(x + (next << 1), x1);
      p = addLow(p, t, l1);
      q = addHigh(q, t, h1);
      t = tapsAt(x1 + next, x1 + (next << 1));
      p = addLow(p, t, l2);
      q = addHigh(q, t, h2);
      t = tapsAt(x2, x2 + next);
      p = addLow(p, t, l3);
      q = addHigh(q, t, h3);
      // The tenth tap weighs nothing.
      t = tapsAt(x2 + (next << 1), x2);
      p = addLow(p, t, l4);
      q = addHigh(q, t, h4);
      storeWhole(p, q, requant + (c << 2), floor, ceiling, magic, zero, to);
      x1 += step;
      x2 += step;
      to += channels;
    }
  }
}

/** Rows of float32 activations as int8, with a scale and zero point each; four rows lie interleaved. */

import { ROUNDING_SINGLE } from "../../codes";
import { f32_qs8_quantize, quantize4 } from "../vector/convert";
import { MAGIC_BITS, rounder } from "../../simd/requantize";

/** Rows in a group, which begins with their scales and zero points (f32), in pairs. */
export const GROUP_ROWS: usize = 4;
export const GROUP_HEAD: usize = 32;

/** Room for the lanes of a row's lowest and highest values. */
const bounds: usize = memory.data(32, 16);

/**
 * q = clamp(rint(x / scale) + zeroPoint) over one row of k values; scale spreads the row's range, 0 included, over
 * 255 steps. Writes the row `lane` of a group: its head, then k padded to 8 with zeros, four k of each row in turn, then
 * −Σ q · `weightPoint` of each block as i32. Finite in, finite out. Reads ≤ 28 bytes past the row.
 */
export function qd8_quantize_row(
  x: usize, k: usize, blockSize: usize, weightPoint: i32, group: usize, lane: usize
): void {
  let lo: f32 = 0;
  let hi: f32 = 0;
  let i: usize = 0;
  const end = k << 2;
  if (ASC_FEATURE_SIMD) {
    let vlo = f32x4.splat(0);
    let vhi = f32x4.splat(0);
    for (; i + 16 <= end; i += 16) {
      const v = v128.load(x + i);
      vlo = f32x4.pmin(vlo, v);
      vhi = f32x4.pmax(vhi, v);
    }
    v128.store(bounds, vlo);
    v128.store(bounds, vhi, 16);
    for (let j: usize = 0; j < 16; j += 4) {
      lo = min(lo, load<f32>(bounds + j));
      hi = max(hi, load<f32>(bounds + j, 16));
    }
  }
  for (; i < end; i += 4) {
    const v = load<f32>(x + i);
    lo = v < lo ? v : lo;
    hi = hi < v ? v : hi;
  }
  let scale = hi / 255 - lo / 255;
  let inverse: f32 = 1 / scale;
  if (!(inverse <= f32.MAX_VALUE)) {
    scale = 0;
    inverse = 0;
  }
  const head = group + (lane << 3);
  store<f32>(head, -lo);
  f32_qs8_quantize(head, 1, ROUNDING_SINGLE, inverse, -128, head + 4);
  const zeroPoint: i32 = load<i8>(head + 4);
  store<f32>(head, scale);
  store<f32>(head, <f32>zeroPoint, 4);
  const padded = (k + 7) & ~7;
  const first = group + GROUP_HEAD + (lane << 2);
  let to = first;
  let out = to + (padded << 2);
  for (let j: usize = 0; j < padded; ) {
    const stop = min(j + blockSize, padded);
    let sum: i32 = 0;
    if (ASC_FEATURE_SIMD) {
      const vscale = f32x4.splat(inverse);
      const lowest: i32 = -128 - zeroPoint;
      const highest: i32 = 127 - zeroPoint;
      const low = f32x4.splat(<f32>lowest);
      const high = f32x4.splat(<f32>highest);
      const magic = rounder();
      const offset = i32x4.splat(MAGIC_BITS - zeroPoint);
      let vsum = i32x4.splat(0);
      for (; j < stop; j += 8) {
        const p = quantize4(v128.load(x), vscale, low, high, magic, offset);
        const q = quantize4(v128.load(x, 16), vscale, low, high, magic, offset);
        x += 32;
        vsum = i32x4.add(vsum, i32x4.add(p, q));
        const words = i16x8.narrow_i32x4_s(p, q);
        const bytes = i8x16.narrow_i16x8_s(words, words);
        v128.store32_lane(to, bytes, 0);
        v128.store32_lane(to, bytes, 1, 16);
        to += 32;
      }
      v128.store(bounds, vsum);
      for (let i: usize = 0; i < 16; i += 4) sum += load<i32>(bounds + i);
    } else {
      for (; j < stop; j += 4) {
        f32_qs8_quantize(x, 4, ROUNDING_SINGLE, inverse, zeroPoint, to);
        for (let i: usize = 0; i < 4; i++) sum += <i32>load<i8>(to + i);
        x += 16;
        to += 16;
      }
    }
    for (let i = k; i < stop; i++) {
      const at = first + ((i & ~3) << 2) + (i & 3);
      sum -= <i32>load<i8>(at);
      store<u8>(at, 0);
    }
    store<i32>(out, -sum * weightPoint);
    out += 16;
  }
}

/** Bytes of a group. */
export function groupBytes(k: usize, blockSize: usize): usize {
  const padded = (k + 7) & ~7;
  return GROUP_HEAD + (padded << 2) + (((padded + blockSize - 1) / blockSize) << 4);
}

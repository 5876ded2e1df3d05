/** One row of float32 activations as int8, with a scale and zero point of its own. */

import { ROUNDING_SINGLE } from "../../codes";
import { f32_qs8_quantize } from "../vector/convert";
import { fillBytes } from "../../simd/copy";

/** A quantized row begins with its scale (f32), its zero point (f32) and two free words. */
export const ROW_HEAD: usize = 16;

/** Room for the lanes of a row's lowest and highest values. */
const bounds: usize = memory.data(32, 16);

/**
 * q = clamp(rint(x / scale) + zeroPoint) over one row of k values; scale spreads the row's range, 0 included, over
 * 255 steps. Writes ROW_HEAD bytes, k padded to 8 with zeros, then Σ q of each block as i32. Finite in, finite out.
 */
export function qd8_quantize_row(x: usize, k: usize, blockSize: usize, row: usize): void {
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
  store<f32>(row, -lo);
  f32_qs8_quantize(row, 1, ROUNDING_SINGLE, inverse, -128, row + 4);
  const zeroPoint: i32 = load<i8>(row + 4);
  store<f32>(row, scale);
  store<f32>(row, <f32>zeroPoint, 4);
  const q = row + ROW_HEAD;
  f32_qs8_quantize(x, k, ROUNDING_SINGLE, inverse, zeroPoint, q);
  const padded = (k + 7) & ~7;
  fillBytes(q + k, 0, padded - k);
  let out = q + padded;
  for (let b: usize = 0; b < padded; b += blockSize) {
    const stop = b + blockSize < padded ? b + blockSize : padded;
    let sum: i32 = 0;
    for (let j = b; j < stop; j++) sum += <i32>load<i8>(q + j);
    store<i32>(out, sum);
    out += 4;
  }
}

/** Bytes that qd8_quantize_row writes, rounded up to 16. */
export function rowBytes(k: usize, blockSize: usize): usize {
  const padded = (k + 7) & ~7;
  const blocks = (padded + blockSize - 1) / blockSize;
  return (ROW_HEAD + padded + (blocks << 2) + 15) & ~15;
}

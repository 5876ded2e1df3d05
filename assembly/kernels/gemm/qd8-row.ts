/** Rows of float32 activations as int8, with a scale and zero point each; four rows lie interleaved. */

import { ROUNDING_SINGLE, WEIGHTS_I2, WEIGHTS_I4 } from "../../codes";
import { f32_qs8_quantize } from "../vector/convert";
import { fillBytes } from "../../simd/copy";
import { usesDot } from "../../simd/dot";
import { stepBytes } from "../../simd/rows";

/** Rows in a group, which begins with their scales and zero points (f32), in pairs. */
export const GROUP_ROWS: usize = 4;
export const GROUP_HEAD: usize = 32;

/** Bytes of four k of a row beside weights of `format`: int16 for the 2-way dot product (simd/rows.ts). */
export function rowStep(format: u32): usize {
  if (!ASC_FEATURE_SIMD) return 4;
  return stepBytes(ASC_FEATURE_RELAXED_SIMD && (format == WEIGHTS_I4 || format == WEIGHTS_I2 || usesDot()));
}

/** Room for the lanes of a row's lowest and highest values. */
const bounds: usize = memory.data(32, 16);

/**
 * q = clamp(rint(x / scale) + zeroPoint) over one row of k values; scale spreads the row's range, 0 included, over
 * 255 steps. Writes the row `lane` of a group: its head, then k padded to 8 with zeros, four k of each row in turn in `step`
 * bytes, then −Σ q · `weightPoint` of each block as i32. `bytes`: room for the padded k. Finite in, finite out.
 */
export function qd8_quantize_row(
  x: usize, k: usize, blockSize: usize, weightPoint: i32, step: usize, group: usize, lane: usize, bytes: usize
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
  f32_qs8_quantize(x, k, ROUNDING_SINGLE, inverse, zeroPoint, bytes);
  const padded = (k + 7) & ~7;
  fillBytes(bytes + k, 0, padded - k);
  let to = group + GROUP_HEAD + lane * step;
  let out = blockSums(group, padded) + (lane << 2);
  for (let b: usize = 0; b < padded; b += blockSize) {
    const stop = b + blockSize < padded ? b + blockSize : padded;
    let sum: i32 = 0;
    if (ASC_FEATURE_SIMD) {
      let sums = i32x4.splat(0);
      for (let j = b; j < stop; j += 8) {
        const v = v128.load64_zero(bytes + j);
        if (ASC_FEATURE_RELAXED_SIMD && step == 4) {
          v128.store32_lane(to, v, 0);
          v128.store32_lane(to, v, 1, 16);
        } else {
          const words = v128.shuffle<i16>(i16x8.extend_low_i8x16_s(v), v, 0, 2, 1, 3, 4, 6, 5, 7);
          v128.store64_lane(to, words, 0);
          v128.store64_lane(to, words, 1, 32);
        }
        to += step << 3;
        sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(v)));
      }
      sum = -i32x4.extract_lane(sums, 0) - i32x4.extract_lane(sums, 1);
    } else {
      for (let j = b; j < stop; j += 4) {
        const four = load<u32>(bytes + j);
        store<u32>(to, four);
        to += 16;
        sum -= <i32><i8>four + <i32><i8>(four >> 8) + <i32><i8>(four >> 16) + (<i32>four >> 24);
      }
    }
    store<i32>(out, sum * weightPoint);
    out += 16;
  }
}

/** Where the blocks' −Σ q · `weightPoint` begin, of four rows each. */
export function blockSums(group: usize, padded: usize): usize {
  return group + GROUP_HEAD + (padded << 3);
}

/** Bytes of a group. */
export function groupBytes(k: usize, blockSize: usize): usize {
  const padded = (k + 7) & ~7;
  return blockSums(0, padded) + (((padded + blockSize - 1) / blockSize) << 4);
}

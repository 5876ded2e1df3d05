/** Means over the middle of [outer, count, inner]. Lanes are inner positions. */

import { NR, ROUNDING_DOUBLE } from "../../codes";
import { R_BIAS, R_MULTIPLIER, R_OFFSET, R_ROUNDING, R_SCALE, R_SHIFT, R_ZERO_POINT } from "../../records";
import { roundingAt } from "../../engine/kept";
import { f32At, i32At } from "../../engine/model";
import { clampf } from "../../simd/functions";
import { clamp, requantizeDouble } from "../../simd/requantize";
import { sumEight, sums } from "./pool";

/**
 * y[i] = clamp(rint((Σₖ x[k][i] + offset) · scale + bias) + zeroPoint), or with double rounding
 * clamp(requantize(Σ + offset) + zeroPoint).
 * Reads ≤ 7 bytes past x. Equals test/reference/reduce.ts bit for bit.
 */
export function qs8_mean(record: usize, x: usize, count: u32, inner: usize, y: usize): void {
  const isDouble = roundingAt(record, R_ROUNDING) == ROUNDING_DOUBLE;
  const zp = i32At(record, R_ZERO_POINT);
  const offset = i32At(record, R_OFFSET);
  const multiplier = i32At(record, R_MULTIPLIER);
  const shift = i32At(record, R_SHIFT);
  const scale = f32At(record, R_SCALE);
  const bias = f32At(record, R_BIAS);
  const lowest: i32 = -128 - zp;
  const highest: i32 = 127 - zp;
  for (let c: usize = 0; c < inner; c += NR) {
    sumEight(x + c, count, 1, inner, inner);
    const end = inner - c < NR ? inner - c : NR;
    for (let j: usize = 0; j < end; j++) {
      const sum = load<i32>(sums + (j << 2));
      let v: i32;
      if (isDouble) {
        v = clamp(requantizeDouble(sum + offset, multiplier, shift) + zp, -128, 127);
      } else {
        const mean = <f32>(sum + offset) * scale + bias;
        v = <i32>nearest(clampf(mean, <f32>lowest, <f32>highest)) + zp;
      }
      store<i8>(y + c + j, <i8>v);
    }
  }
}

/** y[i] = (x[0][i] + x[1][i] + …) / count, each step rounded. */
export function f32_mean(x: usize, count: u32, inner: usize, y: usize): void {
  const divisor = <f32>count;
  const rowBytes = inner << 2;
  let c: usize = 0;
  if (ASC_FEATURE_SIMD) {
    for (; c + 4 <= inner; c += 4) {
      let v = f32x4.splat(0);
      let p = x + (c << 2);
      for (let k: u32 = 0; k < count; k++) {
        v = f32x4.add(v, v128.load(p));
        p += rowBytes;
      }
      v128.store(y + (c << 2), f32x4.div(v, f32x4.splat(divisor)));
    }
  }
  for (; c < inner; c++) {
    let v: f32 = 0;
    let p = x + (c << 2);
    for (let k: u32 = 0; k < count; k++) {
      v += load<f32>(p);
      p += rowBytes;
    }
    store<f32>(y + (c << 2), v / divisor);
  }
}

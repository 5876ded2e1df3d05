/** Byte tables, and the borders between float32 and int8. */

import { ROUNDING_DOUBLE } from "../../codes";
import { MAGIC_BITS, rounder } from "../../simd/requantize";

/** y[i] = table[x[i]], bytes. */
export function table_lookup(x: usize, n: usize, table: usize, y: usize): void {
  for (let i: usize = 0; i < n; i++) store<u8>(y + i, load<u8>(table + <usize>load<u8>(x + i)));
}

/** To the nearest integer, halves away from zero. */
function roundHalfAway(v: f32): f32 {
  const whole = trunc(v);
  const rest = v - whole;
  return rest >= 0.5 ? whole + 1 : rest <= -0.5 ? whole - 1 : whole;
}

/**
 * single: rint(x · scale) + zeroPoint, scale being the inverse; double: x / scale, halves away from zero.
 * Clamped to int8; NaN becomes 127. Equals test/reference/convert.ts bit for bit.
 */
export function f32_qs8_quantize(x: usize, n: usize, rounding: u32, scale: f32, zeroPoint: i32, y: usize): void {
  const lowest: i32 = -128 - zeroPoint;
  const highest: i32 = 127 - zeroPoint;
  const low = <f32>lowest;
  const high = <f32>highest;
  let i: usize = 0;
  if (ASC_FEATURE_SIMD) {
    if (rounding != ROUNDING_DOUBLE) {
      const vscale = f32x4.splat(scale);
      const vlow = f32x4.splat(low);
      const vhigh = f32x4.splat(high);
      const magic = rounder();
      const offset = i32x4.splat(MAGIC_BITS - zeroPoint);
      for (; i + 4 <= n; i += 4) {
        const steps = f32x4.mul(v128.load(x + (i << 2)), vscale);
        const inside = f32x4.pmax(vlow, f32x4.pmin(vhigh, steps));
        const q = i32x4.sub(f32x4.add(inside, magic), offset);
        const words = i16x8.narrow_i32x4_s(q, q);
        v128.store32_lane(y + i, i8x16.narrow_i16x8_s(words, words), 0);
      }
    }
  }
  for (; i < n; i++) {
    const v = load<f32>(x + (i << 2));
    const steps = rounding == ROUNDING_DOUBLE ? v / scale : v * scale;
    const below = steps < high ? steps : high;
    const inside = low < below ? below : low;
    const q = <i32>(rounding == ROUNDING_DOUBLE ? roundHalfAway(inside) : nearest(inside));
    store<i8>(y + i, <i8>(q + zeroPoint));
  }
}

/** y[i] = (x[i] − zeroPoint) · scale. */
export function qs8_f32_dequantize(x: usize, n: usize, scale: f32, zeroPoint: i32, y: usize): void {
  for (let i: usize = 0; i < n; i++) {
    const q: i32 = load<i8>(x + i);
    store<f32>(y + (i << 2), <f32>(q - zeroPoint) * scale);
  }
}

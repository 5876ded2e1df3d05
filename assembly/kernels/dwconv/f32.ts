/** float32 depthwise convolution. Lanes are channels, so every sum runs over the taps in order, in every tier. */

import { NR } from "../../codes";
import { M_MAX, M_MIN } from "../../records";
import { f32At } from "../../engine/model";

/**
 * Neighbouring output pixels: y[c] = clamp(bias[c] + x[0][c]·w[0][c] + x[1][c]·w[1][c] + …), each step rounded.
 * `taps`: `count` u32 addresses of the first pixel's channel rows; those of the next lie `step` bytes on. w: per 8 channels `count` rows of 8 f32. bias: channels padded
 * to 8. Reads ≤ 28 bytes past each row; writes exactly `channels` values. Equals test/reference/conv.ts.
 */
export function f32_dwconv(
  record: usize, pixels: usize, step: usize, channels: usize, taps: usize, count: usize, w: usize, bias: usize, y: usize
): void {
  const lo = f32At(record, M_MIN);
  const hi = f32At(record, M_MAX);
  const end = taps + (count << 2);
  let shift: usize = 0;
  for (const last = pixels * step; shift < last; shift += step) {
    let wp = w;
    for (let c: usize = 0; c < channels; c += NR) {
      const columns = channels - c < NR ? channels - c : NR;
      if (ASC_FEATURE_SIMD) {
        let p = v128.load(bias + (c << 2));
        let q = v128.load(bias + (c << 2), 16);
        for (let t = taps; t < end; t += 4) {
          const x = <usize>load<u32>(t) + shift + (c << 2);
          p = f32x4.add(p, f32x4.mul(v128.load(x), v128.load(wp)));
          q = f32x4.add(q, f32x4.mul(v128.load(x, 16), v128.load(wp, 16)));
          wp += NR << 2;
        }
        const floor = f32x4.splat(lo);
        const ceiling = f32x4.splat(hi);
        p = f32x4.pmin(f32x4.pmax(p, floor), ceiling);
        q = f32x4.pmin(f32x4.pmax(q, floor), ceiling);
        let to = y + (c << 2);
        let left = columns;
        if (left >= 4) {
          v128.store(to, p);
          p = q;
          to += 16;
          left -= 4;
        }
        if (left >= 4) {
          v128.store(to, p);
          left = 0;
        }
        if (left > 0) store<f32>(to, f32x4.extract_lane(p, 0));
        if (left > 1) store<f32>(to, f32x4.extract_lane(p, 1), 4);
        if (left > 2) store<f32>(to, f32x4.extract_lane(p, 2), 8);
      } else {
        for (let j: usize = 0; j < columns; j++) {
          let acc = load<f32>(bias + ((c + j) << 2));
          let p = wp + (j << 2);
          for (let t = taps; t < end; t += 4) {
            acc += load<f32>(<usize>load<u32>(t) + shift + ((c + j) << 2)) * load<f32>(p);
            p += NR << 2;
          }
          acc = acc < lo ? lo : acc;
          acc = hi < acc ? hi : acc;
          store<f32>(y + ((c + j) << 2), acc);
        }
        wp += count * (NR << 2);
      }
    }
    y += channels << 2;
  }
}

/** Windows of an NHWC image, reduced per channel. Lanes are channels; a window is walked row by row. */

import { NR } from "../../codes";
import { M_MAX, M_MIN } from "../../records";
import { f32At, i32At } from "../../engine/model";
import { clamp } from "../../simd/requantize";

/** Sums of eight neighbouring channels, as averages and means read them back. */
export const sums: usize = memory.data(32, 16);

/**
 * Σ over a window of `rows` × `columns` pixels of eight channels from x, into `sums`.
 * Reads ≤ 7 bytes past the last channel.
 */
// @ts-ignore: decorator
@inline
export function sumEight(x: usize, rows: u32, columns: u32, rowBytes: usize, pixelBytes: usize): void {
  if (ASC_FEATURE_SIMD) {
    let lo = i32x4.splat(0);
    let hi = i32x4.splat(0);
    for (let r: u32 = 0; r < rows; r++) {
      let p = x;
      for (let c: u32 = 0; c < columns; c++) {
        const v = v128.load8x8_s(p);
        lo = i32x4.add(lo, i32x4.extend_low_i16x8_s(v));
        hi = i32x4.add(hi, i32x4.extend_high_i16x8_s(v));
        p += pixelBytes;
      }
      x += rowBytes;
    }
    v128.store(sums, lo);
    v128.store(sums, hi, 16);
  } else {
    for (let j: usize = 0; j < NR; j++) {
      let sum: i32 = 0;
      let row = x + j;
      for (let r: u32 = 0; r < rows; r++) {
        let p = row;
        for (let c: u32 = 0; c < columns; c++) {
          const v: i32 = load<i8>(p);
          sum += v;
          p += pixelBytes;
        }
        row += rowBytes;
      }
      store<i32>(sums + (j << 2), sum);
    }
  }
}

/**
 * y[c] = clamp((padding + Σ x[·][c]) / count), to the nearest integer. Halves go away from zero, or up with `halvesUp`
 * (what a uint8 average does, seen from int8). Equals test/reference/pool.ts bit for bit.
 */
export function qs8_average(
  record: usize, x: usize, rows: u32, columns: u32, rowBytes: usize, channels: usize, count: i32,
  padding: i32, halvesUp: bool, y: usize
): void {
  const lo = i32At(record, M_MIN);
  const hi = i32At(record, M_MAX);
  const half = count >> 1;
  for (let c: usize = 0; c < channels; c += NR) {
    sumEight(x + c, rows, columns, rowBytes, channels);
    const end = channels - c < NR ? channels - c : NR;
    for (let j: usize = 0; j < end; j++) {
      let sum = load<i32>(sums + (j << 2)) + padding;
      if (halvesUp) sum = (sum + 128 * count + half) / count - 128;
      else sum = (sum > 0 ? sum + half : sum - half) / count;
      store<i8>(y + c + j, <i8>clamp(sum, lo, hi));
    }
  }
}

/** y[c] = clamp(max x[·][c]). */
export function qs8_max(
  record: usize, x: usize, rows: u32, columns: u32, rowBytes: usize, channels: usize, y: usize
): void {
  const lo = i32At(record, M_MIN);
  const hi = i32At(record, M_MAX);
  let c: usize = 0;
  if (ASC_FEATURE_SIMD) {
    const vlo = i8x16.splat(<i8>lo);
    const vhi = i8x16.splat(<i8>hi);
    for (; c + 16 <= channels; c += 16) {
      let v = vlo;
      let row = x + c;
      for (let r: u32 = 0; r < rows; r++) {
        let p = row;
        for (let k: u32 = 0; k < columns; k++) {
          v = i8x16.max_s(v, v128.load(p));
          p += channels;
        }
        row += rowBytes;
      }
      v128.store(y + c, i8x16.min_s(v, vhi));
    }
  }
  for (; c < channels; c++) {
    let best = lo;
    let row = x + c;
    for (let r: u32 = 0; r < rows; r++) {
      let p = row;
      for (let k: u32 = 0; k < columns; k++) {
        const v: i32 = load<i8>(p);
        best = v > best ? v : best;
        p += channels;
      }
      row += rowBytes;
    }
    store<i8>(y + c, <i8>(best < hi ? best : hi));
  }
}

/** y[c] = clamp((x[0][c] + x[1][c] + …) / count), each step rounded. */
export function f32_average(
  record: usize, x: usize, rows: u32, columns: u32, rowBytes: usize, channels: usize, count: i32, y: usize
): void {
  const lo = f32At(record, M_MIN);
  const hi = f32At(record, M_MAX);
  const divisor = <f32>count;
  const pixelBytes = channels << 2;
  let c: usize = 0;
  if (ASC_FEATURE_SIMD) {
    for (; c + 4 <= channels; c += 4) {
      let v = f32x4.splat(0);
      let row = x + (c << 2);
      for (let r: u32 = 0; r < rows; r++) {
        let p = row;
        for (let k: u32 = 0; k < columns; k++) {
          v = f32x4.add(v, v128.load(p));
          p += pixelBytes;
        }
        row += rowBytes;
      }
      v = f32x4.div(v, f32x4.splat(divisor));
      v128.store(y + (c << 2), f32x4.pmin(f32x4.pmax(v, f32x4.splat(lo)), f32x4.splat(hi)));
    }
  }
  for (; c < channels; c++) {
    let v: f32 = 0;
    let row = x + (c << 2);
    for (let r: u32 = 0; r < rows; r++) {
      let p = row;
      for (let k: u32 = 0; k < columns; k++) {
        v += load<f32>(p);
        p += pixelBytes;
      }
      row += rowBytes;
    }
    v /= divisor;
    v = v < lo ? lo : v;
    v = hi < v ? hi : v;
    store<f32>(y + (c << 2), v);
  }
}

/** y[c] = clamp(max x[·][c]); a NaN wins, and +0 is above −0. */
export function f32_max(
  record: usize, x: usize, rows: u32, columns: u32, rowBytes: usize, channels: usize, y: usize
): void {
  const lo = f32At(record, M_MIN);
  const hi = f32At(record, M_MAX);
  const pixelBytes = channels << 2;
  let c: usize = 0;
  if (ASC_FEATURE_SIMD) {
    for (; c + 4 <= channels; c += 4) {
      let row = x + (c << 2);
      let v = v128.load(row);
      for (let r: u32 = 0; r < rows; r++) {
        let p = row;
        for (let k: u32 = 0; k < columns; k++) {
          v = f32x4.max(v, v128.load(p));
          p += pixelBytes;
        }
        row += rowBytes;
      }
      v128.store(y + (c << 2), f32x4.pmin(f32x4.pmax(v, f32x4.splat(lo)), f32x4.splat(hi)));
    }
  }
  for (; c < channels; c++) {
    let row = x + (c << 2);
    let best = load<f32>(row);
    for (let r: u32 = 0; r < rows; r++) {
      let p = row;
      for (let k: u32 = 0; k < columns; k++) {
        best = max<f32>(best, load<f32>(p));
        p += pixelBytes;
      }
      row += rowBytes;
    }
    best = best < lo ? lo : best;
    best = hi < best ? hi : best;
    store<f32>(y + (c << 2), best);
  }
}

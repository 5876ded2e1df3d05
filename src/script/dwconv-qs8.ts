import { NR, ROUNDING_DOUBLE } from "../../assembly/codes.ts";
import { M_K, M_MAX, M_MIN, M_ROUNDING, M_WEIGHT_ZERO_POINT, M_ZERO_POINT } from "../../assembly/records.ts";
import type { Heap } from "./heap.ts";
import { MAGIC, requantizeDouble } from "./requantize.ts";

export type DwconvQs8 = (
  record: number,
  pixels: number,
  step: number,
  channels: number,
  taps: number,
  pairs: number,
  w: number,
  bias: number,
  requant: number,
  shiftsAfter: number,
  y: number,
) => void;

/** qs8_qc8w_dwconv of assembly/kernels/dwconv/qs8.ts, with the same bits; 3 × 3 filters without a loop. */
export function createDwconvQs8(heap: Heap): DwconvQs8 {
  const limits = new Float64Array(2);

  return (record, pixels, step, channels, taps, pairs, w, bias, requant, shiftsAfter, y) => {
    const { i8, i32, f32 } = heap;
    const fround = Math.fround;
    const fields = record >>> 2;
    const zeroPoint = i32[fields + (M_ZERO_POINT >> 2)];
    const min = i32[fields + (M_MIN >> 2)];
    const max = i32[fields + (M_MAX >> 2)];
    const isDouble = i32[fields + (M_ROUNDING >> 2)] === ROUNDING_DOUBLE;
    const wz = i32[fields + (M_WEIGHT_ZERO_POINT >> 2)];
    limits[0] = min - zeroPoint;
    limits[1] = max - zeroPoint;
    const floor = limits[0];
    const ceiling = limits[1];
    const unmagic = MAGIC - zeroPoint;
    const biases = bias >>> 2;
    const scales = requant >>> 2;
    const shifts = (requant + shiftsAfter) >>> 2;
    const t = taps >>> 2;
    const end = t + pairs * 2;
    const isNine = i32[fields + (M_K >> 2)] === 9 && wz === 0;
    for (let pixel = 0, shift = 0, out = y; pixel < pixels; pixel++, shift += step, out += channels) {
      const t0 = i32[t] + shift;
      const t1 = i32[t + 1] + shift;
      const t2 = i32[t + 2] + shift;
      const t3 = i32[t + 3] + shift;
      const t4 = i32[t + 4] + shift;
      const t5 = i32[t + 5] + shift;
      const t6 = i32[t + 6] + shift;
      const t7 = i32[t + 7] + shift;
      const t8 = i32[t + 8] + shift;
      let block = w;
      for (let c = 0; c < channels; block += pairs * (NR * 2)) {
        const last = channels - c < NR ? channels : c + NR;
        for (let p = block; c < last; c++, p += 2) {
          let acc = i32[biases + c];
          if (isNine) {
            acc +=
              i8[t0 + c] * i8[p] +
              i8[t1 + c] * i8[p + 1] +
              i8[t2 + c] * i8[p + 16] +
              i8[t3 + c] * i8[p + 17] +
              i8[t4 + c] * i8[p + 32] +
              i8[t5 + c] * i8[p + 33] +
              i8[t6 + c] * i8[p + 48] +
              i8[t7 + c] * i8[p + 49] +
              i8[t8 + c] * i8[p + 64];
          } else {
            let q = p;
            for (let i = t; i < end; i += 2) {
              acc += i8[i32[i] + shift + c] * (i8[q] - wz) + i8[i32[i + 1] + shift + c] * (i8[q + 1] - wz);
              q += NR * 2;
            }
          }
          if (isDouble) {
            const v = requantizeDouble(acc, i32[scales + c], i32[shifts + c]) + zeroPoint;
            i8[out + c] = v < min ? min : v > max ? max : v;
          } else {
            let v = fround(fround(acc) * f32[scales + c]);
            if (v < floor) v = floor;
            else if (v > ceiling) v = ceiling;
            i8[out + c] = v + MAGIC - unmagic;
          }
        }
      }
    }
  };
}

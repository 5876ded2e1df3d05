import { NR } from "../../assembly/codes.ts";
import { M_MAX, M_MIN } from "../../assembly/records.ts";
import type { Heap } from "./heap.ts";

export type DwconvF32 = (
  record: number,
  pixels: number,
  step: number,
  channels: number,
  taps: number,
  count: number,
  w: number,
  bias: number,
  y: number,
) => void;

/** f32_dwconv of assembly/kernels/dwconv/f32.ts, with the same bits. */
export function createDwconvF32(heap: Heap): DwconvF32 {
  return (record, pixels, step, channels, taps, count, w, bias, y) => {
    const { i32, f32 } = heap;
    const fround = Math.fround;
    const lo = f32[(record + M_MIN) >>> 2];
    const hi = f32[(record + M_MAX) >>> 2];
    const t = taps >>> 2;
    const end = t + count;
    for (let pixel = 0, shift = 0, out = y; pixel < pixels; pixel++, shift += step, out += channels << 2) {
      for (let c = 0; c < channels; c++) {
        let sum = f32[(bias >>> 2) + c];
        let q = (w >>> 2) + (c >> 3) * count * NR + (c & 7);
        for (let i = t; i < end; i++) {
          sum = fround(sum + fround(f32[((i32[i] + shift) >>> 2) + c] * f32[q]));
          q += NR;
        }
        sum = sum < lo ? lo : sum;
        f32[(out >>> 2) + c] = hi < sum ? hi : sum;
      }
    }
  };
}

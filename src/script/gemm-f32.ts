import { NR } from "../../assembly/codes.ts";
import { M_MAX, M_MIN } from "../../assembly/records.ts";
import type { Heap } from "./heap.ts";

export type GemmF32 = (
  record: number,
  m: number,
  n: number,
  k: number,
  a: number,
  aStride: number,
  w: number,
  bias: number,
  y: number,
  yStride: number,
) => void;

/** f32_gemm of assembly/kernels/gemm/f32.ts, with the same bits: every product and every sum is rounded. */
export function createGemmF32(heap: Heap): GemmF32 {
  const sums = new Float32Array(NR);
  return (record, m, n, k, a, aStride, w, bias, y, yStride) => {
    const { f32 } = heap;
    const fround = Math.fround;
    const lo = f32[(record + M_MIN) >>> 2];
    const hi = f32[(record + M_MAX) >>> 2];
    for (let row = 0; row < m; row++) {
      const x = (a + row * aStride) >>> 2;
      const out = (y + row * yStride) >>> 2;
      let q = w >>> 2;
      for (let c = 0; c < n; c += NR) {
        const b = (bias >>> 2) + c;
        let s0 = f32[b];
        let s1 = f32[b + 1];
        let s2 = f32[b + 2];
        let s3 = f32[b + 3];
        let s4 = f32[b + 4];
        let s5 = f32[b + 5];
        let s6 = f32[b + 6];
        let s7 = f32[b + 7];
        const end = x + k;
        for (let i = x; i < end; i++) {
          const v = f32[i];
          s0 = fround(s0 + fround(v * f32[q]));
          s1 = fround(s1 + fround(v * f32[q + 1]));
          s2 = fround(s2 + fround(v * f32[q + 2]));
          s3 = fround(s3 + fround(v * f32[q + 3]));
          s4 = fround(s4 + fround(v * f32[q + 4]));
          s5 = fround(s5 + fround(v * f32[q + 5]));
          s6 = fround(s6 + fround(v * f32[q + 6]));
          s7 = fround(s7 + fround(v * f32[q + 7]));
          q += NR;
        }
        sums[0] = s0;
        sums[1] = s1;
        sums[2] = s2;
        sums[3] = s3;
        sums[4] = s4;
        sums[5] = s5;
        sums[6] = s6;
        sums[7] = s7;
        const width = n - c < NR ? n - c : NR;
        for (let j = 0; j < width; j++) {
          let v = sums[j];
          v = v < lo ? lo : v;
          f32[out + c + j] = hi < v ? hi : v;
        }
      }
    }
  };
}

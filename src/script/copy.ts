import type { Heap } from "./heap.ts";

/** copyOver of assembly/simd/copy.ts, without the bytes past the end. */
export const createCopyOver =
  (heap: Heap) =>
  (to: number, from: number, n: number): void => {
    heap.i8.copyWithin(to, from, from + n);
  };

/** fillOver of assembly/simd/copy.ts: every caller repeats one byte. */
export const createFillOver =
  (heap: Heap) =>
  (to: number, pattern: number, n: number): void => {
    heap.i8.fill(pattern, to, to + n);
  };

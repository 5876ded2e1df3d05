/** Activation rows as the tiles of the int8 matrix kernels read them, step by step of 4 k. */

import { KR } from "../codes";
import { dotFlip, usesDot } from "./dot";
import { evens, odds } from "./widen";

/** Bytes of one step: as they are for the 4-way dot product, else as int16, the two even k before the odd ones. */
// @ts-ignore: decorator
@inline
export function stepBytes(useDot: bool): usize {
  return useDot ? 4 : 8;
}

/** Bytes of a prepared row of k. */
// @ts-ignore: decorator
@inline
export function rowBytes(k: usize): usize {
  return ((k + 15) & ~15) * (stepBytes(usesDot()) >> 2);
}

/** How many of `m` rows a product prepares at a time: four or what stays in a first-level cache, and no single one after fours. */
export function rowsAtOnce(m: usize, k: usize): usize {
  const rows = min<usize>(m, k <= 256 ? 32 : 4);
  return (rows & 3) == 1 ? rows - 1 : rows;
}

/** k int8 at `a` as steps. Reads ≤ 15 bytes past them and writes the steps of as many. */
export function prepareRow(a: usize, k: usize, to: usize): void {
  if (!ASC_FEATURE_SIMD) return;
  if (ASC_FEATURE_RELAXED_SIMD && usesDot()) {
    const sign = i8x16.splat(dotFlip());
    for (const end = a + k; a < end; a += 16) {
      v128.store(to, v128.xor(v128.load(a), sign));
      to += 16;
    }
    return;
  }
  for (const end = a + k; a < end; a += 16) {
    const v = v128.load(a);
    const e = evens(v);
    const o = odds(v);
    v128.store(to, v128.shuffle<i32>(e, o, 0, 4, 1, 5));
    v128.store(to, v128.shuffle<i32>(e, o, 2, 6, 3, 7), 16);
    to += 32;
  }
}

/** Rows of k, `stride` bytes apart, as steps one after another; answers the bytes from one to the next. Whole steps are one row. */
export function prepareRows(a: usize, rows: usize, k: usize, stride: usize, to: usize): usize {
  if (stride == ((k + KR - 1) & ~(KR - 1))) {
    prepareRow(a, rows * stride, to);
    return (stride / KR) * stepBytes(usesDot());
  }
  const step = rowBytes(k);
  for (let r: usize = 0; r < rows; r++) prepareRow(a + r * stride, k, to + r * step);
  return step;
}

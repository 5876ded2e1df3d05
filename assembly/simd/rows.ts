/**
 * Activation rows as the tiles of the int8 matrix kernels read them: step by step of 4 k, the rows of a step together. As
 * int16 the even k of all four rows come first, then the odd ones.
 */

import { preparedRows } from "../engine/model";
import { evens, odds } from "./widen";

/** Bytes of one step of one row: as they are for the 4-way dot product, else as int16, even k apart from odd ones. */
// @ts-ignore: decorator
@inline
export function stepBytes(useDot: bool): usize {
  return useDot ? 4 : 8;
}

/** One step of four rows. */
// @ts-ignore: decorator
@inline
function storeStep(useDot: bool, to: usize, v: v128, sign: v128): void {
  if (useDot) {
    v128.store(to, v128.xor(v, sign));
  } else {
    v128.store(to, evens(v));
    v128.store(to, odds(v), 16);
  }
}

/** preparedRows = four rows of k int8, each xor `flip`. Reads ≤ 15 bytes past each. `useDot` is a literal. */
// @ts-ignore: decorator
@inline
export function prepareRows(useDot: bool, a0: usize, a1: usize, a2: usize, a3: usize, k: usize, flip: i8): void {
  const sign = i8x16.splat(flip);
  let to = preparedRows;
  for (let i: usize = 0; i < k; i += 16) {
    const v0 = v128.load(a0 + i);
    const v1 = v128.load(a1 + i);
    const v2 = v128.load(a2 + i);
    const v3 = v128.load(a3 + i);
    const s = i8x16.shuffle(v0, v1, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    const t = i8x16.shuffle(v0, v1, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
    const u = i8x16.shuffle(v2, v3, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
    const v = i8x16.shuffle(v2, v3, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
    const p0 = i8x16.shuffle(s, u, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    const p1 = i8x16.shuffle(s, u, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    const p2 = i8x16.shuffle(t, v, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    const p3 = i8x16.shuffle(t, v, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    storeStep(useDot, to, p0, sign);
    to += stepBytes(useDot) << 2;
    storeStep(useDot, to, p1, sign);
    to += stepBytes(useDot) << 2;
    storeStep(useDot, to, p2, sign);
    to += stepBytes(useDot) << 2;
    storeStep(useDot, to, p3, sign);
    to += stepBytes(useDot) << 2;
  }
}

/** The same of one row, even and odd k of a step side by side. */
// @ts-ignore: decorator
@inline
export function prepareRow(useDot: bool, a: usize, k: usize, flip: i8): void {
  const sign = i8x16.splat(flip);
  let to = preparedRows;
  for (let i: usize = 0; i < k; i += 16) {
    const v = v128.load(a + i);
    if (useDot) {
      v128.store(to, v128.xor(v, sign));
    } else {
      const e = evens(v);
      const o = odds(v);
      v128.store(to, v128.shuffle<i32>(e, o, 0, 4, 1, 5));
      v128.store(to, v128.shuffle<i32>(e, o, 2, 6, 3, 7), 16);
    }
    to += stepBytes(useDot) << 2;
  }
}

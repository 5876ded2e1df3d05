/** Activation rows as the tiles of the int8 matrix kernels read them, step by step of 4 k. */

import { evens, odds } from "./widen";

/** Bytes of one step: as they are for the 4-way dot product, else as int16, the two even k before the odd ones. */
// @ts-ignore: decorator
@inline
export function stepBytes(useDot: bool): usize {
  return useDot ? 4 : 8;
}

/** k int8 at `a`, each xor `flip`, as steps. Reads ≤ 15 bytes past them and writes the steps of as many. `useDot` is a literal. */
// @ts-ignore: decorator
@inline
export function prepareRow(useDot: bool, a: usize, k: usize, flip: i8, to: usize): void {
  const sign = i8x16.splat(flip);
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

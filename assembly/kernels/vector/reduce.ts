/** Reductions of strided rows: one element after the other, in order. */

import { ARG_LAST, ARG_MIN, CUMSUM_EXCLUSIVE, CUMSUM_REVERSE, REDUCE_MAX, REDUCE_MIN, REDUCE_SUM } from "../../codes";

/** An element of T, or an int8 as i32 where T is i32. */
// @ts-ignore: decorator
@inline
function read<T>(x: usize, isByte: bool): T {
  if (isInteger<T>() && isByte) return <T>load<i8>(x);
  return load<T>(x);
}

/**
 * x[0] ∘ x[1] ∘ …, from the left; sums start at +0. A NaN wins every maximum and minimum, and +0 is above −0.
 * Equals test/reference/reduce.ts bit for bit.
 */
// @ts-ignore: decorator
@inline
export function reduceRow<T>(x: usize, count: usize, step: usize, kind: u32, isByte: bool): T {
  let v = read<T>(x, isByte);
  if (kind == REDUCE_SUM) v = <T>0 + v;
  for (let k: usize = 1; k < count; k++) {
    x += step;
    const next = read<T>(x, isByte);
    if (kind == REDUCE_MAX) v = max<T>(v, next);
    else if (kind == REDUCE_MIN) v = min<T>(v, next);
    else v = kind == REDUCE_SUM ? v + next : v * next;
  }
  return v;
}

/** The first index (the last with ARG_LAST) whose element no other is beyond; comparisons with NaN are false. */
// @ts-ignore: decorator
@inline
export function argRow<T>(x: usize, count: usize, step: usize, kind: u32, isByte: bool): u32 {
  let best = read<T>(x, isByte);
  let at: u32 = 0;
  for (let k: usize = 1; k < count; k++) {
    x += step;
    const v = read<T>(x, isByte);
    const beyond = kind & ARG_MIN ? v < best : v > best;
    if (beyond || (kind & ARG_LAST && v == best)) {
      best = v;
      at = <u32>k;
    }
  }
  return at;
}

/** y[k] = x[0] + … + x[k], or up to x[k − 1], or the same from the end; sums start at +0. */
// @ts-ignore: decorator
@inline
export function cumsumRow<T>(x: usize, count: usize, step: usize, kind: u32, y: usize): void {
  let move = step;
  if (kind & CUMSUM_REVERSE) {
    x += (count - 1) * step;
    y += (count - 1) * step;
    move = 0 - step;
  }
  let sum: T = <T>0;
  for (let k: usize = 0; k < count; k++) {
    const next = sum + load<T>(x);
    store<T>(y, kind & CUMSUM_EXCLUSIVE ? sum : next);
    sum = next;
    x += move;
    y += move;
  }
}

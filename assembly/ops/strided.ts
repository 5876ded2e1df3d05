/**
 * Up to COPY_RANK nested loops over strided tensors. Dimensions lie outermost first; strides count elements and
 * are signed: addresses wrap at 32 bits, so the loops add a negative stride like any other.
 */

import { CHECK_FIELD } from "../abi";
import { COPY_RANK } from "../records";
import { i32At, u32At } from "../engine/model";

const LAST: usize = COPY_RANK - 1;

/** Every dimension is at least 1 and their product is exactly `elements`. */
export function checkDims(record: usize, dims: usize, elements: u32): i32 {
  let product: u64 = 1;
  for (let d: usize = 0; d <= LAST; d++) {
    const n = u32At(record, dims + (d << 2));
    if (n == 0) return CHECK_FIELD;
    product *= n;
    if (product > <u64>elements) return CHECK_FIELD;
  }
  return product == <u64>elements ? 0 : CHECK_FIELD;
}

/** Every element reached from `first` lies in 0…elements − 1. Dimensions were checked: none exceeds 2³¹ − 1. */
export function reaches(record: usize, dims: usize, strides: usize, first: u64, elements: u32): bool {
  let low = <i64>first;
  let high = <i64>first;
  for (let d: usize = 0; d <= LAST; d++) {
    const way = <i64>(u32At(record, dims + (d << 2)) - 1) * i32At(record, strides + (d << 2));
    if (way < 0) low += way;
    else high += way;
    if (low < 0 || high >= <i64>elements) return false;
  }
  return true;
}

/** Rows there are: the product of all dimensions but the last. */
export function rowCount(record: usize, dims: usize): u32 {
  let rows: u32 = 1;
  for (let d: usize = 0; d < LAST; d++) rows *= u32At(record, dims + (d << 2));
  return rows;
}

/** Element offset of row `row`. */
export function rowOffset(record: usize, dims: usize, strides: usize, row: u32): usize {
  let offset: usize = 0;
  for (let d: i32 = <i32>LAST - 1; d >= 0; d--) {
    const n = u32At(record, dims + (<usize>d << 2));
    const next = row / n;
    offset += <usize>(row - next * n) * u32At(record, strides + (<usize>d << 2));
    row = next;
  }
  return offset;
}

/** Length and strides of the rows themselves. */
// @ts-ignore: decorator
@inline
export function lastOf(record: usize, fields: usize): u32 {
  return u32At(record, fields + (LAST << 2));
}

/**
 * Up to COPY_RANK nested loops over strided tensors. Dimensions lie outermost first; strides count elements and
 * are signed: addresses wrap at 32 bits, so the loops add a negative stride like any other.
 */

import { CHECK_FIELD } from "../abi";
import { COPY_RANK } from "../records";
import { productOf } from "../engine/check";
import { i32At, u32At } from "../engine/model";

const LAST: usize = COPY_RANK - 1;

/** The product of the dimensions is exactly `elements`, which are at least 1. */
export function checkDims(record: usize, dims: usize, elements: u32): i32 {
  return productOf(record, dims, dims + (LAST << 2)) == <f64>elements ? 0 : CHECK_FIELD;
}

/** Every element reached from `first` lies in 0…elements − 1. Dimensions were checked: none exceeds 2³¹ − 1. */
export function reaches(record: usize, dims: usize, strides: usize, first: f64, elements: u32): bool {
  let low = first;
  let high = first;
  for (let d: usize = 0; d <= LAST; d++) {
    const way = <f64>(u32At(record, dims + (d << 2)) - 1) * <f64>i32At(record, strides + (d << 2));
    if (way < 0) low += way;
    else high += way;
  }
  return low >= 0 && high < <f64>elements;
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

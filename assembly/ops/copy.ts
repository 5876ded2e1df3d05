/** OP_COPY: strided copies, of which concatenation, padding and transposition are made. OP_FILL: one value. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { O_BYTES } from "../format";
import {
  COPY_RECORD_BYTES,
  FILL_RECORD_BYTES,
  F_VALUE,
  Y_DIMS,
  Y_ELEMENT,
  Y_IN_OFFSET,
  Y_IN_STRIDES,
  Y_OUT_OFFSET,
  Y_OUT_STRIDES,
} from "../records";
import { productOf } from "../engine/check";
import { bytesOf, dataOf, dtypeOf, inputOf, outputOf, u32At } from "../engine/model";
import { elementBytes } from "../engine/tensors";
import { lastOf, reaches, rowCount, rowOffset } from "./strided";
import { copyBytes, fillBytes } from "../simd/copy";

export function verifyCopy(record: usize): i32 {
  return u32At(record, O_BYTES) == COPY_RECORD_BYTES ? checkCopy(record, 0, 0, 0) : CHECK_RECORD;
}

/** The fields, `shift` bytes from their usual place, stay inside both tensors, begun so many elements further on. */
export function checkCopy(record: usize, shift: usize, xMore: u32, yMore: u32): i32 {
  const x = inputOf(record);
  const y = outputOf(record);
  const at = record + shift;
  const size = u32At(at, Y_ELEMENT);
  if (dtypeOf(x) != dtypeOf(y) || size != elementBytes(dtypeOf(x))) return CHECK_DTYPE;
  const product = productOf(at, Y_DIMS, Y_IN_STRIDES - 4);
  if (product == 0 || product > <f64>bytesOf(y)) return CHECK_FIELD;
  const xFirst = <f64>u32At(at, Y_IN_OFFSET) + xMore;
  const yFirst = <f64>u32At(at, Y_OUT_OFFSET) + yMore;
  if (!reaches(at, Y_DIMS, Y_IN_STRIDES, xFirst, bytesOf(x) / size)) return CHECK_SHAPE;
  return reaches(at, Y_DIMS, Y_OUT_STRIDES, yFirst, bytesOf(y) / size) ? 0 : CHECK_SHAPE;
}

// @ts-ignore: decorator
@inline
function copyRow<T>(n: usize, x: usize, xStep: usize, y: usize, yStep: usize): void {
  for (let i: usize = 0; i < n; i++) {
    store<T>(y, load<T>(x));
    x += xStep;
    y += yStep;
  }
}

export function runCopy(record: usize): void {
  copyStrided(record, 0, 0, 0);
}

/** Copies as the fields at `shift` say, begun `xMore` and `yMore` elements further on. */
export function copyStrided(record: usize, shift: usize, xMore: usize, yMore: usize): void {
  const at = record + shift;
  const size: usize = u32At(at, Y_ELEMENT);
  const n: usize = lastOf(at, Y_DIMS);
  const xStep = <usize>lastOf(at, Y_IN_STRIDES) * size;
  const yStep = <usize>lastOf(at, Y_OUT_STRIDES) * size;
  const rows = rowCount(at, Y_DIMS);
  const x0 = dataOf(inputOf(record)) + (<usize>u32At(at, Y_IN_OFFSET) + xMore) * size;
  const y0 = dataOf(outputOf(record)) + (<usize>u32At(at, Y_OUT_OFFSET) + yMore) * size;
  for (let r: u32 = 0; r < rows; r++) {
    const x = x0 + rowOffset(at, Y_DIMS, Y_IN_STRIDES, r) * size;
    const y = y0 + rowOffset(at, Y_DIMS, Y_OUT_STRIDES, r) * size;
    if (xStep == size && yStep == size) copyBytes(y, x, n * size);
    else if (size == 1) copyRow<u8>(n, x, xStep, y, yStep);
    else if (size == 2) copyRow<u16>(n, x, xStep, y, yStep);
    else if (size == 4) copyRow<u32>(n, x, xStep, y, yStep);
    else copyRow<u64>(n, x, xStep, y, yStep);
  }
}

/** Sets every byte that a copy with its fields at `shift` would write to `value`. */
export function markCopy(record: usize, shift: usize, value: u8): void {
  const at = record + shift;
  const size: usize = u32At(at, Y_ELEMENT);
  const n: usize = lastOf(at, Y_DIMS);
  const yStep = <usize>lastOf(at, Y_OUT_STRIDES) * size;
  const rows = rowCount(at, Y_DIMS);
  const y0 = dataOf(outputOf(record)) + <usize>u32At(at, Y_OUT_OFFSET) * size;
  for (let r: u32 = 0; r < rows; r++) {
    let y = y0 + rowOffset(at, Y_DIMS, Y_OUT_STRIDES, r) * size;
    if (yStep == size) fillBytes(y, value, n * size);
    else {
      for (let i: usize = 0; i < n; i++) {
        fillBytes(y, value, size);
        y += yStep;
      }
    }
  }
}

export function verifyFill(record: usize): i32 {
  return u32At(record, O_BYTES) == FILL_RECORD_BYTES ? 0 : CHECK_RECORD;
}

// @ts-ignore: decorator
@inline
function fill<T>(p: usize, end: usize, value: T): void {
  for (; p < end; p += sizeof<T>()) store<T>(p, value);
}

export function runFill(record: usize): void {
  const y = outputOf(record);
  const value = u32At(record, F_VALUE);
  const p = dataOf(y);
  const end = p + bytesOf(y);
  const size = elementBytes(dtypeOf(y));
  if (size == 1) fill<u8>(p, end, <u8>value);
  else if (size == 2) fill<u16>(p, end, <u16>value);
  else if (size == 4) fill<u32>(p, end, value);
  else fill<i64>(p, end, <i64><i32>value);
}

/** OP_REDUCE, OP_ARG, OP_CUMSUM: along the middle of [outer, count, inner]. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_INDEX, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { OP_ARG, OP_CUMSUM, OP_REDUCE, REDUCE_MAX, REDUCE_MIN } from "../codes";
import {
  DTYPE_FLOAT32,
  DTYPE_INT32,
  DTYPE_INT64,
  DTYPE_INT8,
  O_BYTES,
  O_CODE,
  O_INPUT2,
  O_INPUT3,
  O_VARIABLE,
  O_VARIABLE2,
} from "../format";
import { Q_COUNT, Q_INNER, Q_KIND, Q_OUTER, REDUCE_RECORD_BYTES } from "../records";
import { within } from "../engine/check";
import { isKept, keeps } from "../engine/kept";
import { bytesOf, dataOf, dtypeOf, inputOf, namedBy, outputOf, u32At } from "../engine/model";
import { elementBytes } from "../engine/tensors";
import { argRow, cumsumRow, reduceRow } from "../kernels/vector/reduce";

/** The record names one input and no tensor but that and the output. */
export function hasOneInput(record: usize): bool {
  return (
    namedBy(record, O_INPUT2) == 0 &&
    namedBy(record, O_INPUT3) == 0 &&
    namedBy(record, O_VARIABLE) == 0 &&
    namedBy(record, O_VARIABLE2) == 0
  );
}

export function verifyReduce(record: usize): i32 {
  if (u32At(record, O_BYTES) != REDUCE_RECORD_BYTES) return CHECK_RECORD;
  if (!hasOneInput(record)) return CHECK_INDEX;
  const code = u32At(record, O_CODE);
  const x = inputOf(record);
  const y = outputOf(record);
  const dtype = dtypeOf(x);
  if (dtype != DTYPE_FLOAT32 && dtype != DTYPE_INT32 && (dtype != DTYPE_INT8 || code == OP_CUMSUM)) return CHECK_DTYPE;
  if (code == OP_ARG ? dtypeOf(y) != DTYPE_INT32 && dtypeOf(y) != DTYPE_INT64 : dtypeOf(y) != dtype)
    return CHECK_DTYPE;
  const kind = u32At(record, Q_KIND);
  // Sums and products of int8 would not stay int8.
  if (kind > 3 || (code == OP_REDUCE && dtype == DTYPE_INT8 && kind != REDUCE_MAX && kind != REDUCE_MIN))
    return CHECK_FIELD;
  if (!within(record, Q_COUNT, 1, i32.MAX_VALUE) || !within(record, Q_INNER, 1, i32.MAX_VALUE)) return CHECK_FIELD;
  const elements = bytesOf(x) / elementBytes(dtype);
  if (<f64>u32At(record, Q_OUTER) * u32At(record, Q_COUNT) * u32At(record, Q_INNER) != <f64>elements) return CHECK_SHAPE;
  const outputs = code == OP_CUMSUM ? elements : elements / u32At(record, Q_COUNT);
  return bytesOf(y) / elementBytes(dtypeOf(y)) == outputs ? 0 : CHECK_SHAPE;
}

// @ts-ignore: decorator
@inline
function runTyped<T>(record: usize, width: usize): void {
  const code = u32At(record, O_CODE);
  const y = outputOf(record);
  const count: usize = u32At(record, Q_COUNT);
  const inner: usize = u32At(record, Q_INNER);
  const kind = u32At(record, Q_KIND);
  const isByte = width == 1;
  const step = inner * width;
  const size: usize = elementBytes(dtypeOf(y));
  let x = dataOf(inputOf(record));
  let to = dataOf(y);
  const end = to + bytesOf(y);
  while (to < end) {
    for (let i: usize = 0; i < inner; i++) {
      if (isKept(code, OP_REDUCE)) {
        const v = reduceRow<T>(x, count, step, kind, isByte);
        if (isInteger<T>() && isByte) store<u8>(to, <u8>v);
        else store<T>(to, v);
      } else if (isKept(code, OP_ARG)) {
        store<u32>(to, argRow<T>(x, count, step, kind, isByte));
        if (size == 8) store<u32>(to, 0, 4);
      } else if (keeps(OP_CUMSUM)) cumsumRow<T>(x, count, step, kind, to);
      x += width;
      to += size;
    }
    x += (count - 1) * step;
    if (code == OP_CUMSUM) to += (count - 1) * step;
  }
}

export function runReduce(record: usize): void {
  const dtype = dtypeOf(inputOf(record));
  if (dtype == DTYPE_FLOAT32) runTyped<f32>(record, 4);
  else runTyped<i32>(record, elementBytes(dtype));
}

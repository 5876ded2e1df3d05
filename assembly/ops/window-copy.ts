/**
 * OP_WINDOW: a copy whose place in x is known only when it runs. OP_UPDATE: one whose place in y is, in place.
 * Each start is brought into 0…limit, so that the window always fits.
 */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_INDEX, CHECK_RECORD } from "../abi";
import { OP_UPDATE } from "../codes";
import { DTYPE_INT32, DTYPE_INT64, MAX_RANK, NONE, O_BYTES, O_CODE, O_INPUT, O_INPUT2 } from "../format";
import { D_LIMITS, D_STARTS, D_STRIDES, WINDOW_RECORD_BYTES, WINDOW_SHIFT } from "../records";
import { bytesOf, dataOf, dtypeOf, input2Of, inputOf, outputOf, u32At } from "../engine/model";
import { elementBytes } from "../engine/tensors";
import { checkCopy, copyStrided } from "./copy";

export function verifyWindow(record: usize): i32 {
  if (u32At(record, O_BYTES) != WINDOW_RECORD_BYTES) return CHECK_RECORD;
  if (u32At(record, O_INPUT) == NONE || u32At(record, O_INPUT2) == NONE) return CHECK_INDEX;
  const isUpdate = u32At(record, O_CODE) == OP_UPDATE;
  const starts = input2Of(record);
  const count = u32At(record, D_STARTS);
  if (dtypeOf(starts) != DTYPE_INT32 && dtypeOf(starts) != DTYPE_INT64) return CHECK_DTYPE;
  if (count > MAX_RANK || count * elementBytes(dtypeOf(starts)) != bytesOf(starts)) return CHECK_FIELD;
  const moved = isUpdate ? outputOf(record) : inputOf(record);
  let furthest: f64 = 0;
  for (let d: usize = 0; d < <usize>count; d++) {
    furthest += <f64>u32At(record, D_LIMITS + (d << 2)) * u32At(record, D_STRIDES + (d << 2));
  }
  if (furthest > <f64>bytesOf(moved)) return CHECK_FIELD;
  // Strides of starts are not negative, so the window lies inside at every start if it does at both ends.
  const first = checkCopy(record, WINDOW_SHIFT, 0, 0);
  if (first) return first;
  return checkCopy(record, WINDOW_SHIFT, isUpdate ? 0 : <u32>furthest, isUpdate ? <u32>furthest : 0);
}

export function runWindow(record: usize): void {
  const isUpdate = u32At(record, O_CODE) == OP_UPDATE;
  const starts = input2Of(record);
  const isLong = dtypeOf(starts) == DTYPE_INT64;
  let at = dataOf(starts);
  let offset: usize = 0;
  for (let d: usize = 0; d < <usize>u32At(record, D_STARTS); d++) {
    const start: i64 = isLong ? load<i64>(at) : <i64>load<i32>(at);
    at += isLong ? 8 : 4;
    const limit = <i64>u32At(record, D_LIMITS + (d << 2));
    offset += <usize>min<i64>(max<i64>(start, 0), limit) * u32At(record, D_STRIDES + (d << 2));
  }
  copyStrided(record, WINDOW_SHIFT, isUpdate ? 0 : offset, isUpdate ? offset : 0);
}

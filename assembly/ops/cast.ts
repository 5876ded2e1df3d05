/** OP_CAST: each element in another type. */

import { CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { DTYPE_BOOL, DTYPE_FLOAT32, DTYPE_UINT8, O_BYTES } from "../format";
import { UNARY_RECORD_BYTES } from "../records";
import { bytesOf, dataOf, dtypeOf, inputOf, outputOf, u32At } from "../engine/model";
import { elementBytes } from "../engine/tensors";
import { largest, loadWhole, storeWhole } from "../engine/whole";

export function verifyCast(record: usize): i32 {
  if (u32At(record, O_BYTES) != UNARY_RECORD_BYTES) return CHECK_RECORD;
  const x = inputOf(record);
  const y = outputOf(record);
  return bytesOf(x) / elementBytes(dtypeOf(x)) == bytesOf(y) / elementBytes(dtypeOf(y)) ? 0 : CHECK_SHAPE;
}

/** Towards zero, within the type's range; NaN is 0. Of a bool, whether it differs from 0. */
function wholeOf(v: f64, dtype: u32): i64 {
  if (dtype == DTYPE_BOOL) return i64(v != 0);
  if (v != v) return 0;
  const hi = largest(dtype);
  const lo = dtype == DTYPE_UINT8 ? 0 : ~hi;
  // As a float64 the largest int64 is one more.
  if (v >= <f64>hi) return hi;
  return v <= <f64>lo ? lo : <i64>v;
}

export function runCast(record: usize): void {
  const from = dtypeOf(inputOf(record));
  const to = dtypeOf(outputOf(record));
  const step: usize = elementBytes(from);
  const yStep: usize = elementBytes(to);
  let y = dataOf(outputOf(record));
  let x = dataOf(inputOf(record));
  for (const end = x + bytesOf(inputOf(record)); x < end; x += step) {
    if (from == DTYPE_FLOAT32) {
      const v = load<f32>(x);
      if (to == DTYPE_FLOAT32) store<f32>(y, v);
      else storeWhole(to, y, wholeOf(v, to));
    } else {
      const v = loadWhole(from, x);
      // By way of float64, in which JavaScript has it too.
      if (to == DTYPE_FLOAT32) store<f32>(y, <f32><f64>v);
      else storeWhole(to, y, v);
    }
    y += yStep;
  }
}

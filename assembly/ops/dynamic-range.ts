/** OP_DYNAMIC_RANGE: the scale, or the zero point, with which uint8 holds all that a float32 tensor holds. */

import { CHECK_DTYPE, CHECK_INDEX, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { DTYPE_FLOAT32, DTYPE_UINT8, NONE, O_BYTES, O_INPUT2, O_INPUT3 } from "../format";
import { DYNAMIC_RANGE_RECORD_BYTES } from "../records";
import { bytesOf, dataOf, dtypeOf, inputOf, outputOf, u32At } from "../engine/model";
import { elementsOf, hasInputOnly } from "./quantize-linear";

export function verifyDynamicRange(record: usize): i32 {
  if (u32At(record, O_BYTES) != DYNAMIC_RANGE_RECORD_BYTES) return CHECK_RECORD;
  if (!hasInputOnly(record) || u32At(record, O_INPUT2) != NONE || u32At(record, O_INPUT3) != NONE) return CHECK_INDEX;
  const y = outputOf(record);
  if (dtypeOf(inputOf(record)) != DTYPE_FLOAT32) return CHECK_DTYPE;
  if (dtypeOf(y) != DTYPE_FLOAT32 && dtypeOf(y) != DTYPE_UINT8) return CHECK_DTYPE;
  return elementsOf(y) == 1 ? 0 : CHECK_SHAPE;
}

/** NaN does not count; scale 1 where nothing differs from 0. Equals test/reference/quantize-linear.ts bit for bit. */
export function runDynamicRange(record: usize): void {
  const x = inputOf(record);
  const y = outputOf(record);
  let low: f32 = 0;
  let high: f32 = 0;
  let at = dataOf(x);
  const end = at + bytesOf(x);
  for (; at < end; at += 4) {
    const v = load<f32>(at);
    low = v < low ? v : low;
    high = v > high ? v : high;
  }
  const scale: f32 = low == high ? 1 : (high - low) / 255;
  if (dtypeOf(y) == DTYPE_FLOAT32) {
    store<f32>(dataOf(y), scale);
    return;
  }
  const zero: f32 = 0 - low / scale;
  const below: f32 = zero < 255 ? zero : 255;
  store<u8>(dataOf(y), <u8><i32>nearest(below));
}

/** Tensor records: checked once, then given their address. */

import {
  CHECK_ALIGNMENT,
  CHECK_DTYPE,
  CHECK_FIELD,
  CHECK_QUANTIZATION,
  CHECK_REGION,
  CHECK_SHAPE,
} from "../abi";
import {
  DTYPE_BOOL,
  DTYPE_FLOAT32,
  DTYPE_INT16,
  DTYPE_INT32,
  DTYPE_INT64,
  DTYPE_INT8,
  DTYPE_UINT8,
  MAX_RANK,
  REGION_ARENA,
  REGION_STATE,
  REGION_WEIGHTS,
  T_FLAGS,
  T_OFFSET,
  T_POINTER,
  T_REGION,
  T_SCALE,
  T_SIZE,
} from "../format";
import { dimOf, dtypeOf, f32At, rankOf, u32At } from "./model";

/** Bytes of one element, or 0 for a type that does not exist. */
export function elementBytes(dtype: u32): u32 {
  if (dtype == DTYPE_INT8 || dtype == DTYPE_UINT8 || dtype == DTYPE_BOOL) return 1;
  if (dtype == DTYPE_FLOAT32 || dtype == DTYPE_INT32) return 4;
  if (dtype == DTYPE_INT16) return 2;
  return dtype == DTYPE_INT64 ? 8 : 0;
}

/** Checks the record and writes its address; the regions begin at the given addresses. */
export function placeTensor(
  t: usize, arena: usize, arenaBytes: u32, weights: usize, weightsBytes: u32, state: usize, stateBytes: u32
): i32 {
  const size = elementBytes(dtypeOf(t));
  if (size == 0) return CHECK_DTYPE;
  if (rankOf(t) > MAX_RANK || load<u8>(t + T_FLAGS) != 0) return CHECK_FIELD;
  let bytes = <f64>size;
  for (let i: u32 = 0; i < rankOf(t); i++) {
    bytes *= <f64>dimOf(t, i);
    if (bytes == 0 || bytes > <f64>i32.MAX_VALUE) return CHECK_SHAPE;
  }
  if (bytes != <f64>u32At(t, T_SIZE)) return CHECK_SHAPE;
  const scale = f32At(t, T_SCALE);
  if (!(scale >= 0 && scale <= f32.MAX_VALUE)) return CHECK_QUANTIZATION;
  const region: u32 = load<u8>(t + T_REGION);
  let base = arena;
  let limit = arenaBytes;
  if (region == REGION_WEIGHTS) {
    base = weights;
    limit = weightsBytes;
  } else if (region == REGION_STATE) {
    base = state;
    limit = stateBytes;
  } else if (region != REGION_ARENA) return CHECK_FIELD;
  const offset = u32At(t, T_OFFSET);
  if (offset & 15) return CHECK_ALIGNMENT;
  if (<f64>offset + bytes > <f64>limit) return CHECK_REGION;
  store<u32>(t + T_POINTER, <u32>(base + offset));
  return 0;
}

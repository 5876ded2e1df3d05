/** Elements of any type as 64-bit integers: whole numbers by value, float32 by its bits. */

import { DTYPE_BOOL, DTYPE_INT16, DTYPE_INT64, DTYPE_INT8, DTYPE_UINT8 } from "../format";
import { elementBytes } from "./tensors";

/** A bool is 0 or 1, whatever its byte. */
export function loadWhole(dtype: u32, p: usize): i64 {
  const size = elementBytes(dtype);
  if (size == 4) return load<i32>(p);
  if (size == 8) return load<i64>(p);
  if (size == 2) return load<i16>(p);
  const byte = load<i8>(p);
  if (dtype == DTYPE_INT8) return byte;
  return dtype == DTYPE_BOOL ? i64(byte != 0) : <i64><u8>byte;
}

/** Keeps the low bits; of a bool whether there are any. */
export function storeWhole(dtype: u32, p: usize, v: i64): void {
  const size = elementBytes(dtype);
  if (size == 4) store<i32>(p, <i32>v);
  else if (size == 8) store<i64>(p, v);
  else if (size == 2) store<i16>(p, <i16>v);
  else store<u8>(p, <u8>(dtype == DTYPE_BOOL ? i64(v != 0) : v));
}

/** The largest value of a type of whole numbers. */
export function largest(dtype: u32): i64 {
  if (dtype == DTYPE_UINT8) return 255;
  if (dtype == DTYPE_INT8) return 127;
  if (dtype == DTYPE_INT16) return i16.MAX_VALUE;
  return dtype == DTYPE_INT64 ? i64.MAX_VALUE : <i64>i32.MAX_VALUE;
}

/** OP_QUANTIZE_LINEAR: to and from integers with scales and zero points that are tensors, per tensor, axis or block. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_INDEX, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { LINEAR_AWAY, LINEAR_CENTER, LINEAR_DEQUANTIZE, LINEAR_MULTIPLY } from "../codes";
import {
  DTYPE_FLOAT32,
  DTYPE_INT16,
  DTYPE_INT32,
  DTYPE_INT8,
  DTYPE_UINT8,
  NONE,
  O_BYTES,
  O_INPUT,
  O_INPUT2,
  O_INPUT3,
  O_VARIABLE,
  O_VARIABLE2,
} from "../format";
import {
  QL_AXIS_STRIDE,
  QL_BLOCK,
  QL_DIM,
  QL_INNER,
  QL_INNER_STRIDE,
  QL_KIND,
  QL_MAX,
  QL_MIN,
  QL_OUTER,
  QL_OUTER_STRIDE,
  QL_X_OFFSET,
  QUANTIZE_LINEAR_RECORD_BYTES,
} from "../records";
import { productOf, within } from "../engine/check";
import { bytesOf, dataOf, dtypeOf, i32At, inputOf, namedBy, outputOf, u32At } from "../engine/model";
import { elementBytes } from "../engine/tensors";

export function isInteger(dtype: u32): bool {
  return dtype >= DTYPE_INT8 && dtype <= DTYPE_INT32;
}

export function elementsOf(t: usize): u32 {
  return bytesOf(t) / elementBytes(dtypeOf(t));
}

/** The record has its first input and no variables. */
export function hasInputOnly(record: usize): bool {
  return (
    u32At(record, O_INPUT) != NONE && u32At(record, O_VARIABLE) == NONE && u32At(record, O_VARIABLE2) == NONE
  );
}

export function verifyQuantizeLinear(record: usize): i32 {
  if (u32At(record, O_BYTES) != QUANTIZE_LINEAR_RECORD_BYTES) return CHECK_RECORD;
  if (!hasInputOnly(record)) return CHECK_INDEX;
  const x = inputOf(record);
  const y = outputOf(record);
  const kind = u32At(record, QL_KIND);
  if (kind > LINEAR_AWAY) return CHECK_FIELD;
  const isToFloat = kind == LINEAR_DEQUANTIZE;
  if (!isInteger(dtypeOf(x)) && (isToFloat || kind == LINEAR_CENTER || dtypeOf(x) != DTYPE_FLOAT32)) return CHECK_DTYPE;
  if (isToFloat ? dtypeOf(y) != DTYPE_FLOAT32 : !isInteger(dtypeOf(y))) return CHECK_DTYPE;
  if (kind == LINEAR_CENTER && dtypeOf(y) != DTYPE_INT16) return CHECK_DTYPE;
  const low = i32At(record, QL_MIN);
  const high = i32At(record, QL_MAX);
  if (low < -32768 || high > 65535 || low > high) return CHECK_FIELD;

  if (elementsOf(x) != elementsOf(y) || productOf(record, QL_OUTER, QL_INNER) != <f64>elementsOf(x)) return CHECK_SHAPE;
  if (!within(record, QL_BLOCK, 1, i32.MAX_VALUE)) return CHECK_FIELD;
  for (let field: usize = QL_OUTER_STRIDE; field <= <usize>QL_INNER_STRIDE; field += 4)
    if (!within(record, field, 0, i32.MAX_VALUE)) return CHECK_FIELD;
  let last = <f64>(u32At(record, QL_OUTER) - 1) * u32At(record, QL_OUTER_STRIDE);
  last += <f64>((u32At(record, QL_DIM) - 1) / u32At(record, QL_BLOCK)) * u32At(record, QL_AXIS_STRIDE);
  last += <f64>(u32At(record, QL_INNER) - 1) * u32At(record, QL_INNER_STRIDE);
  const scale = namedBy(record, O_INPUT2);
  const zero = namedBy(record, O_INPUT3);
  if (scale != 0 && dtypeOf(scale) != DTYPE_FLOAT32) return CHECK_DTYPE;
  if (zero != 0 && !isInteger(dtypeOf(zero))) return CHECK_DTYPE;
  if (scale != 0 && elementsOf(scale) != 1 && last >= <f64>elementsOf(scale)) return CHECK_SHAPE;
  return zero != 0 && elementsOf(zero) != 1 && last >= <f64>elementsOf(zero) ? CHECK_SHAPE : 0;
}

export function readInteger(dtype: u32, base: usize, i: usize): i32 {
  if (dtype == DTYPE_INT8) return load<i8>(base + i);
  if (dtype == DTYPE_UINT8) return load<u8>(base + i);
  if (dtype == DTYPE_INT16) return load<i16>(base + (i << 1));
  return load<i32>(base + (i << 2));
}

export function writeInteger(dtype: u32, base: usize, i: usize, v: i32): void {
  if (dtype == DTYPE_INT16) store<i16>(base + (i << 1), <i16>v);
  else if (dtype == DTYPE_INT32) store<i32>(base + (i << 2), v);
  else store<i8>(base + i, <i8>v);
}

/** Equals test/reference/quantize-linear.ts bit for bit. NaN becomes the largest value. */
export function runQuantizeLinear(record: usize): void {
  const x = inputOf(record);
  const y = outputOf(record);
  const scale = namedBy(record, O_INPUT2);
  const zero = namedBy(record, O_INPUT3);
  const kind = u32At(record, QL_KIND);
  const offset = i32At(record, QL_X_OFFSET);
  const lowest = i32At(record, QL_MIN);
  const highest = i32At(record, QL_MAX);
  const dim = u32At(record, QL_DIM);
  const inner: usize = u32At(record, QL_INNER);
  const block = u32At(record, QL_BLOCK);
  const isFloat = dtypeOf(x) == DTYPE_FLOAT32;
  const isOneScale = scale == 0 || elementsOf(scale) == 1;
  const isOneZero = zero == 0 || elementsOf(zero) == 1;
  const from = dataOf(x);
  const to = dataOf(y);
  const rows = elementsOf(x) / <u32>inner;
  const innerStep: usize = u32At(record, QL_INNER_STRIDE);
  let at: usize = 0;
  for (let row: u32 = 0; row < rows; row++) {
    let entry =
      <usize>(row / dim) * u32At(record, QL_OUTER_STRIDE) + <usize>((row % dim) / block) * u32At(record, QL_AXIS_STRIDE);
    for (const end = at + inner; at < end; at++) {
      const s: f32 = scale == 0 ? 1 : load<f32>(dataOf(scale) + (isOneScale ? 0 : entry << 2));
      const z: i32 = zero == 0 ? 0 : readInteger(dtypeOf(zero), dataOf(zero), isOneZero ? 0 : entry);
      entry += innerStep;
      if (kind == LINEAR_DEQUANTIZE || kind == LINEAR_CENTER) {
        const q = readInteger(dtypeOf(x), from, at) + offset - z;
        if (kind == LINEAR_CENTER) store<i16>(to + (at << 1), <i16>q);
        else store<f32>(to + (at << 2), <f32>q * s);
        continue;
      }
      const v: f32 = isFloat ? load<f32>(from + (at << 2)) : <f32>(readInteger(dtypeOf(x), from, at) + offset);
      const shift = z < -65536 ? -65536 : z > 65535 ? 65535 : z;
      const low: i32 = lowest - shift;
      const high: i32 = highest - shift;
      if (kind == LINEAR_AWAY) {
        const exact = v == v ? <f64>v / <f64>s : 0;
        const halves = trunc(exact + copysign<f64>(0.5, exact));
        writeInteger(dtypeOf(y), to, at, <i32>min(max(halves, <f64>low), <f64>high) + shift);
        continue;
      }
      const steps = kind == LINEAR_MULTIPLY ? v * s : v / s;
      const below: f32 = steps < <f32>high ? steps : <f32>high;
      const inside: f32 = <f32>low < below ? below : <f32>low;
      writeInteger(dtypeOf(y), to, at, <i32>nearest(inside) + shift);
    }
  }
}

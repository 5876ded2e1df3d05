/** OP_ADD_*, OP_SUB_F32, OP_MUL_*, OP_BINARY_F32: elementwise with broadcasting. An int8 subtraction is an addition. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_QUANTIZATION, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import {
  BINARY_ADD,
  BINARY_MAXIMUM,
  BINARY_MUL,
  BINARY_PRELU,
  BINARY_SUB,
  OP_ADD_F32,
  OP_ADD_QS8,
  OP_BINARY_F32,
  OP_MUL_F32,
  OP_MUL_QS8,
  OP_SUB_F32,
  ROUNDING_DOUBLE,
} from "../codes";
import { DTYPE_FLOAT32, DTYPE_INT8, O_BYTES, O_CODE } from "../format";
import {
  BINARY_RECORD_BYTES,
  B_A_MULTIPLIER,
  B_A_SHIFT,
  B_A_STRIDES,
  B_A_ZERO_POINT,
  B_B_MULTIPLIER,
  B_B_SHIFT,
  B_B_STRIDES,
  B_B_ZERO_POINT,
  B_DIMS,
  B_KIND,
  B_MAX,
  B_MIN,
  B_MULTIPLIER,
  B_ROUNDING,
  B_SCALE,
  B_SHIFT,
  B_SIGN,
  B_ZERO_POINT,
} from "../records";
import { checkFloatRange, checkInt8Range, checkRounding, isInt8, isMultiplier, isScale, within } from "../engine/check";
import { isKept, roundingAt } from "../engine/kept";
import { bytesOf, dataOf, dtypeOf, f32At, i32At, input2Of, inputOf, outputOf, u32At } from "../engine/model";
import { f32_binary, qs8_add, qs8_mul } from "../kernels/vector/binary";
import { checkDims, lastOf, reaches, rowCount, rowOffset } from "./strided";

export function verifyBinary(record: usize): i32 {
  if (u32At(record, O_BYTES) != BINARY_RECORD_BYTES) return CHECK_RECORD;
  const a = inputOf(record);
  const b = input2Of(record);
  const y = outputOf(record);
  const code = u32At(record, O_CODE);
  const isFloat = code == OP_ADD_F32 || code == OP_SUB_F32 || code == OP_MUL_F32 || code == OP_BINARY_F32;
  if (code == OP_BINARY_F32 && !within(record, B_KIND, BINARY_MAXIMUM, BINARY_PRELU)) return CHECK_FIELD;
  const dtype: u32 = isFloat ? DTYPE_FLOAT32 : DTYPE_INT8;
  if (dtypeOf(a) != dtype || dtypeOf(b) != dtype || dtypeOf(y) != dtype) return CHECK_DTYPE;
  const shift: u32 = isFloat ? 2 : 0;
  const check = checkDims(record, B_DIMS, bytesOf(y) >> shift);
  if (check) return check;
  if (!reaches(record, B_DIMS, B_A_STRIDES, 0, bytesOf(a) >> shift)) return CHECK_SHAPE;
  if (!reaches(record, B_DIMS, B_B_STRIDES, 0, bytesOf(b) >> shift)) return CHECK_SHAPE;
  if (lastOf(record, B_A_STRIDES) > 1 || lastOf(record, B_B_STRIDES) > 1) return CHECK_FIELD;
  if (isFloat) return checkFloatRange(f32At(record, B_MIN), f32At(record, B_MAX));
  return verifyQuantized(record, code);
}

function verifyQuantized(record: usize, code: u32): i32 {
  let check = checkRounding(u32At(record, B_ROUNDING));
  if (check) return check;
  check = checkInt8Range(i32At(record, B_MIN), i32At(record, B_MAX), i32At(record, B_ZERO_POINT));
  if (check) return check;
  if (!isInt8(i32At(record, B_A_ZERO_POINT)) || !isInt8(i32At(record, B_B_ZERO_POINT))) return CHECK_QUANTIZATION;
  if (roundingAt(record, B_ROUNDING) == ROUNDING_DOUBLE) {
    if (!isMultiplier(i32At(record, B_MULTIPLIER), i32At(record, B_SHIFT))) return CHECK_QUANTIZATION;
    if (code == OP_MUL_QS8) return 0;
    if (!isMultiplier(i32At(record, B_A_MULTIPLIER), i32At(record, B_A_SHIFT))) return CHECK_QUANTIZATION;
    if (!isMultiplier(i32At(record, B_B_MULTIPLIER), i32At(record, B_B_SHIFT))) return CHECK_QUANTIZATION;
    const sign = i32At(record, B_SIGN);
    return sign == 1 || sign == -1 ? 0 : CHECK_FIELD;
  }
  if (code == OP_MUL_QS8) return isScale(f32At(record, B_SCALE)) ? 0 : CHECK_QUANTIZATION;
  const shift = i32At(record, B_SHIFT);
  return shift >= 1 && shift <= 31 ? 0 : CHECK_FIELD;
}

export function runBinary(record: usize): void {
  const code = u32At(record, O_CODE);
  const shift: usize = code == OP_ADD_QS8 || code == OP_MUL_QS8 ? 0 : 2;
  let kind = u32At(record, B_KIND);
  if (code == OP_ADD_F32) kind = BINARY_ADD;
  else if (code == OP_SUB_F32) kind = BINARY_SUB;
  else if (code == OP_MUL_F32) kind = BINARY_MUL;
  const n: usize = lastOf(record, B_DIMS);
  const aStep: usize = lastOf(record, B_A_STRIDES);
  const bStep: usize = lastOf(record, B_B_STRIDES);
  const rows = rowCount(record, B_DIMS);
  const a0 = dataOf(inputOf(record));
  const b0 = dataOf(input2Of(record));
  let y = dataOf(outputOf(record));
  for (let r: u32 = 0; r < rows; r++) {
    const a = a0 + (rowOffset(record, B_DIMS, B_A_STRIDES, r) << shift);
    const b = b0 + (rowOffset(record, B_DIMS, B_B_STRIDES, r) << shift);
    if (isKept(code, OP_ADD_QS8)) qs8_add(record, n, a, aStep, b, bStep, y);
    else if (isKept(code, OP_MUL_QS8)) qs8_mul(record, n, a, aStep, b, bStep, y);
    else f32_binary(kind, record, n, a, aStep, b, bStep, y);
    y += n << shift;
  }
}

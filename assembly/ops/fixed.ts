/** OP_FIXED: elementwise operators of int8, int16 and int32 by fixed-point factors, with broadcasting; any type to any. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_INDEX, CHECK_QUANTIZATION, CHECK_RECORD } from "../abi";
import { FIXED_ADD, FIXED_LOGISTIC, FIXED_MUL, FIXED_REQUANTIZE, FIXED_SUB, FIXED_TANH } from "../codes";
import { DTYPE_INT16, DTYPE_INT8, DTYPE_UINT8, NONE, O_BYTES, O_INPUT2, O_INPUT3 } from "../format";
import {
  B_A_STRIDES,
  B_B_STRIDES,
  B_DIMS,
  E_A_MULTIPLIER,
  E_A_SHIFT,
  E_A_ZERO_POINT,
  E_B_MULTIPLIER,
  E_B_SHIFT,
  E_B_ZERO_POINT,
  E_KIND,
  E_MAX,
  E_MIN,
  E_MULTIPLIER,
  E_SHIFT,
  E_TABLE,
  E_ZERO_POINT,
  FIXED_RECORD_BYTES,
} from "../records";
import { checkWeights, within } from "../engine/check";
import { dataOf, dtypeOf, i32At, inputOf, namedBy, outputOf, u32At, weights } from "../engine/model";
import { elementBytes } from "../engine/tensors";
import { logistic16, tanh16 } from "../kernels/recurrent/qs8";
import { clamp, requantizeDouble } from "../simd/requantize";
import { verifyWalk } from "./arithmetic";
import { hasInputOnly, isInteger, readInteger, writeInteger } from "./quantize-linear";
import { lastOf, rowCount, rowOffset } from "./strided";

/** Shifts right by up to 31 or left by up to 30: multipliers may be any, as nothing is added to what they give. */
function isShift(record: usize, field: usize): bool {
  const shift = i32At(record, field);
  return shift >= -31 && shift <= 30;
}

export function verifyFixed(record: usize): i32 {
  if (u32At(record, O_BYTES) != FIXED_RECORD_BYTES) return CHECK_RECORD;
  const kind = u32At(record, E_KIND);
  if (kind > FIXED_MUL) return CHECK_FIELD;
  if (!hasInputOnly(record) || (u32At(record, O_INPUT2) == NONE) != (kind < FIXED_ADD)) return CHECK_INDEX;
  if (u32At(record, O_INPUT3) != NONE) return CHECK_INDEX;
  const a = inputOf(record);
  const b = kind < FIXED_ADD ? a : namedBy(record, O_INPUT2);
  const y = dtypeOf(outputOf(record));
  if (!isInteger(dtypeOf(a)) || !isInteger(dtypeOf(b)) || !isInteger(y)) return CHECK_DTYPE;
  if (dtypeOf(a) == DTYPE_UINT8 || dtypeOf(b) == DTYPE_UINT8 || y == DTYPE_UINT8) return CHECK_DTYPE;
  const least: i32 = y == DTYPE_INT8 ? -128 : y == DTYPE_INT16 ? -32768 : i32.MIN_VALUE;
  if (i32At(record, E_MIN) < least || i32At(record, E_MAX) > ~least) return CHECK_QUANTIZATION;
  if (!isShift(record, E_A_SHIFT) || !isShift(record, E_B_SHIFT) || !isShift(record, E_SHIFT)) return CHECK_QUANTIZATION;
  if (kind == FIXED_LOGISTIC || kind == FIXED_TANH) {
    const check = checkWeights(u32At(record, E_TABLE), 512);
    if (check) return check;
  } else if (!within(record, E_TABLE, 0, 31)) return CHECK_FIELD;
  return verifyWalk(record, a, b);
}

/** Equals test/reference/fixed.ts bit for bit. */
export function runFixed(record: usize): void {
  const kind = u32At(record, E_KIND);
  const at = inputOf(record);
  const bt = kind < FIXED_ADD ? at : namedBy(record, O_INPUT2);
  const yt = outputOf(record);
  const aMultiplier = i32At(record, E_A_MULTIPLIER);
  const aShift = i32At(record, E_A_SHIFT);
  const bMultiplier = i32At(record, E_B_MULTIPLIER);
  const bShift = i32At(record, E_B_SHIFT);
  const table = u32At(record, E_TABLE);
  const n = lastOf(record, B_DIMS);
  const rows = rowCount(record, B_DIMS);
  let y: usize = 0;
  for (let row: u32 = 0; row < rows; row++) {
    let i = rowOffset(record, B_DIMS, B_A_STRIDES, row);
    let j = rowOffset(record, B_DIMS, B_B_STRIDES, row);
    for (const end = y + n; y < end; y++) {
      const a = readInteger(dtypeOf(at), dataOf(at), i) - i32At(record, E_A_ZERO_POINT);
      i += lastOf(record, B_A_STRIDES);
      let v: i32;
      if (kind == FIXED_REQUANTIZE) {
        v = requantizeDouble(a, a < 0 ? bMultiplier : aMultiplier, a < 0 ? bShift : aShift);
      } else if (kind == FIXED_LOGISTIC) {
        v = logistic16(weights + table, a, aMultiplier, -aShift);
      } else if (kind == FIXED_TANH) {
        v = tanh16(weights + table, a, aMultiplier, -aShift);
      } else {
        const b = readInteger(dtypeOf(bt), dataOf(bt), j) - i32At(record, E_B_ZERO_POINT);
        j += lastOf(record, B_B_STRIDES);
        if (kind == FIXED_MUL) v = a * b;
        else {
          v = requantizeDouble(b << table, bMultiplier, bShift);
          v = requantizeDouble(a << table, aMultiplier, aShift) + (kind == FIXED_SUB ? -v : v);
        }
        v = requantizeDouble(v, i32At(record, E_MULTIPLIER), i32At(record, E_SHIFT));
      }
      v = clamp(v + i32At(record, E_ZERO_POINT), i32At(record, E_MIN), i32At(record, E_MAX));
      writeInteger(dtypeOf(yt), dataOf(yt), y, v);
    }
  }
}

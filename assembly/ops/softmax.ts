/** OP_SOFTMAX_QS8, OP_SOFTMAX_F32: along the last dimension. */

import { CHECK_DTYPE, CHECK_QUANTIZATION, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { OP_SOFTMAX_F32, OP_SOFTMAX_QS8, ROUNDING_DOUBLE } from "../codes";
import { DTYPE_FLOAT32, DTYPE_INT8, O_BYTES, O_CODE } from "../format";
import { SOFTMAX_RECORD_BYTES, X_DEPTH, X_ROUNDING, X_SCALE, X_TABLE, X_ZERO_POINT } from "../records";
import { checkRounding, checkWeights, isInt8, isScale, sameElements } from "../engine/check";
import { isKept, keeps, roundingAt } from "../engine/kept";
import { bytesOf, dataOf, dtypeOf, f32At, i32At, inputOf, outputOf, u32At, weights } from "../engine/model";
import { f32_softmax, qs8_softmax, qs8_softmax_fixed } from "../kernels/vector/softmax";

const TABLE_ENTRIES: usize = 256;

export function verifySoftmax(record: usize): i32 {
  if (u32At(record, O_BYTES) != SOFTMAX_RECORD_BYTES) return CHECK_RECORD;
  const x = inputOf(record);
  if (!sameElements(x, outputOf(record))) return CHECK_SHAPE;
  const isFloat = isKept(u32At(record, O_CODE), OP_SOFTMAX_F32);
  if (dtypeOf(x) != <u32>(isFloat ? DTYPE_FLOAT32 : DTYPE_INT8)) return CHECK_DTYPE;
  const depth = u32At(record, X_DEPTH);
  const elements = bytesOf(x) >> (isFloat ? 2 : 0);
  if (depth == 0 || elements % depth != 0) return CHECK_SHAPE;
  if (!isScale(f32At(record, X_SCALE))) return CHECK_QUANTIZATION;
  if (isFloat || !keeps(OP_SOFTMAX_QS8)) return 0;
  let check = checkRounding(u32At(record, X_ROUNDING));
  if (check) return check;
  check = checkWeights(u32At(record, X_TABLE), TABLE_ENTRIES << 2);
  if (check) return check;
  return isInt8(i32At(record, X_ZERO_POINT)) ? verifyTable(record, depth) : CHECK_QUANTIZATION;
}

/** Entry 0 is e⁰, so no sum is zero; none is negative or NaN; a double sum of `depth` entries fits 31 bits. */
function verifyTable(record: usize, depth: u32): i32 {
  const table = weights + u32At(record, X_TABLE);
  const isDouble = roundingAt(record, X_ROUNDING) == ROUNDING_DOUBLE;
  if (isDouble && depth > 4095) return CHECK_SHAPE;
  for (let i: usize = 0; i < TABLE_ENTRIES; i++) {
    if (isDouble) {
      if (i32At(table, i << 2) < 0) return CHECK_QUANTIZATION;
    } else {
      const v = f32At(table, i << 2);
      if (!(v >= 0 && v <= 1)) return CHECK_QUANTIZATION;
    }
  }
  const first = isDouble ? i32At(table, 0) == i32.MAX_VALUE : f32At(table, 0) == 1;
  return first ? 0 : CHECK_QUANTIZATION;
}

export function runSoftmax(record: usize): void {
  const xt = inputOf(record);
  const depth: usize = u32At(record, X_DEPTH);
  const isFloat = isKept(u32At(record, O_CODE), OP_SOFTMAX_F32);
  const rowBytes = isFloat ? depth << 2 : depth;
  const scale = f32At(record, X_SCALE);
  const table = weights + u32At(record, X_TABLE);
  let x = dataOf(xt);
  let y = dataOf(outputOf(record));
  const end = x + bytesOf(xt);
  while (x < end) {
    if (isFloat) f32_softmax(x, depth, scale, y);
    else if (!keeps(OP_SOFTMAX_QS8)) return;
    else if (roundingAt(record, X_ROUNDING) == ROUNDING_DOUBLE) qs8_softmax_fixed(x, depth, table, y);
    else qs8_softmax(x, depth, table, scale, i32At(record, X_ZERO_POINT), y);
    x += rowBytes;
    y += rowBytes;
  }
}

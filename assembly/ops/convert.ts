/** OP_TABLE, OP_QUANTIZE, OP_DEQUANTIZE: elementwise, from one type to another. */

import { CHECK_DTYPE, CHECK_QUANTIZATION, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { OP_DEQUANTIZE, OP_QUANTIZE, OP_TABLE } from "../codes";
import { DTYPE_FLOAT32, DTYPE_INT8, O_BYTES, O_CODE } from "../format";
import { UNARY_RECORD_BYTES, U_ROUNDING, U_SCALE, U_TABLE, U_ZERO_POINT } from "../records";
import { checkRounding, checkWeights, isInt8, isScale } from "../engine/check";
import { isKept, keeps, roundingAt } from "../engine/kept";
import { bytesOf, dataOf, dtypeOf, f32At, i32At, inputOf, outputOf, u32At, weights } from "../engine/model";
import { elementBytes } from "../engine/tensors";
import { f32_qs8_quantize, qs8_f32_dequantize, table_lookup } from "../kernels/vector/convert";

export function verifyConvert(record: usize): i32 {
  if (u32At(record, O_BYTES) != UNARY_RECORD_BYTES) return CHECK_RECORD;
  const x = inputOf(record);
  const y = outputOf(record);
  const xSize = elementBytes(dtypeOf(x));
  const ySize = elementBytes(dtypeOf(y));
  if (bytesOf(x) / xSize != bytesOf(y) / ySize) return CHECK_SHAPE;
  const code = u32At(record, O_CODE);
  if (code == OP_TABLE) return xSize == 1 && ySize == 1 ? checkWeights(u32At(record, U_TABLE), 256) : CHECK_DTYPE;
  const from: u32 = code == OP_QUANTIZE ? DTYPE_FLOAT32 : DTYPE_INT8;
  const to: u32 = code == OP_QUANTIZE ? DTYPE_INT8 : DTYPE_FLOAT32;
  if (dtypeOf(x) != from || dtypeOf(y) != to) return CHECK_DTYPE;
  if (!isScale(f32At(record, U_SCALE)) || !isInt8(i32At(record, U_ZERO_POINT))) return CHECK_QUANTIZATION;
  return checkRounding(u32At(record, U_ROUNDING));
}

export function runConvert(record: usize): void {
  const x = inputOf(record);
  const y = outputOf(record);
  const code = u32At(record, O_CODE);
  const scale = f32At(record, U_SCALE);
  const zeroPoint = i32At(record, U_ZERO_POINT);
  if (isKept(code, OP_TABLE)) {
    table_lookup(dataOf(x), bytesOf(x), weights + u32At(record, U_TABLE), dataOf(y));
  } else if (isKept(code, OP_QUANTIZE)) {
    f32_qs8_quantize(dataOf(x), bytesOf(y), roundingAt(record, U_ROUNDING), scale, zeroPoint, dataOf(y));
  } else if (keeps(OP_DEQUANTIZE)) {
    qs8_f32_dequantize(dataOf(x), bytesOf(x), scale, zeroPoint, dataOf(y));
  }
}

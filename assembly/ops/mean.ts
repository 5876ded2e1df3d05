/** OP_MEAN_QS8, OP_MEAN_F32: [outer, count, inner] → [outer, inner]. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_QUANTIZATION, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { OP_MEAN_F32, OP_MEAN_QS8, ROUNDING_DOUBLE } from "../codes";
import { DTYPE_FLOAT32, DTYPE_INT8, O_BYTES, O_CODE } from "../format";
import {
  MEAN_RECORD_BYTES,
  R_BIAS,
  R_COUNT,
  R_INNER,
  R_MULTIPLIER,
  R_OUTER,
  R_ROUNDING,
  R_SCALE,
  R_SHIFT,
  R_ZERO_POINT,
} from "../records";
import { checkRounding, isInt8, isMultiplier, isScale, within } from "../engine/check";
import { isKept, keeps, roundingAt } from "../engine/kept";
import { bytesOf, dataOf, dtypeOf, f32At, i32At, inputOf, outputOf, u32At } from "../engine/model";
import { f32_mean, qs8_mean } from "../kernels/vector/mean";

/** Sums of this many int8 less their zero point fit 31 bits. */
const COUNT_LIMIT: u32 = 1 << 23;

export function verifyMean(record: usize): i32 {
  if (u32At(record, O_BYTES) != MEAN_RECORD_BYTES) return CHECK_RECORD;
  const x = inputOf(record);
  const y = outputOf(record);
  if (dtypeOf(x) != dtypeOf(y)) return CHECK_DTYPE;
  if (!within(record, R_COUNT, 1, COUNT_LIMIT)) return CHECK_FIELD;
  const isFloat = isKept(u32At(record, O_CODE), OP_MEAN_F32);
  if (dtypeOf(x) != <u32>(isFloat ? DTYPE_FLOAT32 : DTYPE_INT8)) return CHECK_DTYPE;
  const shift: u32 = isFloat ? 2 : 0;
  const outputs = <f64>u32At(record, R_OUTER) * u32At(record, R_INNER);
  if (outputs != <f64>(bytesOf(y) >> shift) || outputs * u32At(record, R_COUNT) != <f64>(bytesOf(x) >> shift))
    return CHECK_SHAPE;
  if (isFloat) return 0;
  const check = checkRounding(u32At(record, R_ROUNDING));
  if (check) return check;
  const sound =
    roundingAt(record, R_ROUNDING) == ROUNDING_DOUBLE
      ? isMultiplier(i32At(record, R_MULTIPLIER), i32At(record, R_SHIFT))
      : isScale(f32At(record, R_SCALE)) && abs(f32At(record, R_BIAS)) <= f32.MAX_VALUE;
  return sound && isInt8(i32At(record, R_ZERO_POINT)) ? 0 : CHECK_QUANTIZATION;
}

export function runMean(record: usize): void {
  const xt = inputOf(record);
  const outer = u32At(record, R_OUTER);
  const count = u32At(record, R_COUNT);
  const inner: usize = u32At(record, R_INNER);
  const isFloat = isKept(u32At(record, O_CODE), OP_MEAN_F32);
  const size: usize = isFloat ? 4 : 1;
  let x = dataOf(xt);
  let y = dataOf(outputOf(record));
  for (let o: u32 = 0; o < outer; o++) {
    if (isFloat) f32_mean(x, count, inner, y);
    else if (keeps(OP_MEAN_QS8)) qs8_mean(record, x, count, inner, y);
    x += <usize>count * inner * size;
    y += inner * size;
  }
}

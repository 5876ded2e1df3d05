/** OP_DWCONV_QS8, OP_DWCONV_F32: depthwise convolution with one filter a channel (run by ops/window-rows.ts). */

import { CHECK_FIELD, CHECK_QUANTIZATION, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { DTYPE_FLOAT32, O_BYTES } from "../format";
import {
  CONV_RECORD_BYTES,
  C_PAD_VALUE,
  M_K,
  M_N,
  M_SCRATCH,
  M_SCRATCH_BYTES,
  M_WEIGHTS,
  M_WEIGHT_ZERO_POINT,
  W_KERNEL_H,
  W_KERNEL_W,
} from "../records";
import { checkScratch, isInt8, roundUp } from "../engine/check";
import { dimOf, dtypeOf, i32At, inputOf, outputOf, u32At, weights } from "../engine/model";
import { checkExtents, checkWeightPadding, paddedColumns, verifyMatmul } from "./gemm";
import { verifyWindow } from "./window";

/** Scratch: one address per tap (an even number of them). */
export function verifyDwconv(record: usize): i32 {
  if (u32At(record, O_BYTES) != CONV_RECORD_BYTES) return CHECK_RECORD;
  const x = inputOf(record);
  const y = outputOf(record);
  let check = verifyWindow(record, x, y);
  if (check) return check;
  check = checkExtents(record);
  if (check) return check;
  const channels = u32At(record, M_N);
  if (dimOf(x, 3) != channels || dimOf(y, 3) != channels) return CHECK_SHAPE;
  const taps = u32At(record, W_KERNEL_H) * u32At(record, W_KERNEL_W);
  if (taps != u32At(record, M_K)) return CHECK_FIELD;
  const isFloat = dtypeOf(y) == DTYPE_FLOAT32;
  const columns = paddedColumns(channels);
  check = verifyMatmul(record, columns, isFloat ? <f64>taps * columns * 4 : roundUp(taps, 2) * columns);
  if (check) return check;
  if (!isFloat) {
    const wz = i32At(record, M_WEIGHT_ZERO_POINT);
    check = checkWeightPadding(weights + u32At(record, M_WEIGHTS), taps, columns, 2, wz);
    if (check) return check;
  }
  if (!isInt8(i32At(record, C_PAD_VALUE))) return CHECK_QUANTIZATION;
  return checkScratch(u32At(record, M_SCRATCH), u32At(record, M_SCRATCH_BYTES), roundUp(taps, 2) * 4, x, y);
}

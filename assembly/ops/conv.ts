/** OP_CONV_QS8, OP_CONV_F32: any 2-D convolution (run by ops/window-rows.ts). */

import { CHECK_FIELD, CHECK_QUANTIZATION, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { KR } from "../codes";
import { DTYPE_FLOAT32, O_BYTES } from "../format";
import {
  CONV_RECORD_BYTES,
  C_GROUPS,
  C_PAD_VALUE,
  C_PANEL_ROWS,
  M_K,
  M_N,
  M_SCRATCH,
  M_SCRATCH_BYTES,
  M_WEIGHTS,
  W_KERNEL_H,
  W_KERNEL_W,
} from "../records";
import { checkScratch, isInt8, roundUp, within } from "../engine/check";
import { dimOf, dtypeOf, i32At, inputOf, outputOf, u32At, weights } from "../engine/model";
import { checkExtents, checkWeightPadding, packedBytes, paddedColumns, verifyMatmul } from "./gemm";
import { verifyWindow } from "./window";

export function verifyConv(record: usize): i32 {
  if (u32At(record, O_BYTES) != CONV_RECORD_BYTES) return CHECK_RECORD;
  const x = inputOf(record);
  const y = outputOf(record);
  let check = verifyWindow(record, x, y);
  if (check) return check;
  check = checkExtents(record);
  if (check) return check;
  const channels = dimOf(x, 3);
  const n = u32At(record, M_N);
  const groups = u32At(record, C_GROUPS);
  if (groups == 0 || channels % groups != 0 || n % groups != 0) return CHECK_FIELD;
  if (dimOf(y, 3) != n) return CHECK_SHAPE;
  const k = u32At(record, M_K);
  if (<f64>u32At(record, W_KERNEL_H) * u32At(record, W_KERNEL_W) * (channels / groups) != <f64>k) return CHECK_SHAPE;
  const columns = paddedColumns(n / groups) * groups;
  check = verifyMatmul(record, columns, packedBytes(record, k, columns));
  if (check) return check;
  if (dtypeOf(x) != DTYPE_FLOAT32) {
    check = checkWeightPadding(weights + u32At(record, M_WEIGHTS), k, columns, KR, 0);
    if (check) return check;
  }
  if (!isInt8(i32At(record, C_PAD_VALUE))) return CHECK_QUANTIZATION;
  if (!within(record, C_PANEL_ROWS, 1, 1 << 16)) return CHECK_FIELD;
  const rowBytes = dtypeOf(x) == DTYPE_FLOAT32 ? <f64>k * 4 : roundUp(k, KR);
  return checkScratch(
    u32At(record, M_SCRATCH), u32At(record, M_SCRATCH_BYTES), rowBytes * u32At(record, C_PANEL_ROWS) + 16, x, y
  );
}

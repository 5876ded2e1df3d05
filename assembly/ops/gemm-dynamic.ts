/** OP_GEMM_QD8: fully connected layers whose activations are quantized as they come, [m, k] → [m, n]. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { NR, WEIGHTS_CODEBOOK, WEIGHTS_F32, WEIGHTS_I8 } from "../codes";
import { DTYPE_FLOAT32, O_BYTES } from "../format";
import {
  GEMM_RECORD_BYTES,
  M_BIAS,
  M_K,
  M_MAX,
  M_MIN,
  M_N,
  M_SCRATCH,
  M_SCRATCH_BYTES,
  M_WEIGHTS,
  M_WEIGHT_FORMAT,
  QD_BLOCK,
  QD_BLOCK_ZERO_POINTS,
  QD_TABLE,
  QD_WEIGHT_SUMS,
  QD_ZERO_POINT,
} from "../records";
import { checkFloatRange, checkScratch, checkWeights, isInt8, rowsOf, within } from "../engine/check";
import { arena, bytesOf, dataOf, dtypeOf, f32At, i32At, inputOf, outputOf, u32At, weights } from "../engine/model";
import { blockBytes, blockHead, qd8_f32_gemm, weightFlip } from "../kernels/gemm/qd8";
import { GROUP_ROWS, groupBytes, qd8_quantize_row, rowStep } from "../kernels/gemm/qd8-row";
import { isMatrixPair, paddedColumns } from "./gemm";

/** Sums over one block of so many k stay within int32: 2 · 128 · 128 each. */
const BLOCK_LIMIT: u32 = 1 << 15;
const K_LIMIT: u32 = 1 << 22;

export function verifyGemmDynamic(record: usize): i32 {
  if (u32At(record, O_BYTES) != GEMM_RECORD_BYTES) return CHECK_RECORD;
  const x = inputOf(record);
  const y = outputOf(record);
  if (dtypeOf(x) != DTYPE_FLOAT32 || dtypeOf(y) != DTYPE_FLOAT32) return CHECK_DTYPE;
  if (!within(record, M_K, 1, K_LIMIT) || !within(record, M_N, 1, K_LIMIT)) return CHECK_FIELD;
  if (!within(record, QD_BLOCK, 8, BLOCK_LIMIT) || (u32At(record, QD_BLOCK) & 7) != 0) return CHECK_FIELD;
  if (!within(record, QD_BLOCK_ZERO_POINTS, 0, 1) || !isInt8(i32At(record, QD_ZERO_POINT))) return CHECK_FIELD;
  const format = u32At(record, M_WEIGHT_FORMAT);
  if (!within(record, M_WEIGHT_FORMAT, WEIGHTS_I8, WEIGHTS_CODEBOOK) || format == WEIGHTS_F32) return CHECK_FIELD;
  const k = u32At(record, M_K);
  const padded = (k + 7) & ~7;
  const columns = <f64>paddedColumns(u32At(record, M_N));
  const blocks = (padded + u32At(record, QD_BLOCK) - 1) / u32At(record, QD_BLOCK);
  const head = blockHead(u32At(record, QD_BLOCK_ZERO_POINTS) != 0);
  const perBlock = <f64>blocks * head + blockBytes(format, padded);
  let check = checkWeights(u32At(record, M_WEIGHTS), (columns / NR) * perBlock);
  if (check) return check;
  check = checkWeights(u32At(record, M_BIAS), columns * 4);
  if (check) return check;
  check = checkWeights(u32At(record, QD_WEIGHT_SUMS), columns * 4);
  if (check) return check;
  check = checkWeights(u32At(record, QD_TABLE), format == WEIGHTS_CODEBOOK ? 16 : 0);
  if (check) return check;
  check = checkFloatRange(f32At(record, M_MIN), f32At(record, M_MAX));
  if (check) return check;
  if (!isMatrixPair(record, 4)) return CHECK_SHAPE;
  const rows = <f64>rowsOf(y, u32At(record, M_N) * 4);
  const groups = Math.ceil(rows / <f64>GROUP_ROWS);
  const needed = groups * <f64>groupBytes(k, u32At(record, QD_BLOCK)) + <f64>padded * NR;
  return checkScratch(u32At(record, M_SCRATCH), u32At(record, M_SCRATCH_BYTES), needed, x, y);
}

export function runGemmDynamic(record: usize): void {
  const k: usize = u32At(record, M_K);
  const n: usize = u32At(record, M_N);
  const block: usize = u32At(record, QD_BLOCK);
  const y = outputOf(record);
  const m = <usize>bytesOf(y) / (n << 2);
  const hasZeroPoints = u32At(record, QD_BLOCK_ZERO_POINTS) != 0;
  const format = u32At(record, M_WEIGHT_FORMAT);
  const weightPoint = hasZeroPoints ? 1 : i32At(record, QD_ZERO_POINT) - weightFlip(format);
  const step = rowStep(format);
  const stride = groupBytes(k, block);
  const rows = arena + u32At(record, M_SCRATCH);
  const panel = rows + ((m + GROUP_ROWS - 1) / GROUP_ROWS) * stride;
  let x = dataOf(inputOf(record));
  for (let i: usize = 0; i < m; i++) {
    qd8_quantize_row(x, k, block, weightPoint, step, rows + (i / GROUP_ROWS) * stride, i % GROUP_ROWS, panel);
    x += k << 2;
  }
  qd8_f32_gemm(
    format, m, n, k, block, hasZeroPoints, rows, stride, weights + u32At(record, M_WEIGHTS),
    weights + u32At(record, QD_TABLE), weights + u32At(record, QD_WEIGHT_SUMS), weights + u32At(record, M_BIAS),
    f32At(record, M_MIN), f32At(record, M_MAX), panel, dataOf(y)
  );
}

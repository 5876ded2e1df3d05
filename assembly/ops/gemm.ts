/** OP_GEMM_QS8, OP_GEMM_F32: fully connected layers and 1×1 convolutions; [m, k] → [m, n] on flat rows. */

import {
  CHECK_ACCUMULATOR,
  CHECK_DTYPE,
  CHECK_FIELD,
  CHECK_QUANTIZATION,
  CHECK_RECORD,
  CHECK_SHAPE,
} from "../abi";
import { KR, NR, OP_CONV_F32, OP_DWCONV_F32, OP_GEMM_F32, WEIGHTS_F32, WEIGHTS_I8 } from "../codes";
import { DTYPE_FLOAT32, DTYPE_INT8, O_BYTES, O_CODE } from "../format";
import {
  GEMM_RECORD_BYTES,
  M_BIAS,
  M_K,
  M_MAX,
  M_MIN,
  M_N,
  M_REQUANT,
  M_ROUNDING,
  M_WEIGHTS,
  M_WEIGHT_FORMAT,
  M_WEIGHT_ZERO_POINT,
  M_ZERO_POINT,
} from "../records";
import {
  checkFloatRange,
  checkInt8Range,
  checkRequant,
  checkRounding,
  checkWeights,
  isInt8,
  isRows,
  roundUp,
  rowsOf,
  within,
} from "../engine/check";
import { roundingAt } from "../engine/kept";
import { bytesOf, dataOf, dtypeOf, f32At, i32At, inputOf, outputOf, u32At, weights } from "../engine/model";
import { elementBytes } from "../engine/tensors";
import { f32_gemm } from "../kernels/gemm/f32";
import { qs8_qc8w_gemm } from "../kernels/gemm/qs8";

/**
 * What GEMM, CONV and DWCONV share: types, K and N, output range, bias, multipliers, accumulator bound.
 * `columns` counts the padded output columns, `weightBytes` the packed weights.
 */
export function verifyMatmul(record: usize, columns: u32, weightBytes: f64): i32 {
  const x = inputOf(record);
  const y = outputOf(record);
  const isFloat = dtypeOf(y) == DTYPE_FLOAT32;
  const code = u32At(record, O_CODE);
  if (isFloat != (code == OP_GEMM_F32 || code == OP_CONV_F32 || code == OP_DWCONV_F32)) return CHECK_DTYPE;
  if (dtypeOf(x) != dtypeOf(y)) return CHECK_DTYPE;
  if (!isFloat && dtypeOf(y) != DTYPE_INT8) return CHECK_DTYPE;
  if (u32At(record, M_WEIGHT_FORMAT) != <u32>(isFloat ? WEIGHTS_F32 : WEIGHTS_I8)) return CHECK_FIELD;
  let check = checkWeights(u32At(record, M_WEIGHTS), weightBytes);
  if (check) return check;
  check = checkWeights(u32At(record, M_BIAS), <f64>columns * 4);
  if (check) return check;
  if (isFloat) return checkFloatRange(f32At(record, M_MIN), f32At(record, M_MAX));
  check = checkRounding(u32At(record, M_ROUNDING));
  if (check) return check;
  check = checkInt8Range(i32At(record, M_MIN), i32At(record, M_MAX), i32At(record, M_ZERO_POINT));
  if (check) return check;
  check = checkRequant(u32At(record, M_REQUANT), columns, roundingAt(record, M_ROUNDING));
  if (check) return check;
  const wz = i32At(record, M_WEIGHT_ZERO_POINT);
  if (!isInt8(wz)) return CHECK_QUANTIZATION;
  const reach = <f64>u32At(record, M_K) * 128 * (128 + abs(<f64>wz));
  return isWithinReach(weights + u32At(record, M_BIAS), columns, reach) ? 0 : CHECK_ACCUMULATOR;
}

/** `count` biases, each with a sum of at most `reach` on it, stay within int32. */
export function isWithinReach(bias: usize, count: usize, reach: f64): bool {
  for (const end = bias + (count << 2); bias < end; bias += 4)
    if (abs(<f64>load<i32>(bias)) + reach > <f64>i32.MAX_VALUE) return false;
  return true;
}

/** Columns, a multiple of NR. */
export function paddedColumns(n: u32): u32 {
  return (n + NR - 1) & ~(NR - 1);
}

/** Bytes of packed weights: per 8 columns, k in steps of KR (int8) or one (f32). */
export function packedBytes(record: usize, k: f64, columns: f64): f64 {
  return dtypeOf(outputOf(record)) == DTYPE_FLOAT32 ? k * columns * 4 : roundUp(k, KR) * columns;
}

/**
 * int8 weights beyond k, in steps of `step`, count as zero: what a kernel reads past a row of its input, or at a tap
 * too many, adds nothing. `at` points at `columns` packed columns.
 */
export function checkWeightPadding(at: usize, k: usize, columns: usize, step: usize, zeroPoint: i32): i32 {
  const used = k & (step - 1);
  if (used == 0) return 0;
  const steps = (k + step - 1) & ~(step - 1);
  for (let c: usize = 0; c < columns; c++) {
    const block = at + (c & ~(NR - 1)) * steps;
    const last = block + (steps - step) * NR + (c & (NR - 1)) * step;
    for (let i = used; i < step; i++) if (<i32>load<i8>(last + i) != zeroPoint) return CHECK_FIELD;
  }
  return 0;
}

/** K and N are small enough that either takes less than 32 bits in bytes. */
export function checkExtents(record: usize): i32 {
  return within(record, M_K, 1, 1 << 26) && within(record, M_N, 1, 1 << 26) ? 0 : CHECK_FIELD;
}

/** Input and output are [m, K] and [m, N], in elements of `size` bytes. */
export function isMatrixPair(record: usize, size: u32): bool {
  const rows = rowsOf(outputOf(record), u32At(record, M_N) * size);
  return rows != 0 && isRows(inputOf(record), rows, <f64>u32At(record, M_K) * size);
}

export function verifyGemm(record: usize): i32 {
  if (u32At(record, O_BYTES) != GEMM_RECORD_BYTES) return CHECK_RECORD;
  let check = checkExtents(record);
  if (check) return check;
  const k = u32At(record, M_K);
  const n = u32At(record, M_N);
  const columns = paddedColumns(n);
  check = verifyMatmul(record, columns, packedBytes(record, k, columns));
  if (check) return check;
  if (dtypeOf(outputOf(record)) == DTYPE_INT8) {
    check = checkWeightPadding(weights + u32At(record, M_WEIGHTS), k, columns, KR, 0);
    if (check) return check;
  }
  return isMatrixPair(record, elementBytes(dtypeOf(outputOf(record)))) ? 0 : CHECK_SHAPE;
}

export function runGemmQs8(record: usize): void {
  const n: usize = u32At(record, M_N);
  const k: usize = u32At(record, M_K);
  const y = outputOf(record);
  const columns = (n + NR - 1) & ~(NR - 1);
  qs8_qc8w_gemm(
    record, <usize>bytesOf(y) / n, n, k, dataOf(inputOf(record)), k, weights + u32At(record, M_WEIGHTS),
    weights + u32At(record, M_BIAS), weights + u32At(record, M_REQUANT), columns << 2, dataOf(y), n
  );
}

export function runGemmF32(record: usize): void {
  const n: usize = u32At(record, M_N);
  const k: usize = u32At(record, M_K);
  const y = outputOf(record);
  f32_gemm(
    record, <usize>bytesOf(y) / (n << 2), n, k, dataOf(inputOf(record)), k << 2,
    weights + u32At(record, M_WEIGHTS), weights + u32At(record, M_BIAS), dataOf(y), n << 2
  );
}

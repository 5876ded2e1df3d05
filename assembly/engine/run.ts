/** One inference: the operators in file order. */

import {
  OP_ADD_F32,
  OP_ADD_QS8,
  OP_ARG,
  OP_AVERAGE_POOL_F32,
  OP_AVERAGE_POOL_QS8,
  OP_BINARY_F32,
  OP_BINARY_INT,
  OP_CAST,
  OP_CONV_F32,
  OP_CONV_QS16,
  OP_CONV_QS8,
  OP_COPY,
  OP_CUMSUM,
  OP_DEQUANTIZE,
  OP_DWCONV_F32,
  OP_DWCONV_QS8,
  OP_DYNAMIC_RANGE,
  OP_FILL,
  OP_FIXED,
  OP_GATHER,
  OP_GEMM_F32,
  OP_GEMM_QD8,
  OP_GEMM_QS8,
  OP_GEMM_SPARSE_QS8,
  OP_INTEGER_CONV,
  OP_LSTM_QS8,
  OP_MATMUL_F32,
  OP_MAX_POOL_F32,
  OP_MAX_POOL_QS8,
  OP_MEAN_F32,
  OP_MEAN_QS8,
  OP_MICRO_FEATURES,
  OP_MUL_F32,
  OP_MUL_QS8,
  OP_NORM_F32,
  OP_QUANTIZE,
  OP_QUANTIZE_LINEAR,
  OP_RECURRENT_F32,
  OP_REDUCE,
  OP_RESIZE,
  OP_SCATTER,
  OP_SELECT,
  OP_SOFTMAX_F32,
  OP_SOFTMAX_QS8,
  OP_SPECTRUM,
  OP_SUB_F32,
  OP_TABLE,
  OP_UNARY_F32,
  OP_UPDATE,
  OP_WINDOW,
} from "../codes";
import { O_BYTES, O_CODE } from "../format";
import { runArithmetic } from "../ops/arithmetic";
import { runBinary } from "../ops/binary";
import { runCast } from "../ops/cast";
import { runFixed } from "../ops/fixed";
import { runConvert } from "../ops/convert";
import { runCopy, runFill } from "../ops/copy";
import { runGather } from "../ops/gather";
import { runGemmF32, runGemmQs8 } from "../ops/gemm";
import { runMatmulF32 } from "../ops/matmul";
import { runDynamicRange } from "../ops/dynamic-range";
import { runIntegerConv } from "../ops/integer-conv";
import { runGemmDynamic } from "../ops/gemm-dynamic";
import { runGemmSparse } from "../ops/gemm-sparse";
import { runMean } from "../ops/mean";
import { runNorm } from "../ops/norm";
import { runPool } from "../ops/pool";
import { runReduce } from "../ops/reduce";
import { runResize } from "../ops/resize";
import { runLstm } from "../ops/lstm";
import { runRecurrent } from "../ops/recurrent";
import { runQuantizeLinear } from "../ops/quantize-linear";
import { runSoftmax } from "../ops/softmax";
import { runSpectrum } from "../ops/spectrum";
import { runUnary } from "../ops/unary";
import { runWindow } from "../ops/window-copy";
import { hasWindows, runWindows } from "../ops/window-rows";
import { keeps, keepsAny } from "./kept";
import { operatorCount, operators, u32At } from "./model";

/** Operators first … end − 1, or as many of them as there are. */
export function runOperators(first: u32, end: u32): void {
  let record = operators;
  for (let i: u32 = 0; i < min(end, operatorCount); i++) {
    if (i >= first) runOperator(record);
    record += u32At(record, O_BYTES);
  }
}

function runOperator(record: usize): void {
  const code = u32At(record, O_CODE);
  switch (code) {
    case OP_GEMM_QS8:
      if (keeps(OP_GEMM_QS8)) runGemmQs8(record);
      return;
    case OP_GEMM_F32:
      if (keeps(OP_GEMM_F32)) runGemmF32(record);
      return;
    case OP_CONV_QS8:
    case OP_CONV_F32:
    case OP_DWCONV_QS8:
    case OP_DWCONV_F32:
      if (hasWindows(code)) runWindows(record);
      return;
    case OP_ADD_QS8:
    case OP_MUL_QS8:
    case OP_ADD_F32:
    case OP_SUB_F32:
    case OP_MUL_F32:
    case OP_BINARY_F32:
      if (keepsAny(OP_ADD_QS8, OP_MUL_F32) || keeps(OP_BINARY_F32)) runBinary(record);
      return;
    case OP_AVERAGE_POOL_QS8:
    case OP_MAX_POOL_QS8:
    case OP_AVERAGE_POOL_F32:
    case OP_MAX_POOL_F32:
      if (keepsAny(OP_AVERAGE_POOL_QS8, OP_MAX_POOL_F32)) runPool(record);
      return;
    case OP_MEAN_QS8:
    case OP_MEAN_F32:
      if (keepsAny(OP_MEAN_QS8, OP_MEAN_F32)) runMean(record);
      return;
    case OP_SOFTMAX_QS8:
    case OP_SOFTMAX_F32:
      if (keepsAny(OP_SOFTMAX_QS8, OP_SOFTMAX_F32)) runSoftmax(record);
      return;
    case OP_TABLE:
    case OP_QUANTIZE:
    case OP_DEQUANTIZE:
      if (keepsAny(OP_TABLE, OP_DEQUANTIZE)) runConvert(record);
      return;
    case OP_GEMM_SPARSE_QS8:
      if (keeps(OP_GEMM_SPARSE_QS8)) runGemmSparse(record);
      return;
    case OP_GEMM_QD8:
      if (keeps(OP_GEMM_QD8)) runGemmDynamic(record);
      return;
    case OP_RECURRENT_F32:
      if (keeps(OP_RECURRENT_F32)) runRecurrent(record);
      return;
    case OP_LSTM_QS8:
      if (keeps(OP_LSTM_QS8)) runLstm(record);
      return;
    case OP_UNARY_F32:
      if (keeps(OP_UNARY_F32)) runUnary(record);
      return;
    case OP_COPY:
      if (keeps(OP_COPY)) runCopy(record);
      return;
    case OP_FILL:
      if (keeps(OP_FILL)) runFill(record);
      return;
    case OP_MATMUL_F32:
      if (keeps(OP_MATMUL_F32)) runMatmulF32(record);
      return;
    case OP_GATHER:
    case OP_SCATTER:
      if (keepsAny(OP_GATHER, OP_SCATTER)) runGather(record);
      return;
    case OP_WINDOW:
    case OP_UPDATE:
      if (keepsAny(OP_WINDOW, OP_UPDATE)) runWindow(record);
      return;
    case OP_REDUCE:
    case OP_ARG:
    case OP_CUMSUM:
      if (keepsAny(OP_REDUCE, OP_CUMSUM)) runReduce(record);
      return;
    case OP_NORM_F32:
      if (keeps(OP_NORM_F32)) runNorm(record);
      return;
    case OP_RESIZE:
      if (keeps(OP_RESIZE)) runResize(record);
      return;
    case OP_QUANTIZE_LINEAR:
      if (keeps(OP_QUANTIZE_LINEAR)) runQuantizeLinear(record);
      return;
    case OP_INTEGER_CONV:
    case OP_CONV_QS16:
      if (keeps(OP_INTEGER_CONV) || keeps(OP_CONV_QS16)) runIntegerConv(record);
      return;
    case OP_FIXED:
      if (keeps(OP_FIXED)) runFixed(record);
      return;
    case OP_DYNAMIC_RANGE:
      if (keeps(OP_DYNAMIC_RANGE)) runDynamicRange(record);
      return;
    case OP_SPECTRUM:
    case OP_MICRO_FEATURES:
      if (keepsAny(OP_SPECTRUM, OP_MICRO_FEATURES)) runSpectrum(record);
      return;
    case OP_BINARY_INT:
    case OP_SELECT:
      if (keeps(OP_BINARY_INT) || keeps(OP_SELECT)) runArithmetic(record);
      return;
    case OP_CAST:
      if (keeps(OP_CAST)) runCast(record);
      return;
  }
}

/** Which operators exist, and who verifies them. */

import { CHECK_INDEX, CHECK_OVERLAP, CHECK_RECORD, CHECK_WRITES_CONSTANT } from "../abi";
import {
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
  OP_TABLE,
  OP_UNARY_F32,
  OP_UPDATE,
  OP_WINDOW,
} from "../codes";
import {
  NONE,
  O_BYTES,
  O_CODE,
  O_INPUT,
  O_INPUT2,
  O_OUTPUT,
  O_VARIABLE,
  O_VARIABLE2,
  O_WIDE_FIELDS,
  REGION_WEIGHTS,
  T_REGION,
} from "../format";
import { verifyArithmetic, verifySelect } from "../ops/arithmetic";
import { verifyBinary } from "../ops/binary";
import { verifyCast } from "../ops/cast";
import { verifyConv } from "../ops/conv";
import { verifyConvert } from "../ops/convert";
import { verifyCopy, verifyFill } from "../ops/copy";
import { verifyDwconv } from "../ops/dwconv";
import { verifyFixed } from "../ops/fixed";
import { verifyGather } from "../ops/gather";
import { verifyGemm } from "../ops/gemm";
import { verifyMatmulF32 } from "../ops/matmul";
import { verifyDynamicRange } from "../ops/dynamic-range";
import { verifyIntegerConv } from "../ops/integer-conv";
import { verifyGemmDynamic } from "../ops/gemm-dynamic";
import { verifyGemmSparse } from "../ops/gemm-sparse";
import { verifyMean } from "../ops/mean";
import { verifyPool } from "../ops/pool";
import { verifyLstm } from "../ops/lstm";
import { verifyRecurrent } from "../ops/recurrent";
import { verifyQuantizeLinear } from "../ops/quantize-linear";
import { verifySoftmax } from "../ops/softmax";
import { verifySpectrum } from "../ops/spectrum";
import { verifyUnary } from "../ops/unary";
import { verifyWindow } from "../ops/window-copy";
import { verifyNorm } from "../ops/norm";
import { verifyReduce } from "../ops/reduce";
import { verifyResize } from "../ops/resize";
import { isApart } from "./check";
import { isKept, keeps, keepsAny } from "./kept";
import { input2Of, inputOf, isWide, namedBy, outputOf, tensorCount, u32At } from "./model";

/** Codes that exist, in stretches; a bundle keeps some of them. */
export function isOperator(code: u32): bool {
  if (code > 63 || !keeps(code)) return false;
  if (code >= OP_GEMM_QS8 && code <= OP_FILL) return true;
  if (code >= OP_GATHER && code <= OP_UPDATE) return true;
  if (code >= OP_REDUCE && code <= OP_RESIZE) return true;
  if (code >= OP_MATMUL_F32 && code <= OP_FIXED) return true;
  if (code == OP_BINARY_F32 || code == OP_BINARY_INT || code == OP_CAST || code == OP_SELECT) return true;
  if (code == OP_RECURRENT_F32 || code == OP_LSTM_QS8) return true;
  if (code >= OP_QUANTIZE_LINEAR && code <= OP_MICRO_FEATURES) return true;
  if (code == OP_GEMM_QD8 || code == OP_GEMM_SPARSE_QS8) return true;
  return false;
}

function isBinary(code: u32): bool {
  return (code >= OP_ADD_QS8 && code <= OP_MUL_F32) || code == OP_BINARY_F32 || code == OP_BINARY_INT;
}

/** The field names a tensor, or none. */
function isTensorOrNone(record: usize, field: usize): bool {
  const index = u32At(record, field);
  return index == NONE || index < tensorCount;
}

function isWritable(t: usize): bool {
  return load<u8>(t + T_REGION) != REGION_WEIGHTS;
}

/** Tensors of a wide record exist; what it writes may be written and shares no byte with its other tensors. */
function verifyWideHead(record: usize): i32 {
  if (u32At(record, O_BYTES) < O_WIDE_FIELDS) return CHECK_RECORD;
  for (let field: usize = O_INPUT; field <= <usize>O_VARIABLE2; field += 4)
    if (!isTensorOrNone(record, field)) return CHECK_INDEX;
  const y = outputOf(record);
  if (!isWritable(y)) return CHECK_WRITES_CONSTANT;
  for (let field: usize = O_INPUT; field <= <usize>O_VARIABLE2; field += 4) {
    const t = namedBy(record, field);
    if (t == 0) continue;
    if (field != <usize>O_OUTPUT && !isApart(t, y)) return CHECK_OVERLAP;
    if (field < <usize>O_VARIABLE) continue;
    if (!isWritable(t)) return CHECK_WRITES_CONSTANT;
    for (let other: usize = O_INPUT; other < field; other += 4) {
      const o = namedBy(record, other);
      if (o != 0 && !isApart(o, t)) return CHECK_OVERLAP;
    }
  }
  return 0;
}

/** Operators with the longer head, whose own verifiers say which of its tensors there must be. */
function verifyWide(record: usize, code: u32): i32 {
  if (isKept(code, OP_MATMUL_F32)) return verifyMatmulF32(record);
  if (isKept(code, OP_RECURRENT_F32)) return verifyRecurrent(record);
  if (isKept(code, OP_LSTM_QS8)) return verifyLstm(record);
  if (keepsAny(OP_GATHER, OP_SCATTER) && code >= OP_GATHER && code <= OP_SCATTER) return verifyGather(record);
  if (keepsAny(OP_WINDOW, OP_UPDATE) && code >= OP_WINDOW && code <= OP_UPDATE) return verifyWindow(record);
  if (code >= OP_REDUCE && code <= OP_RESIZE && namedBy(record, O_INPUT) == 0) return CHECK_INDEX;
  switch (code) {
    case OP_REDUCE:
    case OP_ARG:
    case OP_CUMSUM:
      if (keepsAny(OP_REDUCE, OP_CUMSUM)) return verifyReduce(record);
      break;
    case OP_NORM_F32:
      if (keeps(OP_NORM_F32)) return verifyNorm(record);
      break;
    case OP_RESIZE:
      if (keeps(OP_RESIZE)) return verifyResize(record);
      break;
  }
  if (keeps(OP_QUANTIZE_LINEAR) && code == OP_QUANTIZE_LINEAR) return verifyQuantizeLinear(record);
  if (isKept(code, OP_INTEGER_CONV) || isKept(code, OP_CONV_QS16)) return verifyIntegerConv(record);
  if (isKept(code, OP_FIXED)) return verifyFixed(record);
  if (keeps(OP_DYNAMIC_RANGE) && code == OP_DYNAMIC_RANGE) return verifyDynamicRange(record);
  if (keepsAny(OP_SPECTRUM, OP_MICRO_FEATURES) && code >= OP_SPECTRUM && code <= OP_MICRO_FEATURES)
    return verifySpectrum(record);
  if (keeps(OP_SELECT) && code == OP_SELECT) return verifySelect(record);
  return CHECK_RECORD;
}

/** The record's tensors exist, its output may be written, and its family accepts the rest. */
export function verifyOperator(record: usize): i32 {
  const code = u32At(record, O_CODE);
  if (u32At(record, O_OUTPUT) >= tensorCount) return CHECK_INDEX;
  if (isWide(record)) {
    const check = verifyWideHead(record);
    return check ? check : verifyWide(record, code);
  }
  const input = u32At(record, O_INPUT);
  const input2 = u32At(record, O_INPUT2);
  if (code == OP_FILL ? input != NONE : input >= tensorCount) return CHECK_INDEX;
  if (isBinary(code) ? input2 >= tensorCount : input2 != NONE) return CHECK_INDEX;
  if (load<u8>(outputOf(record) + T_REGION) == REGION_WEIGHTS) return CHECK_WRITES_CONSTANT;
  if (code != OP_FILL && !isApart(inputOf(record), outputOf(record))) return CHECK_OVERLAP;
  if (isBinary(code) && !isApart(input2Of(record), outputOf(record))) return CHECK_OVERLAP;
  if (keeps(OP_BINARY_INT) && code == OP_BINARY_INT) return verifyArithmetic(record);
  if ((keepsAny(OP_ADD_QS8, OP_MUL_F32) || keeps(OP_BINARY_F32)) && isBinary(code)) return verifyBinary(record);
  switch (code) {
    case OP_GEMM_QS8:
    case OP_GEMM_F32:
      if (keeps(OP_GEMM_QS8) || keeps(OP_GEMM_F32)) return verifyGemm(record);
      break;
    case OP_CONV_QS8:
    case OP_CONV_F32:
      if (keeps(OP_CONV_QS8) || keeps(OP_CONV_F32)) return verifyConv(record);
      break;
    case OP_DWCONV_QS8:
    case OP_DWCONV_F32:
      if (keeps(OP_DWCONV_QS8) || keeps(OP_DWCONV_F32)) return verifyDwconv(record);
      break;
    case OP_AVERAGE_POOL_QS8:
    case OP_MAX_POOL_QS8:
    case OP_AVERAGE_POOL_F32:
    case OP_MAX_POOL_F32:
      if (keepsAny(OP_AVERAGE_POOL_QS8, OP_MAX_POOL_F32)) return verifyPool(record);
      break;
    case OP_MEAN_QS8:
    case OP_MEAN_F32:
      if (keeps(OP_MEAN_QS8) || keeps(OP_MEAN_F32)) return verifyMean(record);
      break;
    case OP_SOFTMAX_QS8:
    case OP_SOFTMAX_F32:
      if (keeps(OP_SOFTMAX_QS8) || keeps(OP_SOFTMAX_F32)) return verifySoftmax(record);
      break;
    case OP_TABLE:
    case OP_QUANTIZE:
    case OP_DEQUANTIZE:
      if (keepsAny(OP_TABLE, OP_DEQUANTIZE)) return verifyConvert(record);
      break;
    case OP_GEMM_SPARSE_QS8:
      if (keeps(OP_GEMM_SPARSE_QS8)) return verifyGemmSparse(record);
      break;
    case OP_GEMM_QD8:
      if (keeps(OP_GEMM_QD8)) return verifyGemmDynamic(record);
      break;
    case OP_UNARY_F32:
      if (keeps(OP_UNARY_F32)) return verifyUnary(record);
      break;
    case OP_COPY:
      if (keeps(OP_COPY)) return verifyCopy(record);
      break;
    case OP_FILL:
      if (keeps(OP_FILL)) return verifyFill(record);
      break;
    case OP_CAST:
      if (keeps(OP_CAST)) return verifyCast(record);
      break;
  }
  return CHECK_RECORD;
}

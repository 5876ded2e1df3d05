/** OP_LSTM_QS8: TFLite Micro's LSTM on int8 with an int16 cell, products of the inputs included. */

import {
  CHECK_ACCUMULATOR,
  CHECK_DTYPE,
  CHECK_FIELD,
  CHECK_INDEX,
  CHECK_QUANTIZATION,
  CHECK_RECORD,
  CHECK_SHAPE,
} from "../abi";
import { DTYPE_INT16, DTYPE_INT8, O_BYTES } from "../format";
import {
  LQ_BIAS,
  LQ_CLIP,
  LQ_HIDDEN,
  LQ_INPUT,
  LQ_RECURRENT,
  LQ_REVERSE,
  LQ_SCALES,
  LQ_TABLE,
  LQ_TANH_MULTIPLIER,
  LQ_TANH_SHIFT,
  LQ_WEIGHTS,
  LQ_ZERO_POINT,
  LSTM_QS8_RECORD_BYTES,
  M_SCRATCH,
} from "../records";
import { checkWeights, isInt8, isMultiplier, within } from "../engine/check";
import {
  arena,
  bytesOf,
  dataOf,
  dtypeOf,
  i32At,
  inputOf,
  outputOf,
  u32At,
  variable2Of,
  variableOf,
  weights,
} from "../engine/model";
import { logistic16, s8_dot, tanh16 } from "../kernels/recurrent/qs8";
import { clamp, requantizeDouble } from "../simd/requantize";
import { isWithinReach } from "./gemm";
import { checkRecurrentScratch, checkRecurrentShapes, hasRecurrentTensors } from "./recurrent";
import { copyBytes } from "../simd/copy";

/** Pairs of LQ_SCALES behind those of the gates' inputs and of h. */
const FORGET: usize = 8;
const ADDED: usize = 9;
const OUTPUT: usize = 10;
const SCALES: usize = 11;

export function verifyLstm(record: usize): i32 {
  if (u32At(record, O_BYTES) != LSTM_QS8_RECORD_BYTES) return CHECK_RECORD;
  if (!within(record, LQ_INPUT, 1, 1 << 16) || !within(record, LQ_HIDDEN, 1, 1 << 16)) return CHECK_FIELD;
  if (!hasRecurrentTensors(record, true)) return CHECK_INDEX;
  const h = variableOf(record);
  const c = variable2Of(record);
  if (dtypeOf(inputOf(record)) != DTYPE_INT8 || dtypeOf(outputOf(record)) != DTYPE_INT8) return CHECK_DTYPE;
  if (dtypeOf(h) != DTYPE_INT8 || dtypeOf(c) != DTYPE_INT16) return CHECK_DTYPE;
  const k = u32At(record, LQ_INPUT);
  const hidden = u32At(record, LQ_HIDDEN);
  let check = checkRecurrentShapes(record, k, hidden, 1);
  if (check) return check;
  if (bytesOf(c) != bytesOf(h) << 1) return CHECK_SHAPE;
  check = checkWeights(u32At(record, LQ_WEIGHTS), <f64>(hidden << 2) * k);
  if (check) return check;
  check = checkWeights(u32At(record, LQ_RECURRENT), <f64>(hidden << 2) * hidden);
  if (check) return check;
  check = checkWeights(u32At(record, LQ_BIAS), <f64>(hidden << 5));
  if (check) return check;
  check = checkWeights(u32At(record, LQ_SCALES), SCALES << 3);
  if (check) return check;
  check = checkWeights(u32At(record, LQ_TABLE), 512);
  if (check) return check;
  const bias = weights + u32At(record, LQ_BIAS);
  const columns = hidden << 2;
  if (!isWithinReach(bias, columns, <f64>(k << 14)) || !isWithinReach(bias + (columns << 2), columns, <f64>(hidden << 14)))
    return CHECK_ACCUMULATOR;
  const scales = weights + u32At(record, LQ_SCALES);
  for (let i: usize = 0; i < SCALES; i++)
    if (!isMultiplier(i32At(scales, i << 3), i32At(scales, (i << 3) + 4))) return CHECK_QUANTIZATION;
  if (!isInt8(i32At(record, LQ_ZERO_POINT))) return CHECK_QUANTIZATION;
  if (u32At(record, LQ_REVERSE) > 1 || u32At(record, LQ_CLIP) > 32768) return CHECK_FIELD;
  if (u32At(record, LQ_TANH_MULTIPLIER) > 3 << 13 || u32At(record, LQ_TANH_SHIFT) > 15) return CHECK_FIELD;
  return checkRecurrentScratch(record, <f64>(hidden << 3));
}

// @ts-ignore: decorator
@inline
function saturate(v: i32): i32 {
  return clamp(v, -32768, 32767);
}

/** acc by pair `i` of LQ_SCALES. */
function scaled(scales: usize, i: usize, acc: i32): i32 {
  return requantizeDouble(acc, i32At(scales, i << 3), i32At(scales, (i << 3) + 4));
}

/** The gates' sums of one row in Q3.12: what the input gives and what h gives, each scaled and saturated. */
function sumGates(record: usize, x: usize, h: usize, gates: usize): void {
  const k: usize = u32At(record, LQ_INPUT);
  const hidden: usize = u32At(record, LQ_HIDDEN);
  const scales = weights + u32At(record, LQ_SCALES);
  let w = weights + u32At(record, LQ_WEIGHTS);
  let r = weights + u32At(record, LQ_RECURRENT);
  let bias = weights + u32At(record, LQ_BIAS);
  for (let gate: usize = 0; gate < 4; gate++) {
    for (let j: usize = 0; j < hidden; j++) {
      const input = saturate(scaled(scales, gate, i32At(bias, 0) + s8_dot(x, w, k)));
      const state = saturate(scaled(scales, 4 + gate, i32At(bias, hidden << 4) + s8_dot(h, r, hidden)));
      store<i16>(gates, <i16>saturate(input + state));
      gates += 2;
      bias += 4;
      w += k;
      r += hidden;
    }
  }
}

function stepRow(record: usize, x: usize, h: usize, c: usize): void {
  const gates = arena + u32At(record, M_SCRATCH);
  const bytes = <usize>u32At(record, LQ_HIDDEN) << 1;
  const scales = weights + u32At(record, LQ_SCALES);
  const table = weights + u32At(record, LQ_TABLE);
  const clip = i32At(record, LQ_CLIP);
  const zeroPoint = i32At(record, LQ_ZERO_POINT);
  sumGates(record, x, h, gates);
  for (let j: usize = 0; j < bytes; j += 2) {
    const i = logistic16(table, load<i16>(gates + j), 3, 0);
    const f = logistic16(table, load<i16>(gates + bytes + j), 3, 0);
    const g = tanh16(table, load<i16>(gates + 2 * bytes + j), 3, 0);
    const o = logistic16(table, load<i16>(gates + 3 * bytes + j), 3, 0);
    const kept = saturate(scaled(scales, FORGET, f * <i32>load<i16>(c + j)));
    const added = saturate(scaled(scales, ADDED, i * g));
    const cell = clamp(saturate(kept + added), -clip, clip);
    store<i16>(c + j, <i16>cell);
    const squashed = tanh16(table, cell, i32At(record, LQ_TANH_MULTIPLIER), i32At(record, LQ_TANH_SHIFT));
    store<i8>(h + (j >> 1), <i8>clamp(scaled(scales, OUTPUT, squashed * o) + zeroPoint, -128, 127));
  }
}

export function runLstm(record: usize): void {
  const k: usize = u32At(record, LQ_INPUT);
  const hidden: usize = u32At(record, LQ_HIDDEN);
  const h = dataOf(variableOf(record));
  const c = dataOf(variable2Of(record));
  const batch = <usize>bytesOf(variableOf(record)) / hidden;
  const rows = <usize>bytesOf(outputOf(record)) / hidden;
  const x = dataOf(inputOf(record));
  const y = dataOf(outputOf(record));
  for (let at: usize = 0; at < rows; at += batch) {
    const first = u32At(record, LQ_REVERSE) ? rows - batch - at : at;
    for (let b: usize = 0; b < batch; b++) {
      const state = h + b * hidden;
      stepRow(record, x + (first + b) * k, state, c + ((b * hidden) << 1));
      copyBytes(y + (first + b) * hidden, state, hidden);
    }
  }
}

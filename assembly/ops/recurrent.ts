/** OP_RECURRENT_F32: LSTM, GRU and RNN, step by step. The products of the inputs are a matrix multiply before it. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_INDEX, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { NR, RECURRENT_GRU, RECURRENT_GRU_RESET_AFTER, RECURRENT_LSTM, RECURRENT_RNN } from "../codes";
import { DTYPE_FLOAT32, O_BYTES, O_INPUT, O_VARIABLE, O_VARIABLE2 } from "../format";
import {
  L_BIAS,
  L_CLIP,
  L_HIDDEN,
  L_KIND,
  L_REVERSE,
  L_WEIGHTS,
  M_MAX,
  M_MIN,
  M_SCRATCH,
  M_SCRATCH_BYTES,
  RECURRENT_RECORD_BYTES,
} from "../records";
import { checkFloatRange, checkScratch, checkWeights, isRows, roundUp, rowsOf, within } from "../engine/check";
import {
  arena,
  bytesOf,
  dataOf,
  dtypeOf,
  f32At,
  inputOf,
  namedBy,
  outputOf,
  u32At,
  variableOf,
  weights,
} from "../engine/model";
import { f32_gemm } from "../kernels/gemm/f32";
import { clampf, logisticf, tanhf } from "../simd/functions";
import { copyBytes } from "../simd/copy";

function gatesOf(kind: u32): usize {
  return kind == RECURRENT_LSTM ? 4 : kind == RECURRENT_RNN ? 1 : 3;
}

/** Columns of the first matrix that h is multiplied with; a GRU has a second one of H. */
function firstColumns(kind: u32, h: usize): usize {
  return kind == RECURRENT_LSTM ? h << 2 : kind == RECURRENT_RNN ? h : h << 1;
}

/** Scratch, away from what the operator reads and writes. */
export function checkRecurrentScratch(record: usize, needed: f64): i32 {
  const offset = u32At(record, M_SCRATCH);
  const bytes = u32At(record, M_SCRATCH_BYTES);
  const h = variableOf(record);
  const c = namedBy(record, O_VARIABLE2);
  const check = checkScratch(offset, bytes, needed, inputOf(record), outputOf(record));
  return check ? check : checkScratch(offset, bytes, needed, h, c ? c : h);
}

/** Input, h and, where `hasCell`, c are there. */
export function hasRecurrentTensors(record: usize, hasCell: bool): bool {
  if (namedBy(record, O_INPUT) == 0 || namedBy(record, O_VARIABLE) == 0) return false;
  return (namedBy(record, O_VARIABLE2) != 0) == hasCell;
}

/** [T, B, columns] → [T, B, H] with h [B, H], in bytes of `element` size; T is at least 1. */
export function checkRecurrentShapes(record: usize, columns: u32, hidden: u32, element: u32): i32 {
  const rows = rowsOf(inputOf(record), columns * element);
  const batch = rowsOf(variableOf(record), hidden * element);
  if (rows == 0 || batch == 0 || rows % batch != 0) return CHECK_SHAPE;
  return isRows(outputOf(record), rows, <f64>(hidden * element)) ? 0 : CHECK_SHAPE;
}

export function verifyRecurrent(record: usize): i32 {
  if (u32At(record, O_BYTES) != RECURRENT_RECORD_BYTES) return CHECK_RECORD;
  const kind = u32At(record, L_KIND);
  if (!within(record, L_KIND, RECURRENT_LSTM, RECURRENT_RNN)) return CHECK_FIELD;
  if (!within(record, L_HIDDEN, 1, 1 << 16) || u32At(record, L_REVERSE) > 1) return CHECK_FIELD;
  const isLstm = kind == RECURRENT_LSTM;
  if (!hasRecurrentTensors(record, isLstm)) return CHECK_INDEX;
  const h = variableOf(record);
  const c = isLstm ? namedBy(record, O_VARIABLE2) : h;
  for (let i: u32 = 0; i < 4; i++) {
    const t = i == 0 ? inputOf(record) : i == 1 ? outputOf(record) : i == 2 ? h : c;
    if (dtypeOf(t) != DTYPE_FLOAT32) return CHECK_DTYPE;
  }
  if (bytesOf(c) != bytesOf(h)) return CHECK_SHAPE;
  const hidden = u32At(record, L_HIDDEN);
  let check = checkRecurrentShapes(record, <u32>gatesOf(kind) * hidden, hidden, 4);
  if (check) return check;
  let columns = roundUp(<f64>firstColumns(kind, hidden), NR);
  if (gatesOf(kind) == 3) columns += roundUp(hidden, NR);
  check = checkWeights(u32At(record, L_WEIGHTS), columns * hidden * 4);
  if (check) return check;
  if (kind == RECURRENT_GRU_RESET_AFTER) check = checkWeights(u32At(record, L_BIAS), roundUp(hidden, NR) * 4);
  if (check) return check;
  if (!(f32At(record, L_CLIP) >= 0)) return CHECK_FIELD;
  check = checkFloatRange(f32At(record, M_MIN), f32At(record, M_MAX));
  return check ? check : checkRecurrentScratch(record, <f64>(hidden << 4));
}

/** The sums of one step, on from what the inputs gave: `gates` serves as the multiply's bias. */
export function runRecurrent(record: usize): void {
  const kind = u32At(record, L_KIND);
  const hidden: usize = u32At(record, L_HIDDEN);
  const bytes = hidden << 2;
  const step = gatesOf(kind) * bytes;
  const h = variableOf(record);
  const c = kind == RECURRENT_LSTM ? dataOf(namedBy(record, O_VARIABLE2)) : 0;
  const batch = <usize>bytesOf(h) / bytes;
  const rows = <usize>bytesOf(outputOf(record)) / bytes;
  const x = dataOf(inputOf(record));
  const y = dataOf(outputOf(record));
  for (let at: usize = 0; at < rows; at += batch) {
    const first = u32At(record, L_REVERSE) ? rows - batch - at : at;
    for (let b: usize = 0; b < batch; b++) {
      const from = x + (first + b) * step;
      const state = dataOf(h) + b * bytes;
      if (kind == RECURRENT_LSTM) stepLstm(record, hidden, from, state, c + b * bytes);
      else if (kind == RECURRENT_RNN) stepRnn(record, hidden, from, state);
      else stepGru(record, hidden, from, state, kind == RECURRENT_GRU);
      copyBytes(y + (first + b) * bytes, state, bytes);
    }
  }
}

/** sums[n] = bias[n] + a · w */
function multiply(record: usize, n: usize, k: usize, a: usize, w: usize, bias: usize, sums: usize): void {
  f32_gemm(record, 1, n, k, a, k << 2, w, bias, sums, n << 2);
}

function stepLstm(record: usize, hidden: usize, gates: usize, h: usize, c: usize): void {
  const sums = arena + u32At(record, M_SCRATCH);
  const clip = f32At(record, L_CLIP);
  const bytes = hidden << 2;
  multiply(record, hidden << 2, hidden, h, weights + u32At(record, L_WEIGHTS), gates, sums);
  for (let j: usize = 0; j < bytes; j += 4) {
    const i = logisticf(load<f32>(sums + j));
    const f = logisticf(load<f32>(sums + bytes + j));
    const g = tanhf(load<f32>(sums + 2 * bytes + j));
    const kept: f32 = f * load<f32>(c + j);
    const added: f32 = i * g;
    const cell = clampf(kept + added, -clip, clip);
    store<f32>(c + j, cell);
    store<f32>(h + j, logisticf(load<f32>(sums + 3 * bytes + j)) * tanhf(cell));
  }
}

function stepRnn(record: usize, hidden: usize, gates: usize, h: usize): void {
  const sums = arena + u32At(record, M_SCRATCH);
  multiply(record, hidden, hidden, h, weights + u32At(record, L_WEIGHTS), gates, sums);
  for (let j: usize = 0; j < hidden << 2; j += 4) store<f32>(h + j, tanhf(load<f32>(sums + j)));
}

function stepGru(record: usize, hidden: usize, gates: usize, h: usize, resetBefore: bool): void {
  const sums = arena + u32At(record, M_SCRATCH);
  const bytes = hidden << 2;
  const candidate = sums + 2 * bytes;
  const reset = sums + bytes;
  const w = weights + u32At(record, L_WEIGHTS);
  const w2 = w + ((2 * hidden + NR - 1) & ~(NR - 1)) * bytes;
  multiply(record, 2 * hidden, hidden, h, w, gates, sums);
  for (let j: usize = 0; j < 2 * bytes; j += 4) store<f32>(sums + j, logisticf(load<f32>(sums + j)));
  if (resetBefore) {
    const part = sums + 3 * bytes;
    for (let j: usize = 0; j < bytes; j += 4) store<f32>(part + j, load<f32>(reset + j) * load<f32>(h + j));
    multiply(record, hidden, hidden, part, w2, gates + 2 * bytes, candidate);
  } else {
    multiply(record, hidden, hidden, h, w2, weights + u32At(record, L_BIAS), candidate);
    for (let j: usize = 0; j < bytes; j += 4) {
      const scaled: f32 = load<f32>(reset + j) * load<f32>(candidate + j);
      store<f32>(candidate + j, load<f32>(gates + 2 * bytes + j) + scaled);
    }
  }
  for (let j: usize = 0; j < bytes; j += 4) {
    const z = load<f32>(sums + j);
    const fresh: f32 = (<f32>1 - z) * tanhf(load<f32>(candidate + j));
    const kept: f32 = z * load<f32>(h + j);
    store<f32>(h + j, fresh + kept);
  }
}

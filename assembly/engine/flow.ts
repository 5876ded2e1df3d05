/**
 * Which bytes are used, and where they come from: every byte an operator reads must have been written before, in the same inference,
 * as the type it is read as. Then results depend on nothing but inputs and state, in every tier.
 *
 * The arena is its own map while a file is verified: each byte holds the type last written there, 0 for none.
 */

import { CHECK_DTYPE, CHECK_UNDEFINED, CULPRIT_OPERATOR, CULPRIT_TENSOR } from "../abi";
import {
  OP_CONV_F32,
  OP_CONV_QS16,
  OP_CONV_QS8,
  OP_COPY,
  OP_DWCONV_F32,
  OP_DWCONV_QS8,
  OP_GEMM_QD8,
  OP_INTEGER_CONV,
  OP_LSTM_QS8,
  OP_MATMUL_F32,
  OP_MICRO_FEATURES,
  OP_RECURRENT_F32,
  OP_SCATTER,
  OP_SPECTRUM,
  OP_UPDATE,
  OP_WINDOW,
} from "../codes";
import {
  NONE,
  O_BYTES,
  O_CODE,
  O_INPUT,
  O_INPUT2,
  O_INPUT3,
  O_VARIABLE,
  O_VARIABLE2,
  REGION_STATE,
  T_REGION,
} from "../format";
import { M_SCRATCH, M_SCRATCH_BYTES, WINDOW_SHIFT } from "../records";
import { isKept } from "./kept";
import { markCopy } from "../ops/copy";
import {
  arena,
  bytesOf,
  dataOf,
  dtypeOf,
  inArena,
  isWide,
  operatorCount,
  operators,
  outputOf,
  tensor,
  tensorCount,
  u32At,
} from "./model";
import { fillBytes } from "../simd/copy";

/** The kind and index of what checkFlow refused. */
export let flowCulprit: u32 = 0;
export let flowIndex: u32 = 0;

function mark(t: usize, value: u8): void {
  if (inArena(t)) fillBytes(dataOf(t), value, bytesOf(t));
}

function isWritten(t: usize): bool {
  if (!inArena(t)) return true;
  const type = dtypeOf(t) * 0x01010101;
  let at = dataOf(t);
  const end = at + bytesOf(t);
  for (; at + 4 <= end; at += 4) if (load<u32>(at) != type) return false;
  for (; at < end; at++) if (load<u8>(at) != <u8>type) return false;
  return true;
}

/** Leaves every tensor of the arena zero. */
function clear(): void {
  for (let i: u32 = 0; i < tensorCount; i++) mark(tensor(i), 0);
}

function hasScratch(code: u32): bool {
  if (isKept(code, OP_MATMUL_F32)) return true;
  if (code == OP_CONV_QS8 || code == OP_CONV_F32 || code == OP_DWCONV_QS8 || code == OP_DWCONV_F32) return true;
  if (isKept(code, OP_INTEGER_CONV) || isKept(code, OP_CONV_QS16)) return true;
  if (isKept(code, OP_SPECTRUM) || isKept(code, OP_MICRO_FEATURES)) return true;
  return isKept(code, OP_GEMM_QD8) || isKept(code, OP_RECURRENT_F32) || isKept(code, OP_LSTM_QS8);
}

/** Bytes from the arena's start to the end of the last tensor or scratch in it. */
export function arenaExtent(): f64 {
  let extent: f64 = 0;
  for (let i: u32 = 0; i < tensorCount; i++) {
    const t = tensor(i);
    if (inArena(t)) extent = max<f64>(extent, dataOf(t) - arena + bytesOf(t));
  }
  let record = operators;
  for (let i: u32 = 0; i < operatorCount; i++) {
    if (hasScratch(u32At(record, O_CODE)))
      extent = max<f64>(extent, u32At(record, M_SCRATCH) + u32At(record, M_SCRATCH_BYTES));
    record += u32At(record, O_BYTES);
  }
  return extent;
}

/** The same of the state region, which begins at `state`. */
export function stateExtent(state: usize): f64 {
  let extent: f64 = 0;
  for (let i: u32 = 0; i < tensorCount; i++) {
    const t = tensor(i);
    if (load<u8>(t + T_REGION) == REGION_STATE) extent = max<f64>(extent, dataOf(t) - state + bytesOf(t));
  }
  return extent;
}

/**
 * Bytes of the state belong to tensors of one type, so that none is read as another type than it was written. The
 * region is its own map meanwhile, as the arena is; resetState() makes it state.
 */
export function checkState(state: usize, bytes: u32): i32 {
  fillBytes(state, 0, bytes);
  for (let i: u32 = 0; i < tensorCount; i++) {
    const t = tensor(i);
    if (load<u8>(t + T_REGION) != REGION_STATE) continue;
    const type = <u8>dtypeOf(t);
    const end = dataOf(t) + bytesOf(t);
    for (let at = dataOf(t); at < end; at++) {
      const found = load<u8>(at);
      if (found != 0 && found != type) {
        flowCulprit = CULPRIT_TENSOR;
        flowIndex = i;
        return CHECK_DTYPE;
      }
    }
    fillBytes(dataOf(t), type, bytesOf(t));
  }
  return 0;
}

function readsOnlyWritten(index: u32): bool {
  return index == NONE || isWritten(tensor(index));
}

/** Follows one inference; `io` lists `inputs` tensors, then `outputs`. 0, or CHECK_UNDEFINED. */
function follow(io: usize, inputs: u32, outputs: u32): i32 {
  flowCulprit = CULPRIT_OPERATOR;
  for (let i: u32 = 0; i < inputs; i++) {
    const t = tensor(u32At(io, <usize>i << 2));
    mark(t, <u8>dtypeOf(t));
  }
  let record = operators;
  for (let i: u32 = 0; i < operatorCount; i++) {
    flowIndex = i;
    if (!readsOnlyWritten(u32At(record, O_INPUT))) return CHECK_UNDEFINED;
    if (!readsOnlyWritten(u32At(record, O_INPUT2))) return CHECK_UNDEFINED;
    if (isWide(record)) {
      // What an operator writes in place it must find written, and it stays of its type.
      if (!readsOnlyWritten(u32At(record, O_INPUT3))) return CHECK_UNDEFINED;
      if (!readsOnlyWritten(u32At(record, O_VARIABLE))) return CHECK_UNDEFINED;
      if (!readsOnlyWritten(u32At(record, O_VARIABLE2))) return CHECK_UNDEFINED;
    }
    const code = u32At(record, O_CODE);
    const y = outputOf(record);
    if (hasScratch(code)) fillBytes(arena + u32At(record, M_SCRATCH), 0, u32At(record, M_SCRATCH_BYTES));
    // These change part of what must be there already.
    if ((code == OP_SCATTER || code == OP_UPDATE) && !isWritten(y)) return CHECK_UNDEFINED;
    if (code != OP_COPY && code != OP_WINDOW) mark(y, <u8>dtypeOf(y));
    else if (inArena(y)) markCopy(record, code == OP_WINDOW ? WINDOW_SHIFT : 0, <u8>dtypeOf(y));
    record += u32At(record, O_BYTES);
  }
  flowCulprit = CULPRIT_TENSOR;
  for (let i = inputs; i < inputs + outputs; i++) {
    flowIndex = u32At(io, <usize>i << 2);
    if (!isWritten(tensor(flowIndex))) return CHECK_UNDEFINED;
  }
  return 0;
}

export function checkFlow(io: usize, inputs: u32, outputs: u32): i32 {
  clear();
  const check = follow(io, inputs, outputs);
  clear();
  return check;
}

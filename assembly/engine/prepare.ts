/**
 * What the SIMD tiers add to a verified model: room for activation rows of its int8 matrix multiplies (simd/rows.ts),
 * and where relaxed dot products are exact a second bias for each, less 128·Σ w. All tiers: the rows of one window of
 * its convolutions.
 */

import { DOT_UNSIGNED } from "../abi";
import { KR, NR, OP_CONV_QS8, OP_GEMM_QS8, OP_GEMM_SPARSE_QS8 } from "../codes";
import { O_BYTES, O_CODE } from "../format";
import { C_GROUPS, M_BIAS, M_INDEX, M_K, M_N, M_PREPARED_BIAS, M_WEIGHTS } from "../records";
import { isKept } from "./kept";
import { dotMode, usesDot } from "../simd/dot";
import { prepareRounding } from "../simd/requantize";
import { rowBytes, rowsAtOnce } from "../simd/rows";
import { hasWindows, pairedBytes, windowBytes } from "../ops/window-rows";
import { operatorCount, operators, setPreparedRows, setWindowRows, u32At, weights } from "./model";

function isMatmul(code: u32): bool {
  return code == OP_GEMM_QS8 || code == OP_CONV_QS8 || isKept(code, OP_GEMM_SPARSE_QS8);
}

/** Columns of the packed weights, padding included. */
function columnsOf(record: usize): usize {
  const groups: usize = u32At(record, O_CODE) == OP_CONV_QS8 ? <usize>u32At(record, C_GROUPS) : 1;
  const perGroup = <usize>u32At(record, M_N) / groups;
  return ((perGroup + NR - 1) & ~(NR - 1)) * groups;
}

/** Bytes of the rows that a product prepares at a time. */
function rowsBytes(): usize {
  let most: usize = 0;
  let record = operators;
  for (let i: u32 = 0; i < operatorCount; i++) {
    const k: usize = u32At(record, M_K);
    if (isMatmul(u32At(record, O_CODE))) most = max<usize>(most, rowsAtOnce(32, k) * rowBytes(k));
    if (ASC_FEATURE_RELAXED_SIMD) most = max<usize>(most, pairedBytes(record));
    record += u32At(record, O_BYTES);
  }
  return most;
}

/** Bytes of the most that windows need. */
function windowRowBytes(): f64 {
  let longest: f64 = 0;
  let record = operators;
  for (let i: u32 = 0; i < operatorCount; i++) {
    if (hasWindows(u32At(record, O_CODE))) longest = max<f64>(longest, windowBytes(record));
    record += u32At(record, O_BYTES);
  }
  return longest;
}

/** Bytes that prepare() will need, a multiple of 16. */
export function preparedBytes(): f64 {
  let bytes = windowRowBytes();
  if (!ASC_FEATURE_SIMD) return bytes;
  bytes += <f64>rowsBytes();
  if (!usesDot()) return bytes;
  let record = operators;
  for (let i: u32 = 0; i < operatorCount; i++) {
    if (isMatmul(u32At(record, O_CODE))) bytes += <f64>(columnsOf(record) << 2);
    record += u32At(record, O_BYTES);
  }
  return bytes;
}

/** Fills `at`, which has preparedBytes(), and points the records to it. */
export function prepare(at: usize): void {
  setWindowRows(at);
  at += <usize>windowRowBytes();
  if (!ASC_FEATURE_SIMD) return;
  prepareRounding();
  setPreparedRows(at);
  if (!usesDot()) return;
  at += rowsBytes();
  let record = operators;
  for (let i: u32 = 0; i < operatorCount; i++) {
    if (isMatmul(u32At(record, O_CODE))) {
      prepareBias(record, at);
      at += columnsOf(record) << 2;
    }
    record += u32At(record, O_BYTES);
  }
}

function prepareBias(record: usize, to: usize): void {
  if (!ASC_FEATURE_RELAXED_SIMD) return;
  const columns = columnsOf(record);
  const step = ((<usize>u32At(record, M_K) + KR - 1) & ~(KR - 1)) * NR;
  const bias = weights + u32At(record, M_BIAS);
  let w = weights + u32At(record, M_WEIGHTS);
  const ones = i8x16.splat(1);
  const factor = i32x4.splat(dotMode() == DOT_UNSIGNED ? 128 : 0);
  const isSparse = isKept(u32At(record, O_CODE), OP_GEMM_SPARSE_QS8);
  let index = isSparse ? weights + u32At(record, M_INDEX) : 0;
  for (let c: usize = 0; c < columns; c += NR) {
    let bytes = step;
    if (isSparse) {
      const count: usize = load<u16>(index);
      index += 2 + (count << 1);
      bytes = count * NR * KR;
    }
    let lo = i32x4.splat(0);
    let hi = i32x4.splat(0);
    for (const end = w + bytes; w < end; w += NR * KR) {
      lo = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w), ones, lo);
      hi = i32x4.relaxed_dot_i8x16_i7x16_add_s(v128.load(w, 16), ones, hi);
    }
    const at = c << 2;
    v128.store(to + at, i32x4.sub(v128.load(bias + at), i32x4.mul(lo, factor)));
    v128.store(to + at, i32x4.sub(v128.load(bias + at, 16), i32x4.mul(hi, factor)), 16);
  }
  store<u32>(record + M_PREPARED_BIAS, <u32>to);
}

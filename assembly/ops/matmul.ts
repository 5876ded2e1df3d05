/** OP_MATMUL_F32: products of two computed matrices. b is packed as GEMM weights are, one batch at a time. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_INDEX, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { NR } from "../codes";
import { DTYPE_FLOAT32, O_BYTES, O_INPUT, O_INPUT2, O_INPUT3, O_VARIABLE, O_VARIABLE2 } from "../format";
import {
  MATMUL_RANK,
  MATMUL_RECORD_BYTES,
  MM_A_BATCH,
  MM_A_ROW,
  MM_BATCH,
  MM_B_BATCH,
  MM_B_K,
  MM_B_N,
  MM_K,
  MM_N,
  MM_ROWS,
  M_MAX,
  M_MIN,
  M_SCRATCH,
  M_SCRATCH_BYTES,
} from "../records";
import { checkFloatRange, checkScratch, roundUp, within } from "../engine/check";
import { arena, bytesOf, dataOf, dtypeOf, f32At, input2Of, inputOf, namedBy, outputOf, u32At } from "../engine/model";
import { f32_gemm } from "../kernels/gemm/f32";
import { copyBytes, fillBytes } from "../simd/copy";

const LIMIT: u32 = 1 << 26;

/** The element furthest from `first` among n, `stride` apart. */
function furthest(first: f64, n: u32, stride: u32): f64 {
  return first + <f64>(n - 1) * stride;
}

export function verifyMatmulF32(record: usize): i32 {
  if (u32At(record, O_BYTES) != MATMUL_RECORD_BYTES) return CHECK_RECORD;
  const a = namedBy(record, O_INPUT);
  const b = namedBy(record, O_INPUT2);
  const given = namedBy(record, O_INPUT3);
  const bias = given ? given : b;
  const y = outputOf(record);
  if (a == 0 || b == 0 || namedBy(record, O_VARIABLE) || namedBy(record, O_VARIABLE2)) return CHECK_INDEX;
  if (dtypeOf(a) != DTYPE_FLOAT32 || dtypeOf(b) != DTYPE_FLOAT32) return CHECK_DTYPE;
  if (dtypeOf(bias) != DTYPE_FLOAT32 || dtypeOf(y) != DTYPE_FLOAT32) return CHECK_DTYPE;
  if (!within(record, MM_K, 1, LIMIT) || !within(record, MM_N, 1, LIMIT) || !within(record, MM_ROWS, 1, LIMIT))
    return CHECK_FIELD;
  let check = checkFloatRange(f32At(record, M_MIN), f32At(record, M_MAX));
  if (check) return check;
  const rows = u32At(record, MM_ROWS);
  const n = u32At(record, MM_N);
  const k = u32At(record, MM_K);
  let lastA = furthest(k - 1, rows, u32At(record, MM_A_ROW));
  let lastB = furthest(furthest(0, k, u32At(record, MM_B_K)), n, u32At(record, MM_B_N));
  let elements = <f64>rows * n;
  for (let d: usize = 0; d < MATMUL_RANK << 2; d += 4) {
    const size = u32At(record, MM_BATCH + d);
    if (size == 0) return CHECK_FIELD;
    elements *= <f64>size;
    lastA = furthest(lastA, size, u32At(record, MM_A_BATCH + d));
    lastB = furthest(lastB, size, u32At(record, MM_B_BATCH + d));
  }
  if (elements * 4 != <f64>bytesOf(y)) return CHECK_SHAPE;
  if (lastA >= <f64>(bytesOf(a) >> 2) || lastB >= <f64>(bytesOf(b) >> 2)) return CHECK_SHAPE;
  if (given && bytesOf(given) != n << 2) return CHECK_SHAPE;
  const needed = <f64>(k + 1) * roundUp(n, NR) * 4;
  check = checkScratch(u32At(record, M_SCRATCH), u32At(record, M_SCRATCH_BYTES), needed, a, y);
  if (check) return check;
  return checkScratch(u32At(record, M_SCRATCH), u32At(record, M_SCRATCH_BYTES), needed, b, bias);
}

/** Four k of four columns, a column in one run of k, to four rows of a block. */
// @ts-ignore: decorator
@inline
function packSquare(b: usize, nStep: usize, to: usize): void {
  const p = v128.load(b);
  const q = v128.load(b + nStep);
  const r = v128.load(b + nStep * 2);
  const s = v128.load(b + nStep * 3);
  const pq = v128.shuffle<f32>(p, q, 0, 4, 1, 5);
  const rs = v128.shuffle<f32>(r, s, 0, 4, 1, 5);
  const pq2 = v128.shuffle<f32>(p, q, 2, 6, 3, 7);
  const rs2 = v128.shuffle<f32>(r, s, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(pq, rs, 0, 1, 4, 5));
  v128.store(to, v128.shuffle<f32>(pq, rs, 2, 3, 6, 7), NR << 2);
  v128.store(to, v128.shuffle<f32>(pq2, rs2, 0, 1, 4, 5), (NR << 2) * 2);
  v128.store(to, v128.shuffle<f32>(pq2, rs2, 2, 3, 6, 7), (NR << 2) * 3);
}

/** Blocks of NR columns, per k one row of them; columns from n on stay as they are, for nothing reads their sums. */
function packColumns(n: usize, k: usize, b: usize, kStep: usize, nStep: usize, to: usize): void {
  for (let c: usize = 0; c < n; c += NR) {
    const columns = min<usize>(n - c, NR);
    if (ASC_FEATURE_SIMD && columns == NR && nStep == 4) {
      for (let p = b, i = k; i > 0; i--) {
        v128.store(to, v128.load(p));
        v128.store(to, v128.load(p, 16), 16);
        p += kStep;
        to += NR << 2;
      }
    } else if (ASC_FEATURE_SIMD && columns == NR && kStep == 4) {
      let i: usize = 0;
      for (; i + 4 <= k; i += 4) {
        packSquare(b + (i << 2), nStep, to);
        packSquare(b + (i << 2) + (nStep << 2), nStep, to + 16);
        to += NR << 4;
      }
      for (; i < k; i++) {
        for (let j: usize = 0; j < NR; j++) store<f32>(to + (j << 2), load<f32>(b + j * nStep + (i << 2)));
        to += NR << 2;
      }
    } else {
      for (let j: usize = 0; j < columns; j++) {
        let p = b + j * nStep;
        let q = to + (j << 2);
        for (let i = k; i > 0; i--) {
          store<f32>(q, load<f32>(p));
          p += kStep;
          q += NR << 2;
        }
      }
      to += k * (NR << 2);
    }
    b += nStep << 3;
  }
}

export function runMatmulF32(record: usize): void {
  const rows: usize = u32At(record, MM_ROWS);
  const n: usize = u32At(record, MM_N);
  const k: usize = u32At(record, MM_K);
  const bias = arena + u32At(record, M_SCRATCH);
  const packed = bias + (((n + NR - 1) & ~(NR - 1)) << 2);
  const given = namedBy(record, O_INPUT3);
  if (given) copyBytes(bias, dataOf(given), n << 2);
  else fillBytes(bias, 0, n << 2);
  let y = dataOf(outputOf(record));
  const end = y + bytesOf(outputOf(record));
  let last: usize = 0;
  for (let batch: u32 = 0; y < end; batch++) {
    let a = dataOf(inputOf(record));
    let b = dataOf(input2Of(record));
    let rest = batch;
    for (let d: usize = (MATMUL_RANK << 2) - 4; <isize>d >= 0; d -= 4) {
      const size = u32At(record, MM_BATCH + d);
      const index: usize = rest % size;
      rest /= size;
      a += (index * u32At(record, MM_A_BATCH + d)) << 2;
      b += (index * u32At(record, MM_B_BATCH + d)) << 2;
    }
    if (b != last) packColumns(n, k, b, u32At(record, MM_B_K) << 2, u32At(record, MM_B_N) << 2, packed);
    last = b;
    f32_gemm(record, rows, n, k, a, u32At(record, MM_A_ROW) << 2, packed, bias, y, n << 2);
    y += (rows * n) << 2;
  }
}

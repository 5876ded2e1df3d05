/** OP_GEMM_SPARSE_QS8: fully connected layers and 1×1 convolutions whose weights have blocks of zeros. */

import { CHECK_FIELD, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { KR, NR } from "../codes";
import { O_BYTES } from "../format";
import {
  GEMM_RECORD_BYTES,
  M_BIAS,
  M_INDEX,
  M_INDEX_BYTES,
  M_K,
  M_N,
  M_REQUANT,
  M_WEIGHTS,
  M_WEIGHT_ZERO_POINT,
} from "../records";
import { checkWeights, within } from "../engine/check";
import { bytesOf, dataOf, i32At, inputOf, outputOf, u32At, weights } from "../engine/model";
import { qs8_qc8w_spmm } from "../kernels/gemm/sparse";
import { isMatrixPair, paddedColumns, verifyMatmul } from "./gemm";

/** A block's first k is a u16. */
const K_LIMIT: u32 = 1 << 16;

/** Blocks that the index lists, or −1 where it is not sound: counts that fit, ascending multiples of KR below k. */
export function listedBlocks(record: usize): i32 {
  const k = u32At(record, M_K);
  const n = u32At(record, M_N);
  let at = weights + u32At(record, M_INDEX);
  const end = at + u32At(record, M_INDEX_BYTES);
  let blocks: i32 = 0;
  for (let c: u32 = 0; c < n; c += NR) {
    if (at + 2 > end) return -1;
    const count: usize = load<u16>(at);
    at += 2;
    if (at + (count << 1) > end) return -1;
    let next: u32 = 0;
    for (let i: usize = 0; i < count; i++) {
      const first: u32 = load<u16>(at + (i << 1));
      if (first < next || (first & (KR - 1)) != 0 || first >= k) return -1;
      next = first + KR;
    }
    at += count << 1;
    blocks += <i32>count;
  }
  return at == end ? blocks : -1;
}

/** Weights past k, in the last block of a column, count as zero. */
function isPadded(record: usize): bool {
  const k = u32At(record, M_K);
  const used: usize = k & (KR - 1);
  if (used == 0) return true;
  let at = weights + u32At(record, M_INDEX);
  let w = weights + u32At(record, M_WEIGHTS);
  for (let c: u32 = 0; c < u32At(record, M_N); c += NR) {
    const count: usize = load<u16>(at);
    for (let i: usize = 0; i < count; i++) {
      if (<u32>load<u16>(at + 2 + (i << 1)) + KR > k)
        for (let j: usize = 0; j < NR; j++)
          for (let t = used; t < KR; t++) if (load<i8>(w + j * KR + t) != 0) return false;
      w += NR * KR;
    }
    at += 2 + (count << 1);
  }
  return true;
}

export function verifyGemmSparse(record: usize): i32 {
  if (u32At(record, O_BYTES) != GEMM_RECORD_BYTES) return CHECK_RECORD;
  if (!within(record, M_K, 1, K_LIMIT) || !within(record, M_N, 1, 1 << 26)) return CHECK_FIELD;
  if (i32At(record, M_WEIGHT_ZERO_POINT) != 0) return CHECK_FIELD;
  let check = checkWeights(u32At(record, M_INDEX), u32At(record, M_INDEX_BYTES));
  if (check) return check;
  const blocks = listedBlocks(record);
  if (blocks < 0) return CHECK_FIELD;
  check = verifyMatmul(record, paddedColumns(u32At(record, M_N)), <f64>blocks * (NR * KR));
  if (check) return check;
  if (!isPadded(record)) return CHECK_FIELD;
  return isMatrixPair(record, 1) ? 0 : CHECK_SHAPE;
}

export function runGemmSparse(record: usize): void {
  const n: usize = u32At(record, M_N);
  const y = outputOf(record);
  qs8_qc8w_spmm(
    record, <usize>bytesOf(y) / n, n, u32At(record, M_K), dataOf(inputOf(record)), weights + u32At(record, M_INDEX),
    weights + u32At(record, M_WEIGHTS), weights + u32At(record, M_BIAS), weights + u32At(record, M_REQUANT),
    ((n + NR - 1) & ~(NR - 1)) << 2, dataOf(y)
  );
}

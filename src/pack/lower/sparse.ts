/** Which blocks of 8 columns × 4 k of a weight matrix are not zero throughout: what GEMM_SPARSE runs over. */

import { KR, NR } from "../../../assembly/codes.ts";
import { M_INDEX, M_INDEX_BYTES } from "../../../assembly/records.ts";
import type { Tensor } from "../../graph/graph.ts";
import type { Lowering } from "../lowering.ts";
import type { Fields } from "../record.ts";

/** Per 8 columns the first k of each block, ascending. */
export type PresentBlocks = number[][];

/** Share of blocks up to which skipping the others is faster than running them all (docs/performance.md). */
const densest = 0.85;

/** The blocks, where enough of them are zero; undefined where the dense kernel is the better one, or the only one. */
export function presentBlocks(
  weights: Tensor,
  { n, k }: { n: number; k: number },
  index: (n: number, k: number) => number,
): PresentBlocks | undefined {
  const w = weights.data;
  const isSymmetric = weights.quantization?.zeroPoint.every((z) => z === 0);
  if (!(w instanceof Int8Array) || !isSymmetric || k >= 1 << 16) return undefined;
  const hasWeight = (c: number, from: number): boolean => {
    for (let j = c; j < Math.min(c + NR, n); j++)
      for (let i = from; i < Math.min(from + KR, k); i++) if (w[index(j, i)] !== 0) return true;
    return false;
  };
  const all = Math.ceil(n / NR) * Math.ceil(k / KR);
  let found = 0;
  const present: PresentBlocks = [];
  for (let c = 0; c < n; c += NR) {
    const blocks: number[] = [];
    for (let i = 0; i < k; i += KR) if (hasWeight(c, i)) blocks.push(i);
    found += blocks.length;
    if (found > all * densest) return undefined;
    present.push(blocks);
  }
  return present;
}

/** The listed blocks of weights packed in format 1. */
export function keepBlocks(packed: Int8Array, present: PresentBlocks, k: number): Int8Array {
  const steps = Math.ceil(k / KR);
  const block = NR * KR;
  const out = new Int8Array(present.reduce((sum, blocks) => sum + blocks.length, 0) * block);
  let to = 0;
  for (const [c, blocks] of present.entries())
    for (const i of blocks) {
      const from = (c * steps + i / KR) * block;
      out.set(packed.subarray(from, from + block), to);
      to += block;
    }
  return out;
}

/** Counts and first k of all blocks, as u16. */
export function indexFields(lowering: Lowering, present: PresentBlocks): Fields {
  const list = Int16Array.from(present.flatMap((blocks) => [blocks.length, ...blocks]));
  return [
    [M_INDEX, lowering.weights.add(list)],
    [M_INDEX_BYTES, list.byteLength],
  ];
}

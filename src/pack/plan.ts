import { ALIGNMENT } from "../../assembly/format.ts";

/** A stretch of the arena that instructions first…last need. */
export interface Buffer {
  bytes: number;
  first: number;
  last: number;
}

const align = (n: number): number => Math.ceil(n / ALIGNMENT) * ALIGNMENT;

/**
 * Offsets such that no two buffers alive at the same instruction overlap, and the arena's size. Largest first,
 * each at the lowest place that is free for its whole life; deterministic.
 */
export function planArena(buffers: readonly Buffer[]): { offsets: number[]; bytes: number } {
  const order = buffers.map((_, i) => i);
  order.sort((a, b) => buffers[b].bytes - buffers[a].bytes || buffers[a].first - buffers[b].first || a - b);
  const offsets: number[] = new Array(buffers.length).fill(0);
  const placed: number[] = [];
  let total = 0;
  for (const i of order) {
    const { bytes, first, last } = buffers[i];
    const neighbours = placed.filter((j) => buffers[j].first <= last && first <= buffers[j].last);
    let at = 0;
    for (const j of neighbours) {
      if (at + bytes <= offsets[j]) break;
      at = Math.max(at, align(offsets[j] + buffers[j].bytes));
    }
    offsets[i] = at;
    placed.push(i);
    placed.sort((a, b) => offsets[a] - offsets[b]);
    total = Math.max(total, align(at + bytes));
  }
  return { offsets, bytes: total };
}

/** Weight sharing: 16 int8 values for a whole layer, times a scale per row and block. */

import { smallestScale } from "../affine.ts";
import { type BlockGrid, fillEmpty, type Importance, type Rows } from "./grid.ts";

export interface CodebookGrid extends BlockGrid {
  /** Ascending; `round` answers with its values. */
  codebook: Int8Array;
}

export interface CodebookOptions {
  blockSize: number;
  importance: Importance;
  /** How pruned weights are stored, if there are any: as one of the 16 values, or as 0 beside them. */
  zero: "none" | "among" | "beside";
}

const size = 16;
const limit = 127;
const bins = 2 * limit + 1;

export function codebookGrid({ values, n, k }: Rows, options: CodebookOptions): CodebookGrid {
  const { blockSize, importance, zero } = options;
  const blocks = Math.ceil(k / blockSize);
  const scale = new Float32Array(n * blocks);
  const at = (row: number, i: number): number => row * blocks + Math.floor(i / blockSize);
  for (let row = 0; row < n; row++)
    for (let i = 0; i < k; i++) {
      const magnitude = Math.abs(values[row * k + i]);
      if (magnitude > 0)
        scale[at(row, i)] = Math.max(scale[at(row, i)], Math.fround(magnitude / limit), smallestScale);
    }
  fillEmpty(scale);
  const mass = new Float64Array(bins);
  for (let row = 0; row < n; row++)
    for (let i = 0; i < k; i++) {
      const value = values[row * k + i];
      // Pruned weights stay 0 without a say.
      if (value === 0) continue;
      const s = scale[at(row, i)];
      const bin = Math.min(limit, Math.max(-limit, Math.round(value / s))) + limit;
      mass[bin] += importance(row, i) * s * s;
    }
  const codebook = Int8Array.from(cluster(mass, zero === "among" ? size - 1 : size));
  const all = zero === "among" && !codebook.includes(0) ? Int8Array.of(...codebook, 0).sort() : codebook;
  return {
    blockSize,
    scale,
    zeroPoint: new Int32Array(scale.length),
    codebook: all,
    round(value, row, i) {
      if (value === 0 && zero !== "none") return 0;
      const wanted = value / scale[at(row, i)];
      let c = 0;
      while (c + 1 < all.length && wanted > (all[c] + all[c + 1]) / 2) c++;
      return all[c];
    },
    real: (stored, row, i) => scale[at(row, i)] * stored,
  };
}

/**
 * The best k-means of a histogram over −127…127, found by dynamic programming over where clusters end: the same for
 * the same weights, and never a local optimum. Up to `count` distinct values, ascending.
 */
export function cluster(mass: Float64Array, count: number): number[] {
  const [zeroth, first, second] = [0, 1, 2].map((power) => {
    const sums = new Float64Array(bins + 1);
    for (let i = 0; i < bins; i++) sums[i + 1] = sums[i] + mass[i] * (i - limit) ** power;
    return sums;
  });
  /** Squared error of bins from…to − 1 around their mean. */
  const cost = (from: number, to: number): number => {
    const m = zeroth[to] - zeroth[from];
    if (m <= 0) return 0;
    const s = first[to] - first[from];
    return Math.max(0, second[to] - second[from] - (s * s) / m);
  };
  let best = Float64Array.from({ length: bins + 1 }, (_, to) => cost(0, to));
  const starts: Uint8Array[] = [new Uint8Array(bins + 1)];
  for (let c = 1; c < count; c++) {
    const next = new Float64Array(bins + 1);
    const start = new Uint8Array(bins + 1);
    for (let to = 0; to <= bins; to++) {
      next[to] = Infinity;
      for (let from = 0; from <= to; from++) {
        const total = best[from] + cost(from, to);
        if (total < next[to]) [next[to], start[to]] = [total, from];
      }
    }
    best = next;
    starts.push(start);
  }
  const centres = new Set<number>();
  for (let c = count - 1, to = bins; c >= 0; c--) {
    const from = starts[c][to];
    const m = zeroth[to] - zeroth[from];
    if (m > 0) centres.add(Math.round((first[to] - first[from]) / m) + 0);
    to = from;
  }
  return [...(centres.size > 0 ? centres : [0])].sort((a, b) => a - b);
}

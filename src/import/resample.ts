/** Tables that resample one dimension: where each output position reads, and with which weights. */

import type { ResizeTable } from "../graph/graph.ts";

/** A function of the distance from a position, zero at `reach` and beyond. */
export interface Kernel {
  reach: 1 | 2;
  weight(distance: number): number;
}

export const linearKernel: Kernel = { reach: 1, weight: (d) => Math.max(0, 1 - Math.abs(d)) };

/** Cubic convolution with the coefficient a. */
export const cubicKernel = (a: number): Kernel => ({
  reach: 2,
  weight: (distance) => {
    const d = Math.abs(distance);
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
  },
});

const clampTo = (size: number, at: number): number => Math.min(Math.max(at, 0), size - 1);

/** One tap of weight 1 a position, at `pick(position)`, kept inside 0 … size − 1. */
export const pickTable = (
  size: number,
  positions: number,
  pick: (position: number) => number,
): ResizeTable => ({
  taps: 1,
  index: Int32Array.from({ length: positions }, (_, i) => clampTo(size, pick(i))),
  weight: new Float32Array(positions).fill(1),
});

export const identityTable = (size: number): ResizeTable => pickTable(size, size, (i) => i);

export interface Filter {
  kernel: Kernel;
  /** Below 1 widens the kernel by its reciprocal, so that no input is passed over. */
  scale: number;
  /** Taps outside the input count nothing instead of as the edge; the others are weighed up. */
  excludeOutside: boolean;
}

/** Weights `kernel` around `coordinate(position)`; taps outside read the edge. */
export function filterTable(
  size: number,
  positions: number,
  coordinate: (position: number) => number,
  { kernel, scale, excludeOutside }: Filter,
): ResizeTable {
  const first = Math.floor(-kernel.reach / scale) + 1;
  const taps = 2 - 2 * first;
  const index = new Int32Array(positions * taps);
  const weight = new Float32Array(positions * taps);
  for (let i = 0; i < positions; i++) {
    const at = coordinate(i);
    const base = Math.floor(at);
    const places = Array.from({ length: taps }, (_, t) => base + first + t);
    const weights = places.map((place) =>
      excludeOutside && (place < 0 || place >= size) ? 0 : kernel.weight((place - at) * scale),
    );
    const sum = scale < 1 || excludeOutside ? weights.reduce((a, b) => a + b, 0) : 1;
    places.forEach((place, t) => {
      index[i * taps + t] = clampTo(size, place);
      weight[i * taps + t] = weights[t] / sum;
    });
  }
  return { taps, index, weight };
}

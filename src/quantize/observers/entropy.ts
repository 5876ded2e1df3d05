import type { Range } from "../affine.ts";
import { binCount, binEdge, binOf, createHistogram, type Histogram } from "./histogram.ts";
import type { Observer } from "./observer.ts";

/** Ends that are tried on either side, evenly from a quarter of the extreme to the extreme. */
const candidates = 96;
const levels = 256;
/** What a bin is taken to hold that the quantized distribution leaves empty. */
const smallest = 1e-9;

/**
 * The range whose 256 levels keep most of the distribution's information: the least Kullback–Leibler divergence of
 * the quantized from the clipped distribution. The upper end is searched first, then the lower.
 *
 * Exact zeros are left out: every range holds them exactly, and behind a ReLU they would outweigh all else.
 */
export function entropyObserver(): Observer {
  const histogram = createHistogram();
  return {
    observe: histogram.observe,
    range() {
      const { total, zeros, min, max } = histogram;
      if (total === zeros) return { min: 0, max: 0 };
      const counts = histogram.counts.slice();
      counts[binCount / 2] -= zeros;
      let range: Range = { min: Math.min(0, min), max: Math.max(0, max) };
      range = narrowest(
        histogram,
        counts,
        ends(range.max).map((high) => ({ ...range, max: high })),
      );
      return narrowest(
        histogram,
        counts,
        ends(range.min).map((low) => ({ ...range, min: low })),
      );
    },
  };
}

const ends = (extreme: number): number[] =>
  extreme === 0 ? [0] : Array.from({ length: candidates }, (_, i) => extreme * (1 - (0.75 * i) / candidates));

/** The range of least divergence; the first, which is the widest, of equals. */
function narrowest(histogram: Histogram, counts: Float64Array, ranges: Range[]): Range {
  let best = ranges[0];
  let least = Infinity;
  for (const range of ranges) {
    if (!(range.min < range.max)) continue;
    const from = binOf(histogram, range.min);
    // A range that ends on an edge does not enter the bin above it.
    const last = binOf(histogram, range.max);
    const to = range.max > binEdge(histogram, last) ? last + 1 : last;
    const found = divergence(counts, from, to);
    if (found < least) {
      least = found;
      best = range;
    }
  }
  return best;
}

/** Divergence of bins from…to, which also hold what lies outside, from the same in `levels` levels. */
function divergence(counts: Float64Array, from: number, to: number): number {
  const size = to - from;
  if (size <= 0) return Infinity;
  let below = 0;
  let above = 0;
  let inside = 0;
  for (let i = 0; i < binCount; i++) {
    if (i < from) below += counts[i];
    else if (i >= to) above += counts[i];
    else inside += counts[i];
  }
  const total = inside + below + above;
  if (inside === 0) return Infinity;
  let sum = 0;
  for (let level = 0; level < Math.min(levels, size); level++) {
    const start = from + Math.floor((level * size) / Math.min(levels, size));
    const end = from + Math.floor(((level + 1) * size) / Math.min(levels, size));
    let held = 0;
    let filled = 0;
    for (let i = start; i < end; i++) {
      held += counts[i];
      if (counts[i] > 0) filled++;
    }
    for (let i = start; i < end; i++) {
      const clipped = (i === from ? below : 0) + (i === to - 1 ? above : 0);
      const p = (counts[i] + clipped) / total;
      if (p === 0) continue;
      const q = counts[i] > 0 ? held / filled / inside : smallest;
      sum += p * Math.log(p / q);
    }
  }
  return sum;
}

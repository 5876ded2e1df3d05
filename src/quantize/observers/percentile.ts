import type { Observer } from "./observer.ts";

/** Bins of the histogram; a multiple of 4, so that doubling the range merges whole pairs. */
const binCount = 16384;
const half = binCount / 2;

/**
 * The range that holds the central `percentile` % of the values, half of the rest cut off on either side.
 *
 * A histogram over [−limit, limit), limit a power of two that doubles when a value falls outside; pairs of
 * bins then become one. Bin edges are multiples of a power of two, so the result depends on the multiset of
 * values alone, not on their order or on how they came in batches. Quantiles are interpolated within a bin:
 * off by less than limit / 8192, and never beyond the extremes seen.
 *
 * @throws RangeError where `percentile` is outside (50, 100].
 */
export function percentileObserver(percentile: number): Observer {
  if (!(percentile > 50 && percentile <= 100)) {
    throw new RangeError(`"percentile" expected 50 < p ≤ 100, got ${percentile}`);
  }
  const counts = new Float64Array(binCount);
  let limit = 0;
  let total = 0;
  let min = Infinity;
  let max = -Infinity;

  function grow(magnitude: number): void {
    if (limit === 0) {
      // Zeros seen so far wait in the bin right of zero, which is theirs at every limit.
      limit = 2 ** Math.round(Math.log2(magnitude));
      // The logarithm may be off by its rounding; the limit must not depend on which value came first.
      while (limit > magnitude) limit /= 2;
      limit *= 2;
    }
    while (magnitude >= limit) {
      limit *= 2;
      for (let i = 0; i < half / 2; i++) {
        // From the centre outwards, so that every pair is read before its place is written.
        counts[half + i] = counts[half + 2 * i] + counts[half + 2 * i + 1];
        counts[half - 1 - i] = counts[half - 1 - 2 * i] + counts[half - 2 - 2 * i];
      }
      counts.fill(0, 0, half / 2);
      counts.fill(0, half + half / 2);
    }
  }

  /** The value that `rank` of all values lie below. */
  function quantile(rank: number): number {
    let below = 0;
    for (let i = 0; i < binCount; i++) {
      const count = counts[i];
      if (count > 0 && below + count >= rank) {
        const value = (i - half + (rank - below) / count) * (limit / half);
        return Math.min(max, Math.max(min, value));
      }
      below += count;
    }
    return max;
  }

  return {
    observe(values) {
      for (let i = 0; i < values.length; i++) {
        const value = values[i];
        if (value < min) min = value;
        if (value > max) max = value;
        const magnitude = Math.abs(value);
        if (magnitude >= limit && magnitude > 0) grow(magnitude);
        counts[limit === 0 ? half : half + Math.floor((value / limit) * half)]++;
      }
      total += values.length;
    },
    range() {
      if (total === 0) return { min: 0, max: 0 };
      const cut = (total * (100 - percentile)) / 200;
      return { min: cut === 0 ? min : quantile(cut), max: cut === 0 ? max : quantile(total - cut) };
    },
  };
}

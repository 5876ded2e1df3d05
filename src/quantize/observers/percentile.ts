import { binCount, binEdge, createHistogram } from "./histogram.ts";
import type { Observer } from "./observer.ts";

/**
 * The range that holds the central `percentile` % of the values, half of the rest cut off on either side.
 *
 * Quantiles are interpolated within a bin of the histogram: off by less than limit / 8192, and never beyond the
 * extremes seen.
 *
 * @throws RangeError where `percentile` is outside (50, 100].
 */
export function percentileObserver(percentile: number): Observer {
  if (!(percentile > 50 && percentile <= 100)) {
    throw new RangeError(`"percentile" expected 50 < p ≤ 100, got ${percentile}`);
  }
  const histogram = createHistogram();

  /** The value that `rank` of all values lie below. */
  function quantile(rank: number): number {
    const { counts, min, max } = histogram;
    let below = 0;
    for (let i = 0; i < binCount; i++) {
      const count = counts[i];
      if (count > 0 && below + count >= rank) {
        const value = binEdge(histogram, i + (rank - below) / count);
        return Math.min(max, Math.max(min, value));
      }
      below += count;
    }
    return max;
  }

  return {
    observe: histogram.observe,
    range() {
      const { total, min, max } = histogram;
      if (total === 0) return { min: 0, max: 0 };
      const cut = (total * (100 - percentile)) / 200;
      return { min: cut === 0 ? min : quantile(cut), max: cut === 0 ? max : quantile(total - cut) };
    },
  };
}

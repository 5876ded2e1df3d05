import { binCentre, binCount, binOf, createHistogram, type Histogram } from "./histogram.ts";
import type { Observer } from "./observer.ts";

/** Ends of the range that are tried, evenly from zero to the extreme. */
const candidates = 128;
/** Steps between the ends of an int8 range. */
const steps = 255;

/**
 * The range with the least mean squared error of int8: what clipping costs against what a finer step gains.
 *
 * Values inside the range cost step² / 12 each, as evenly spread ones do, exact zeros nothing, and values outside the
 * square of their distance to it. All pairs of ends are tried.
 */
export function mseObserver(): Observer {
  const histogram = createHistogram();
  return {
    observe: histogram.observe,
    range() {
      const { total, min, max, limit } = histogram;
      if (total === 0) return { min: 0, max: 0 };
      if (limit === 0) return { min, max };
      const cost = costOf(histogram);
      const lows = ends(Math.min(0, min));
      const highs = ends(Math.max(0, max));
      let best = { min: lows[0], max: highs[0] };
      let least = Infinity;
      for (const low of lows) {
        for (const high of highs) {
          const found = low < high ? cost(low, high) : Infinity;
          if (found < least) {
            least = found;
            best = { min: low, max: high };
          }
        }
      }
      return best;
    },
  };
}

/** From the extreme to zero, the extreme first: of equals the wider range stays. */
const ends = (extreme: number): number[] =>
  extreme === 0 ? [0] : Array.from({ length: candidates }, (_, i) => extreme * (1 - i / candidates));

/** Sum of squared errors of a range that contains zero, by sums over the bins up to each. */
function costOf(histogram: Histogram): (low: number, high: number) => number {
  const count = new Float64Array(binCount + 1);
  const first = new Float64Array(binCount + 1);
  const second = new Float64Array(binCount + 1);
  for (let i = 0; i < binCount; i++) {
    const n = histogram.counts[i];
    const x = binCentre(histogram, i);
    count[i + 1] = count[i] + n;
    first[i + 1] = first[i] + n * x;
    second[i + 1] = second[i] + n * x * x;
  }
  /** Σ (x − end)² over bins from…to. */
  const distance = (from: number, to: number, end: number): number =>
    second[to] - second[from] - 2 * end * (first[to] - first[from]) + end * end * (count[to] - count[from]);
  return (low, high) => {
    const from = binOf(histogram, low);
    const to = binOf(histogram, high) + 1;
    const inside = Math.max(0, count[to] - count[from] - histogram.zeros);
    const step = (high - low) / steps;
    return (inside * step * step) / 12 + distance(0, from, low) + distance(to, binCount, high);
  };
}

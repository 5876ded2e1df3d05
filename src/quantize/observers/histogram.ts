/** Bins of the histogram; a multiple of 4, so that doubling the range merges whole pairs. */
export const binCount = 16384;
const half = binCount / 2;

/** Counts of values over [−limit, limit) in `binCount` bins of equal width, with the exact extremes. */
export interface Histogram {
  observe(values: Float32Array): void;
  readonly counts: Float64Array;
  /** A power of two; 0 before the first value other than zero. */
  readonly limit: number;
  readonly total: number;
  /** Values that are exactly zero; they are counted in the bin right of zero too. */
  readonly zeros: number;
  readonly min: number;
  readonly max: number;
}

/**
 * An empty histogram. Its limit doubles when a value falls outside; pairs of bins then become one. Bin edges are
 * multiples of a power of two, so the counts depend on the multiset of values alone, not on their order or on how they
 * came in batches.
 */
export function createHistogram(): Histogram {
  const counts = new Float64Array(binCount);
  let limit = 0;
  let total = 0;
  let zeros = 0;
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

  return {
    observe(values) {
      for (let i = 0; i < values.length; i++) {
        const value = values[i];
        if (value < min) min = value;
        if (value > max) max = value;
        if (value === 0) zeros++;
        const magnitude = Math.abs(value);
        if (magnitude >= limit && magnitude > 0) grow(magnitude);
        counts[limit === 0 ? half : half + Math.floor((value / limit) * half)]++;
      }
      total += values.length;
    },
    counts,
    get limit() {
      return limit;
    },
    get total() {
      return total;
    },
    get zeros() {
      return zeros;
    },
    get min() {
      return min;
    },
    get max() {
      return max;
    },
  };
}

/** Value in the middle of bin `i`. */
export const binCentre = ({ limit }: Histogram, i: number): number => (i + 0.5 - half) * (limit / half);

/** Value at the lower edge of bin `i`. */
export const binEdge = ({ limit }: Histogram, i: number): number => (i - half) * (limit / half);

/** The bin that holds `value`. */
export const binOf = ({ limit }: Histogram, value: number): number =>
  Math.min(binCount - 1, Math.max(0, half + Math.floor((value / limit) * half)));

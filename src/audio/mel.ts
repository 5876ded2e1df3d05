/** HTK's mel scale. */
export const hertzToMel = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
export const melToHertz = (mel: number): number => 700 * (10 ** (mel / 2595) - 1);

/** One triangle: weights of the consecutive bins from `first` on that it covers. */
export interface MelFilter {
  first: number;
  weights: Float64Array;
}

export interface MelOptions {
  sampleRate: number;
  fftSize: number;
  melCount: number;
  /** Hertz: the left foot of the first triangle and the right foot of the last. */
  lowest: number;
  highest: number;
}

/** Triangles of height 1 between neighbours of `melCount + 2` edges equally spaced in mel. */
export function melFilters({ sampleRate, fftSize, melCount, lowest, highest }: MelOptions): MelFilter[] {
  const low = hertzToMel(lowest);
  const step = (hertzToMel(highest) - low) / (melCount + 1);
  const edge = (i: number) => melToHertz(low + i * step);
  return Array.from({ length: melCount }, (_, m) => {
    const [left, centre, right] = [edge(m), edge(m + 1), edge(m + 2)];
    const weights: number[] = [];
    let first = 0;
    for (let k = 0; k <= fftSize / 2; k++) {
      const hertz = (k * sampleRate) / fftSize;
      const weight = Math.min((hertz - left) / (centre - left), (right - hertz) / (right - centre));
      if (weight <= 0) continue;
      if (weights.length === 0) first = k;
      weights.push(weight);
    }
    return { first, weights: Float64Array.from(weights) };
  });
}

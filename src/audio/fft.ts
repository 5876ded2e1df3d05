/** Fills re and im with bins 0…size/2 of the discrete Fourier transform of `frame[0 … size)`. */
export type RealFft = (frame: Float64Array, re: Float64Array, im: Float64Array) => void;

/**
 * A real transform of `size` points (a power of two, at least 4) as one complex radix-2 transform of half
 * the size: even samples are the real part, odd samples the imaginary part, and a last pass separates them.
 * Tables and scratch are made here; the returned function allocates nothing.
 */
export function createRealFft(size: number): RealFft {
  if (size < 4 || !Number.isInteger(Math.log2(size))) {
    throw new RangeError(`"size" expected a power of two of at least 4, got ${size}`);
  }
  const half = size / 2;
  const bits = Math.log2(half);
  const cosine = Float64Array.from({ length: half }, (_, k) => Math.cos((2 * Math.PI * k) / size));
  const sine = Float64Array.from({ length: half }, (_, k) => Math.sin((2 * Math.PI * k) / size));
  const reversed = Uint32Array.from({ length: half }, (_, i) => reverseBits(i, bits));
  const a = new Float64Array(half);
  const b = new Float64Array(half);

  return (frame, re, im) => {
    for (let i = 0; i < half; i++) {
      const source = 2 * reversed[i];
      a[i] = frame[source];
      b[i] = frame[source + 1];
    }
    for (let span = 1; span < half; span *= 2) {
      // Twiddle exp(−2πi·j / (2·span)) is entry j·size / (2·span) of the tables.
      const step = half / span;
      for (let start = 0; start < half; start += 2 * span) {
        for (let j = 0; j < span; j++) {
          const c = cosine[j * step];
          const s = sine[j * step];
          const low = start + j;
          const high = low + span;
          const x = a[high] * c + b[high] * s;
          const y = b[high] * c - a[high] * s;
          a[high] = a[low] - x;
          b[high] = b[low] - y;
          a[low] = a[low] + x;
          b[low] = b[low] + y;
        }
      }
    }
    re[0] = a[0] + b[0];
    im[0] = 0;
    re[half] = a[0] - b[0];
    im[half] = 0;
    for (let k = 1; k < half; k++) {
      const mirror = half - k;
      const evenRe = (a[k] + a[mirror]) / 2;
      const evenIm = (b[k] - b[mirror]) / 2;
      const oddRe = (b[k] + b[mirror]) / 2;
      const oddIm = (a[mirror] - a[k]) / 2;
      re[k] = evenRe + oddRe * cosine[k] + oddIm * sine[k];
      im[k] = evenIm + oddIm * cosine[k] - oddRe * sine[k];
    }
  };
}

function reverseBits(value: number, bits: number): number {
  let result = 0;
  for (let bit = 0; bit < bits; bit++) result = result * 2 + ((value >> bit) & 1);
  return result;
}

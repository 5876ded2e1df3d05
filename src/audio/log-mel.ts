import { createRealFft } from "./fft.ts";
import { type MelOptions, melFilters } from "./mel.ts";

export interface LogMelOptions extends MelOptions {
  /** Samples of one clip. */
  sampleCount: number;
  /** Samples of one frame, and from one frame's start to the next. */
  window: number;
  hop: number;
  /** Added to every energy before the logarithm. */
  floor: number;
}

/** One second at 16 kHz → 49 frames × 40 bands. */
export const keywordLogMel: Readonly<LogMelOptions> = {
  sampleRate: 16000,
  sampleCount: 16000,
  window: 480,
  hop: 320,
  fftSize: 512,
  melCount: 40,
  lowest: 60,
  highest: 7600,
  floor: 1e-6,
};

/**
 * Features of one clip, [frames, melCount]. Without `features` they land in an array that belongs to the
 * front end and is overwritten by the next call.
 */
export type LogMel = (samples: Float32Array, features?: Float32Array) => Float32Array;

/**
 * A log-mel front end: frames without centring, periodic Hann window, zero-padded FFT, power spectrum,
 * mel triangles, ln(energy + floor). Double precision until the last store. Tables and scratch are made
 * here; the returned function allocates nothing.
 *
 * @throws RangeError where `samples` or `features` has another length than the options give.
 */
export function createLogMel(options: Partial<LogMelOptions> = {}): LogMel {
  const settings = { ...keywordLogMel, ...options };
  const { sampleCount, window, hop, fftSize, melCount, floor } = settings;
  if (window > fftSize) throw new RangeError(`"window" expected at most fftSize ${fftSize}, got ${window}`);
  const frames = Math.floor((sampleCount - window) / hop) + 1;
  const transform = createRealFft(fftSize);
  const filters = melFilters(settings);
  const hann = Float64Array.from(
    { length: window },
    (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / window),
  );
  const frame = new Float64Array(fftSize);
  const re = new Float64Array(fftSize / 2 + 1);
  const im = new Float64Array(fftSize / 2 + 1);
  const power = new Float64Array(fftSize / 2 + 1);
  const own = new Float32Array(frames * melCount);

  return (samples, features = own) => {
    if (samples.length !== sampleCount) {
      throw new RangeError(`"samples" expected ${sampleCount} values, got ${samples.length}`);
    }
    if (features.length !== own.length) {
      throw new RangeError(`"features" expected ${own.length} values, got ${features.length}`);
    }
    for (let t = 0; t < frames; t++) {
      for (let n = 0; n < window; n++) frame[n] = samples[t * hop + n] * hann[n];
      transform(frame, re, im);
      for (let k = 0; k < power.length; k++) power[k] = re[k] * re[k] + im[k] * im[k];
      for (let m = 0; m < melCount; m++) {
        const { first, weights } = filters[m];
        let energy = 0;
        for (let i = 0; i < weights.length; i++) energy += power[first + i] * weights[i];
        features[t * melCount + m] = Math.log(energy + floor);
      }
    }
    return features;
  };
}

/** Features of one clip in an array of their own; for many clips keep one `createLogMel()`. */
export function logMel(samples: Float32Array, options: Partial<LogMelOptions> = {}): Float32Array {
  return createLogMel(options)(samples);
}

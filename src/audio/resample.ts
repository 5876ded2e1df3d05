/** Samples at another rate: a polyphase filter of windowed sinc, for streams. Computed with +, −, ×, ÷ and √ alone, so alike in every engine. */

export interface ResampleOptions {
  /** Share of the band up to half the lower rate that passes unchanged; 0.85 by default. */
  passband?: number;
  /** Decibels by which what lies above half the lower rate is weakened; 80 by default. */
  attenuation?: number;
}

/**
 * Takes the next samples, as many as there are, and gives out the samples at the other rate that they complete: a view
 * of an array that the next call overwrites. Sample n of the output is at the time of sample n · from / to of the input;
 * it needs some milliseconds of what follows, see `latency`.
 */
export interface Resampler {
  (chunk: Float32Array): Float32Array;
  /** Samples of the input behind a moment that its output waits for; as many zeros flush what is left. */
  latency: number;
  /** Forgets everything: the next chunk is the first. */
  reset(): void;
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

/** sin(πx): reduced to |x| ≤ ½, then its series. */
function sinePi(x: number): number {
  const whole = Math.floor(x + 0.5);
  const angle = Math.PI * (x - whole);
  let term = angle;
  let sum = angle;
  for (let n = 2; n < 24; n += 2) {
    term *= -(angle * angle) / (n * (n + 1));
    sum += term;
  }
  return whole % 2 === 0 ? sum : -sum;
}

/** The modified Bessel function of order 0, by its series. */
function bessel(x: number): number {
  let term = 1;
  let sum = 1;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (x * x) / (4 * n * n);
    sum += term;
  }
  return sum;
}

/** Kaiser's choice of beta for an attenuation of 50 dB and more. */
const betaOf = (attenuation: number): number => 0.1102 * (attenuation - 8.7);

/** For each of `phases` places between two inputs the weights of the inputs around it, which add up to 1. */
function weightsOf(phases: number, reach: number, cutoff: number, beta: number): Float32Array[] {
  const top = bessel(beta);
  return Array.from({ length: phases }, (_, phase) => {
    const taps = Float64Array.from({ length: 2 * reach }, (_, k) => {
      const at = k - reach + 1 - phase / phases;
      const edge = at / reach;
      const sinc = at === 0 ? 1 : sinePi(cutoff * at) / (Math.PI * cutoff * at);
      return Math.abs(edge) < 1 ? (sinc * bessel(beta * Math.sqrt(1 - edge * edge))) / top : 0;
    });
    const sum = taps.reduce((total, tap) => total + tap, 0);
    return Float32Array.from(taps, (tap) => tap / sum);
  });
}

/**
 * @param from samples a second that come in
 * @param to samples a second that go out
 * @throws RangeError unless both are whole and above 0
 *
 * @example
 * const to16k = createResampler(48000, 16000);
 * for (const chunk of chunks) listen(to16k(chunk));
 */
export function createResampler(from: number, to: number, options: ResampleOptions = {}): Resampler {
  for (const rate of [from, to])
    if (!Number.isInteger(rate) || rate <= 0)
      throw new RangeError(`sample rate expected a whole number above 0, got ${rate}`);
  const { passband = 0.85, attenuation = 80 } = options;
  if (!(passband > 0 && passband < 1))
    throw new RangeError(`"passband" expected a share below 1, got ${passband}`);
  if (!(attenuation >= 50 && attenuation <= 150))
    throw new RangeError(`"attenuation" expected 50 to 150 dB, got ${attenuation}`);
  if (from === to) return Object.assign((chunk: Float32Array) => chunk, { latency: 0, reset: () => {} });

  const common = divisor(from, to);
  const [phases, step] = [to / common, from / common];
  // In units of half the input's rate: the band that may stay, and where in it the filter falls off.
  const band = Math.min(1, to / from);
  const width = band * (1 - passband);
  const reach = Math.ceil((attenuation - 8) / (2.285 * Math.PI * width) / 2);
  const weights = weightsOf(phases, reach, band - width / 2, betaOf(attenuation));

  /** Inputs from `reach` − 1 before the next output's on. */
  let kept = new Float32Array(4 * reach);
  let count = reach - 1;
  let phase = 0;
  let out = new Float32Array(1024);

  const resample = (chunk: Float32Array): Float32Array => {
    if (count + chunk.length > kept.length) {
      const longer = new Float32Array(2 * (count + chunk.length));
      longer.set(kept.subarray(0, count));
      kept = longer;
    }
    kept.set(chunk, count);
    count += chunk.length;
    const most = Math.ceil((count * phases) / step) + 1;
    if (out.length < most) out = new Float32Array(most);
    let [made, start] = [0, 0];
    while (start + 2 * reach <= count) {
      const taps = weights[phase];
      let [even, odd] = [0, 0];
      for (let k = 0; k < taps.length; k += 2) {
        even += kept[start + k] * taps[k];
        odd += kept[start + k + 1] * taps[k + 1];
      }
      out[made++] = even + odd;
      phase += step;
      start += Math.floor(phase / phases);
      phase %= phases;
    }
    // A step is far shorter than the filter, so `start` never passes the end.
    kept.copyWithin(0, start, count);
    count -= start;
    return out.subarray(0, made);
  };
  return Object.assign(resample, {
    latency: reach,
    reset(): void {
      kept.fill(0);
      count = reach - 1;
      phase = 0;
    },
  });
}

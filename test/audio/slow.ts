import type { LogMelSettings } from "../../src/audio/front-end.ts";

/** Log-mel energies of frame `t` by direct sums in double precision: the contract spelled out. */
export function slowLogMel(
  samples: Float32Array,
  t: number,
  settings: Omit<LogMelSettings, "kind">,
): number[] {
  const { window, hop, fftSize, melCount, floor, lowest, highest, sampleRate } = settings;
  const power = Array.from({ length: fftSize / 2 + 1 }, (_, k) => {
    let [re, im] = [0, 0];
    for (let n = 0; n < window; n++) {
      const v = samples[t * hop + n]! * (0.5 - 0.5 * Math.cos((2 * Math.PI * n) / window));
      re += v * Math.cos((2 * Math.PI * k * n) / fftSize);
      im -= v * Math.sin((2 * Math.PI * k * n) / fftSize);
    }
    return re * re + im * im;
  });
  const mel = (f: number) => 2595 * Math.log10(1 + f / 700);
  const edge = (i: number) => {
    const at = mel(lowest) + (i * (mel(highest) - mel(lowest))) / (melCount + 1);
    return 700 * (10 ** (at / 2595) - 1);
  };
  return Array.from({ length: melCount }, (_, m) => {
    const [left, centre, right] = [edge(m), edge(m + 1), edge(m + 2)];
    const energy = power.reduce((sum, p, k) => {
      const f = (k * sampleRate) / fftSize;
      return sum + p * Math.max(0, Math.min((f - left) / (centre - left), (right - f) / (right - centre)));
    }, 0);
    return Math.log(energy + floor);
  });
}

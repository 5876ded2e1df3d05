/** The settings of TFLite Micro's front end as the tables that it computes with. */

import type { MicroFeatures } from "../graph/graph.ts";

export interface MicroSettings {
  sampleRate: number;
  /** Samples of one frame, and from one frame's start to the next. */
  window: number;
  hop: number;
  channels: number;
  /** Hertz. */
  lowest: number;
  highest: number;
  /** Shares of a frame in the noise estimate of even and odd channels, and what subtraction leaves of a signal. */
  noise: { even: number; odd: number; leastSignal: number };
  /** Gain (x + offset)^−strength of the noise x; without it none. */
  gain?: { strength: number; offset: number };
}

const windowBits = 12;
const bandBits = 12;
const noiseBits = 14;
const smoothingBits = 10;
const gainBits = 21;
const ratioBits = 12;
const logScale = 64;

const f = Math.fround;
const mel = (hertz: number): number => f(1127 * Math.log1p(hertz / 700));
const fixed = (value: number, bits: number): number => Math.floor(f(value * 2 ** bits) + 0.5);

function hann(length: number): Int16Array {
  const step = f((2 * Math.PI) / length);
  return Int16Array.from({ length }, (_, i) => fixed(f(0.5 - 0.5 * Math.cos(step * (i + 0.5))), windowBits));
}

/** Triangles between neighbours of `channels + 2` edges equally spaced in mel, in 2⁻¹²; both feet of a bin sum to 1. */
function bandsOf(
  { sampleRate, channels, lowest, highest }: MicroSettings,
  size: number,
): MicroFeatures["bands"] {
  const low = mel(lowest);
  const spacing = f(f(mel(highest) - low) / (channels + 1));
  const edges = [low, ...Array.from({ length: channels + 1 }, (_, i) => f(low + f(spacing * (i + 1))))];
  const hertz = sampleRate / size;
  const rising = Array.from({ length: channels }, () => new Map<number, number>());
  for (let bin = Math.floor(1.5 + lowest / hertz), edge = 1; edge < edges.length; bin++) {
    while (edge < edges.length && mel(bin * hertz) > edges[edge]) edge++;
    if (edge === edges.length) break;
    const share = f(f(edges[edge] - mel(bin * hertz)) / f(edges[edge] - edges[edge - 1]));
    // Below its upper edge a bin belongs to the channel that falls there, and with the rest to the one that rises.
    if (edge >= 2) rising[edge - 2].set(bin, fixed(share, bandBits));
    if (edge <= channels) rising[edge - 1].set(bin, Math.floor((1 - share) * 2 ** bandBits + 0.5));
  }
  return rising.map((weights) => {
    const bins = [...weights.keys()];
    return { first: bins[0] ?? 0, weights: Int16Array.from(weights.values()) };
  });
}

/** Three coefficients and a gap for each power of two, from the third entry on; the first two are values. */
function gainTable(
  { strength, offset }: { strength: number; offset: number },
  inputBits: number,
): Int16Array {
  const gain = (x: number): number =>
    Math.min(
      32767,
      Math.trunc(f(2 ** gainBits * f(f(f(x) / 2 ** inputBits + offset) ** -f(strength))) + 0.5),
    );
  const table = new Int16Array(125);
  table[0] = gain(0);
  table[1] = gain(1);
  for (let bits = 2; bits <= 32; bits++) {
    const low = 2 ** (bits - 1);
    const first = gain(low);
    const middle = gain(low * 1.5) - first;
    const last = gain(bits === 32 ? 2 * low - 1 : 2 * low) - first;
    const slope = 4 * middle - last;
    table.set([first, slope, last - slope], 4 * bits - 6);
  }
  return table;
}

/** What the integer operator needs to compute these features. */
export function microFeatures(settings: MicroSettings): MicroFeatures {
  const { window, hop, noise, gain } = settings;
  const size = 2 ** Math.ceil(Math.log2(window));
  const correctionBits = Math.log2(size) - bandBits / 2;
  const rates = (share: number): [number, number] => {
    const part = Math.trunc(f(share) * 2 ** noiseBits);
    return [part, 2 ** noiseBits - part];
  };
  return {
    hop,
    size,
    window: hann(window),
    windowShift: windowBits,
    bands: bandsOf(settings, size),
    noise: {
      even: rates(noise.even),
      odd: rates(noise.odd),
      leastSignal: rates(noise.leastSignal)[0],
      bits: noiseBits,
      smoothingBits,
    },
    ...(gain && {
      gain: {
        table: gainTable(gain, smoothingBits - correctionBits),
        shift: gainBits - correctionBits - ratioBits,
      },
    }),
    log: { scale: logScale, correctionBits },
  };
}

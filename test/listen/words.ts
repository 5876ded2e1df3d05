import { readFileSync } from "node:fs";
import { readWav } from "../../src/samples/wav.ts";

const folder = "examples/keyword/clips/";
const spoken = ["yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"];
const rate = 16000;
const gap = rate / 2;

export interface Script {
  samples: Float32Array;
  /** Seconds at which each word is over: its level has fallen 30 dB below its loudest. */
  words: { label: string; end: number }[];
}

/** The ten words of the keyword example, half a second apart, and a second of silence. */
export function scriptedWords(): Script {
  const clips = spoken.map((label) => {
    return { label, samples: readClip(`${folder}${label}_0.wav`) };
  });
  const total = clips.reduce((sum, clip) => sum + gap + clip.samples.length, rate);
  const samples = new Float32Array(total);
  let at = 0;
  const words = clips.map((clip) => {
    at += gap;
    samples.set(clip.samples, at);
    const end = (at + loudUntil(clip.samples)) / rate;
    at += clip.samples.length;
    return { label: clip.label, end };
  });
  return { samples, words };
}

export const readClip = (file: string): Float32Array =>
  readWav(new Uint8Array(readFileSync(file)), file, rate).samples;

/** Samples up to where the level has fallen 30 dB below the loudest hundredth of a second. */
export function loudUntil(samples: Float32Array): number {
  const block = rate / 100;
  const powers = Array.from({ length: Math.floor(samples.length / block) }, (_, b) =>
    samples.subarray(b * block, (b + 1) * block).reduce((sum, x) => sum + x * x, 0),
  );
  const least = Math.max(...powers) / 1000;
  let count = powers.length;
  while (powers[count - 1] <= least) count--;
  return count * block;
}

/** 16-bit mono. */
export function wavOf(samples: Float32Array): Uint8Array {
  const bytes = Buffer.alloc(44 + 2 * samples.length);
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(rate, 24);
  bytes.writeUInt32LE(2 * rate, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write("data", 36);
  bytes.writeUInt32LE(2 * samples.length, 40);
  for (const [i, x] of samples.entries()) bytes.writeInt16LE(Math.round(x * 32767), 44 + 2 * i);
  return new Uint8Array(bytes);
}

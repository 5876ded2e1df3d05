import { describe, expect, test } from "vitest";
import { createResampler } from "../../src/audio/resample.ts";

const tone = (hertz: number, rate: number, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, n) => 0.5 * Math.sin((2 * Math.PI * hertz * n) / rate + 0.3));

/** One second in one piece, without the ends that the filter's silence before and after reaches. */
function inner(from: number, to: number, hertz: number): { found: Float32Array; first: number } {
  const resample = createResampler(from, to);
  const found = resample(tone(hertz, from, from)).slice();
  const edge = Math.ceil((resample.latency * to) / from);
  expect(found.length).toBeGreaterThan(to - 2 * edge);
  return { found: found.subarray(edge), first: edge };
}

const decibels = (ratio: number): number => 10 * Math.log10(ratio);
const energy = (values: Iterable<number>): number => {
  let sum = 0;
  for (const v of values) sum += v * v;
  return sum;
};

const rates = [
  [44100, 16000],
  [48000, 16000],
  [32000, 16000],
  [22050, 16000],
  [8000, 16000],
  [11025, 16000],
  [96000, 16000],
  [16000, 44100],
] as const;

describe.each(rates)("%i → %i Hz", (from, to) => {
  const top = Math.min(from, to) / 2;

  test("tones within the passband stay what they are, in time and strength", () => {
    for (const share of [0.01, 0.1, 0.3, 0.5, 0.7, 0.84]) {
      const hertz = share * top;
      const { found, first } = inner(from, to, hertz);
      const ideal = tone(hertz, to, first + found.length).subarray(first);
      const noise = energy(found.map((v, i) => v - ideal[i]!));
      expect(decibels(energy(ideal) / noise)).toBeGreaterThan(75);
    }
  });

  test.runIf(from > to)("tones above half the new rate vanish instead of folding back", () => {
    for (const share of [1.001, 1.05, 1.2, 1.37, 1.9]) {
      const hertz = share * top;
      if (hertz >= from / 2) continue;
      const { found } = inner(from, to, hertz);
      const ratio = energy(found) / found.length / 0.125;
      expect(decibels(ratio)).toBeLessThan(-75);
    }
  });

  test("gives the same numbers however its input is cut", () => {
    const input = tone(0.2 * top, from, 5000).map((v, i) => v + ((i * 7919) % 101) / 500);
    const whole = createResampler(from, to)(input).slice();
    const inPieces = createResampler(from, to);
    for (const size of [1, 7, 128, 1024, 4999]) {
      const found: number[] = [];
      for (let at = 0; at < input.length; at += size) found.push(...inPieces(input.subarray(at, at + size)));
      expect(found).toEqual([...whole]);
      inPieces.reset();
    }
  });

  test("silence stays silence, a constant stays that constant, and nothing is left out over time", () => {
    const resample = createResampler(from, to);
    expect(resample(new Float32Array(1000)).every((v) => v === 0)).toBe(true);
    resample.reset();
    let count = 0;
    for (let i = 0; i < 25; i++) {
      const made = resample(new Float32Array(from / 25).fill(0.25));
      count += made.length;
      if (i > 12) expect(made.every((v) => Math.abs(v - 0.25) < 1e-6)).toBe(true);
    }
    count += resample(new Float32Array(resample.latency)).length;
    expect(count).toBe(to);
  });
});

test("equal rates hand the samples on", () => {
  const chunk = Float32Array.of(1, 2, 3);
  expect(createResampler(16000, 16000)(chunk)).toBe(chunk);
});

test("refuses rates and options that mean nothing", () => {
  expect(() => createResampler(0, 16000)).toThrow("sample rate expected a whole number above 0, got 0");
  expect(() => createResampler(44100.5, 16000)).toThrow("got 44100.5");
  expect(() => createResampler(48000, 16000, { passband: 1 })).toThrow(
    '"passband" expected a share below 1, got 1',
  );
  expect(() => createResampler(48000, 16000, { attenuation: 10 })).toThrow(
    '"attenuation" expected 50 to 150 dB',
  );
});

import { describe, expect, it } from "vitest";
import { createFeatures } from "../../src/audio/features.ts";
import { frontEnds } from "../../src/audio/front-end.ts";
import { hertzToMel, melFilters, melToHertz } from "../../src/audio/mel.ts";
import { slowLogMel } from "./slow.ts";

const keyword = { sampleRate: 16000, fftSize: 512, melCount: 40, lowest: 60, highest: 7600 };

const logMel = () => createFeatures(frontEnds["log-mel"], [1, 49, 40]);

/** Deterministic noise with a few tones, −1…1. */
function clip(seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: 16000 }, (_, n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 0.2 * Math.sin(n * 0.05 * seed) + 0.1 * Math.sin(n * 0.7) + (state / 2 ** 32 - 0.5) * 0.3;
  });
}

describe("log-mel features", () => {
  it("equal the contract computed with a direct transform", () => {
    const samples = clip(3);
    const features = logMel()(samples);
    expect(features.length).toBe(49 * 40);
    for (const t of [0, 1, 24, 48]) {
      slowLogMel(samples, t, { ...keyword, window: 480, hop: 320, floor: 1e-6 }).forEach((expected, m) => {
        expect(Math.abs(features[t * 40 + m]! - expected)).toBeLessThan(
          2e-6 * Math.max(1, Math.abs(expected)),
        );
      });
    }
  });

  it("are ln(floor) everywhere for silence", () => {
    for (const value of logMel()(new Float32Array(16000))) expect(value).toBe(Math.fround(Math.log(1e-6)));
  });

  it("carry nothing over from the clip before, in arrays of their own", () => {
    const run = logMel();
    const first = run(clip(5));
    expect(run(clip(9))).not.toEqual(first);
    expect(run(clip(5))).toEqual(first);
  });

  it("take a short clip as silent at its end, and no more of a long one than they need", () => {
    const run = logMel();
    const long = new Float32Array(20000).fill(0.5);
    long.set(clip(5));
    expect(run(long)).toEqual(run(clip(5)));
    const short = clip(5).fill(0, 9000);
    expect(run(short.subarray(0, 9000))).toEqual(run(short));
  });
});

describe("mel filters", () => {
  it("stay inside 60…7600 Hz and never exceed 1", () => {
    const filters = melFilters(keyword);
    expect(filters.length).toBe(40);
    for (const { first, weights } of filters) {
      expect(weights.length).toBeGreaterThan(0);
      expect(first * 31.25).toBeGreaterThan(60);
      expect((first + weights.length - 1) * 31.25).toBeLessThan(7600);
      for (const weight of weights) expect(weight > 0 && weight <= 1).toBe(true);
    }
  });

  it("sum to 1 between the first and the last centre", () => {
    const sums = new Float64Array(257);
    for (const { first, weights } of melFilters(keyword)) {
      weights.forEach((weight, i) => {
        sums[first + i]! += weight;
      });
    }
    const step = (hertzToMel(7600) - hertzToMel(60)) / 41;
    const firstCentre = melToHertz(hertzToMel(60) + step);
    const lastCentre = melToHertz(hertzToMel(7600) - step);
    for (let k = Math.ceil(firstCentre / 31.25); k <= Math.floor(lastCentre / 31.25); k++) {
      expect(sums[k]).toBeCloseTo(1, 9);
    }
  });

  it("use a mel scale that inverts", () => {
    for (const hertz of [0, 60, 700, 7600]) expect(melToHertz(hertzToMel(hertz))).toBeCloseTo(hertz, 8);
    expect(hertzToMel(700)).toBeCloseTo(2595 * Math.log10(2), 10);
  });
});

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { loadModelSync } from "../../src/index.ts";
import { createListener, type Detection } from "../../src/listen/listener.ts";
import { readWav } from "../../src/samples/wav.ts";
import { randomFrom } from "../helpers/graphs.ts";

const example = "examples/wake-word/";
const rate = 16000;
/** Between the voices that say the word and the sentence of words like it; the file's own is for people. */
const threshold = 0.9;

const { packWakeWord } = await import(pathToFileURL(`${example}pack.mjs`).href);
const packed: Uint8Array = packWakeWord();

const clip = (name: string): Float32Array =>
  readWav(readFileSync(`${example}clips/${name}.wav`), name, rate).samples;

/** The clips one after the other, two seconds of faint noise before and after each, and where each begins. */
function recording(...names: string[]): { samples: Float32Array; starts: number[] } {
  const random = randomFrom(5);
  const parts: Float32Array[] = [];
  const starts: number[] = [];
  let length = 0;
  const append = (samples: Float32Array): void => {
    parts.push(samples);
    length += samples.length;
  };
  const pause = (): void => append(Float32Array.from({ length: 2 * rate }, () => random.real(-1e-3, 1e-3)));
  pause();
  for (const name of names) {
    starts.push(length / rate);
    append(clip(name));
    pause();
  }
  const samples = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    samples.set(part, at);
    at += part.length;
  }
  return { samples, starts };
}

function heardIn(samples: Float32Array, chunk = 512): Detection[] {
  const detections: Detection[] = [];
  const model = loadModelSync(packed);
  const listener = createListener(model, { threshold, onDetect: (detection) => detections.push(detection) });
  for (let at = 0; at < samples.length; at += chunk) listener.push(samples.subarray(at, at + chunk));
  model.dispose();
  return detections;
}

describe("the wake word of the example, int8, as a stream from samples", () => {
  it("is heard where it is said, alone and within speech, and nowhere else", () => {
    const { samples, starts } = recording("other", "computer", "computer_in_speech", "other");
    const heard = heardIn(samples);
    expect(heard.map(({ label }) => label)).toEqual(["computer", "computer"]);
    for (const [i, { time, score }] of heard.entries()) {
      const from = starts[i + 1];
      const until = from + clip(i === 0 ? "computer" : "computer_in_speech").length / rate;
      expect(time).toBeGreaterThan(from + 0.5);
      expect(time).toBeLessThan(until + 0.3);
      expect(score).toBeGreaterThan(threshold);
    }
  });

  it("is heard alike however the samples are cut", () => {
    const { samples } = recording("computer");
    expect(heardIn(samples, 128)).toEqual(heardIn(samples, 7000));
  });

  it("is not heard in silence or noise", () => {
    const random = randomFrom(9);
    expect(heardIn(new Float32Array(10 * rate))).toEqual([]);
    expect(heardIn(Float32Array.from({ length: 10 * rate }, () => random.real(-0.3, 0.3)))).toEqual([]);
  });

  it("takes less than 60 kB with its front end", () => {
    expect(packed.length).toBeLessThan(60_000);
  });
});

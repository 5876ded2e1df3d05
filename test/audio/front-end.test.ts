/** Front ends in front of models: from samples to what the models say. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { frontEnds, type MfccSettings, withFrontEnd } from "../../src/audio/front-end.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel } from "../../src/runtime/model.ts";
import { readWav } from "../../src/samples/wav.ts";
import { wasm } from "../../src/wasm.ts";
import { dataFolder } from "../helpers/data.ts";
import { tiers } from "../helpers/tiers.ts";
import { slowLogMel } from "./slow.ts";

const data = dataFolder();
const example = join(dirname(fileURLToPath(import.meta.url)), "../../examples/keyword");

/** A model that gives out its input: what the front end makes. */
function featureGraph(frames: number, features: number, dtype: "float32" | "int8" = "float32"): Graph {
  const input = { name: "features", dtype, shape: [1, frames, features] };
  const output = { ...input, name: "out" };
  const node = { op: "reshape" as const, name: "out", inputs: [input], outputs: [output], attributes: {} };
  return { name: "features", nodes: [node], inputs: [input], outputs: [output], rounding: "single" };
}

const expectedFile = join(example, "features_expected.json");

describe("the keyword example's clips", () => {
  test.each(tiers)("have the features that the model was trained on, in %s", (tier) => {
    const { features } = JSON.parse(readFileSync(expectedFile, "utf8")) as {
      features: Record<string, number[][]>;
    };
    const { bytes } = pack(withFrontEnd(featureGraph(49, 40), frontEnds["log-mel"]));
    const model = createModel(wasm, bytes, { tier });
    let worst = 0;
    for (const [name, frames] of Object.entries(features)) {
      const { samples } = readWav(readFileSync(join(example, "clips", name)), name, 16000);
      model.input().set(samples as never);
      model.invoke();
      const found = model.output() as Float32Array;
      frames.flat().forEach((expected, i) => {
        worst = Math.max(worst, Math.abs(found[i]! - expected) / Math.max(1, Math.abs(expected)));
      });
    }
    // Stored with six digits.
    expect(worst).toBeLessThan(1e-5);
    model.dispose();
  });
});

/** MFCC of one frame by direct sums in double precision. */
function slowMfcc(samples: Float32Array, t: number, settings: MfccSettings): number[] {
  const { melCount, coefficients } = settings;
  const logs = slowLogMel(samples, t, settings);
  return Array.from({ length: coefficients }, (_, k) => {
    const sum = logs.reduce((s, v, m) => s + v * Math.cos((Math.PI * k * (m + 0.5)) / melCount), 0);
    return sum * Math.sqrt((k === 0 ? 1 : 2) / melCount);
  });
}

describe("MFCC", () => {
  const settings: MfccSettings = {
    ...frontEnds["log-mel"],
    ...{ kind: "mfcc", coefficients: 10, window: 400, hop: 160, fftSize: 1024, melCount: 20 },
  };
  const samples = Float32Array.from(
    { length: 16000 },
    (_, n) => 0.3 * Math.sin(n * 0.05) + 0.1 * Math.sin(n * 0.71) + (((n * 7919) % 997) / 997 - 0.5) * 0.2,
  );

  test.each(tiers)("equals direct sums in double precision, in %s", (tier) => {
    const { bytes } = pack(withFrontEnd(featureGraph(20, 10), settings));
    const model = createModel(wasm, bytes, { tier });
    model.input().set(samples as never);
    model.invoke();
    for (const t of [0, 7, 19])
      slowMfcc(samples, t, settings).forEach((expected, k) => {
        expect(Math.abs(Number(model.output()[t * 10 + k]) - expected)).toBeLessThan(2e-4);
      });
    model.dispose();
  });

  test("as a stream gives the frames of the whole, whose first ones follow silence", () => {
    const frames = 30;
    const whole = createModel(wasm, pack(withFrontEnd(featureGraph(frames, 10), settings)).bytes);
    const padded = new Float32Array(whole.input().length);
    padded.set(samples.subarray(0, padded.length - 240), 240);
    whole.input().set(padded as never);
    whole.invoke();
    const step = createModel(wasm, pack(withFrontEnd(featureGraph(2, 10), settings, { stream: true })).bytes);
    expect(step.input()).toHaveLength(320);
    for (const again of [0, 1]) {
      for (let t = 0; t < frames; t += 2) {
        step.input().set(samples.subarray(t * 160, t * 160 + 320) as never);
        step.invoke();
        expect([...(step.output() as Float32Array)]).toEqual([
          ...(whole.output() as Float32Array).subarray(t * 10, t * 10 + 20),
        ]);
      }
      if (again === 0) step.reset();
    }
  });
});

test("a front end refuses inputs that do not hold whole frames", () => {
  expect(() => withFrontEnd(featureGraph(7, 3), frontEnds["log-mel"])).toThrow(
    'graph "features": front end "log-mel" expected one input of float32 or int8, frames of 40 values; found "features" float32[1,7,3]',
  );
});

const clips = join(data ?? "", "audio/micro_speech");

const labelOf = (scores: ArrayLike<number>, labels: string[]): string =>
  labels[Array.from(scores).indexOf(Math.max(...Array.from(scores)))]!;

function samplesOf(file: string): Int16Array {
  const { samples } = readWav(readFileSync(file), file, 16000);
  return Int16Array.from(samples, (v) => Math.round(v * 32768));
}

function tflite(name: string): Graph {
  const file = join(data!, "models/tflite", name);
  return importTflite(readFileSync(file), { file });
}

describe.skipIf(!existsSync(clips))("micro_speech from samples (skipped without data)", () => {
  const { pipeline } = existsSync(clips)
    ? JSON.parse(readFileSync(join(clips, "expected_features.json"), "utf8"))
    : { pipeline: {} };

  test.each(tiers)("names its four recordings in %s", (tier) => {
    for (const pcm of ["int16", "float32"] as const) {
      const graph = withFrontEnd(tflite("micro_speech_quantized.tflite"), frontEnds["micro-speech"], { pcm });
      const model = createModel(wasm, pack(graph).bytes, { tier });
      for (const [name, expected] of Object.entries(pipeline.expected)) {
        const samples = samplesOf(join(clips, name));
        model
          .input()
          .set((pcm === "int16" ? samples : Float32Array.from(samples, (v) => v / 32768)) as never);
        model.invoke();
        expect([name, labelOf(model.output() as Int8Array, pipeline.labels)]).toEqual([name, expected]);
      }
      model.dispose();
    }
  });
});

/** Probabilities of every run over the samples. */
function streamed(graph: Graph, samples: Int16Array | Float32Array, tier: (typeof tiers)[number]): number[] {
  const model = createModel(wasm, pack(graph).bytes, { tier });
  const step = model.input().length;
  const found: number[] = [];
  for (let at = 0; at + step <= samples.length; at += step) {
    model.input().set(samples.subarray(at, at + step) as never);
    model.invoke();
    found.push(Number(model.output()[0]) / 256);
  }
  model.dispose();
  return found;
}

const wake = join(data ?? "", "audio/wakewords/okay_nabu_stream.wav");

describe.skipIf(!existsSync(wake))("microWakeWord from samples (skipped without data)", () => {
  /** Steps at which the mean of the last probabilities passes the cutoff that the model's own description gives. */
  function heard(name: string, probabilities: number[]): number[] {
    const { micro } = JSON.parse(readFileSync(join(data!, `models/tflite/${name}.json`), "utf8"));
    const window: number = micro.sliding_window_size ?? micro.sliding_window_average_size;
    const steps: number[] = [];
    for (let i = window; i <= probabilities.length; i++) {
      const mean = probabilities.slice(i - window, i).reduce((sum, v) => sum + v, 0) / window;
      const last = steps.at(-1);
      if (mean > micro.probability_cutoff && (last === undefined || i - last > 40)) steps.push(i);
    }
    return steps;
  }

  /** What the golden stream says for features that were computed in floating point. */
  function golden(name: string): number[] {
    const stream = JSON.parse(readFileSync(join(data!, `golden/tflite/${name}.stream.json`), "utf8"));
    const bin = readFileSync(join(data!, "golden/tflite", stream.bin));
    return stream.steps.map((s: { outputs: { offset: number }[] }) => bin[s.outputs[0]!.offset]! / 256);
  }

  test.each([
    ["mww_okay_nabu_v2", frontEnds["micro-wake-word"], 4],
    ["mww_okay_nabu_v1", frontEnds["micro-wake-word-v1"], 2],
  ] as const)("%s hears the word when it is spoken, as in the golden stream", (name, frontEnd, count) => {
    const expected = heard(name, golden(name));
    const graph = withFrontEnd(tflite(`${name}.tflite`), frontEnd, { pcm: "int16" });
    const found = heard(name, streamed(graph, samplesOf(wake), "simd"));
    expect(found).toHaveLength(count);
    expect(expected).toHaveLength(count);
    // Steps last 30 ms in version 2, 20 ms in version 1.
    for (const [i, step] of found.entries()) expect(Math.abs(step - expected[i]!)).toBeLessThanOrEqual(5);
  });

  test("the voice activity of mww_vad_v2 agrees with the golden stream's", () => {
    const expected = golden("mww_vad_v2");
    const graph = withFrontEnd(tflite("mww_vad_v2.tflite"), frontEnds["micro-wake-word"], { pcm: "int16" });
    const found = streamed(graph, samplesOf(wake), "simd");
    const agreeing = expected.filter((v, i) => v > 0.5 === found[i]! > 0.5).length;
    expect(agreeing / expected.length).toBeGreaterThan(0.9);
  });

  test("every tier gives the same probabilities, and so do samples of either type", () => {
    const samples = samplesOf(wake).subarray(0, 32000);
    const model = () => tflite("mww_okay_nabu_v2.tflite");
    const graph = withFrontEnd(model(), frontEnds["micro-wake-word"], { pcm: "int16" });
    const expected = streamed(graph, samples, "scalar");
    for (const tier of tiers) expect(streamed(graph, samples, tier)).toEqual(expected);
    const real = withFrontEnd(model(), frontEnds["micro-wake-word"]);
    expect(
      streamed(
        real,
        Float32Array.from(samples, (v) => v / 32768),
        "simd",
      ),
    ).toEqual(expected);
  });

  test.each(["computer", "jarvis"])("other words are not heard: %s", (word) => {
    const folder = join(data!, "audio/wakewords", word);
    const clips = readdirSync(folder).filter((name) => name.endsWith(".wav"));
    const graph = withFrontEnd(tflite("mww_okay_nabu_v2.tflite"), frontEnds["micro-wake-word"], {
      pcm: "int16",
    });
    expect(clips.length).toBeGreaterThan(0);
    for (const clip of clips)
      expect(heard("mww_okay_nabu_v2", streamed(graph, samplesOf(join(folder, clip)), "simd"))).toEqual([]);
  });
});

/** Front ends in front of models: from samples to what the models say. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type FrontEnd, frontEnds, withFrontEnd } from "../../src/audio/front-end.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel } from "../../src/runtime/model.ts";
import { readWav } from "../../src/samples/wav.ts";
import { wasm } from "../../src/wasm.ts";
import { dataFolder } from "../helpers/data.ts";
import { tiers } from "../helpers/tiers.ts";

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
function streamed(graph: Graph, samples: Int16Array, tier: (typeof tiers)[number]): number[] {
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
  const models: [string, FrontEnd][] = [
    ["mww_okay_nabu_v2", frontEnds["micro-wake-word"]],
    ["mww_vad_v2", frontEnds["micro-wake-word"]],
    ["mww_okay_nabu_v1", frontEnds["micro-wake-word-v1"]],
  ];

  test.each(models)("%s hears what it heard in the features of the golden stream", (name, frontEnd) => {
    const golden = JSON.parse(readFileSync(join(data!, `golden/tflite/${name}.stream.json`), "utf8"));
    const bin = readFileSync(join(data!, "golden/tflite", golden.bin));
    const expected: number[] = golden.steps.map(
      (s: { outputs: { offset: number }[] }) => bin[s.outputs[0]!.offset]! / 256,
    );
    const found = streamed(
      withFrontEnd(tflite(`${name}.tflite`), frontEnd, { pcm: "int16" }),
      samplesOf(wake),
      "scalar",
    );
    console.log(name, expected.length, found.length);
    console.log(expected.map((v) => Math.round(v * 9)).join(""));
    console.log(found.map((v) => Math.round(v * 9)).join(""));
  });
});

/** openWakeWord's features from samples: 80 ms in, an embedding of the newest 76 frames of its spectrogram out. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Graph, noActivation, type Tensor, type TensorData } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { makeNode } from "../../src/graph/passes/rewrite.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel } from "../../src/runtime/model.ts";
import type { Tier } from "../../src/runtime/tiers.ts";
import { readWav } from "../../src/samples/wav.ts";
import { streamWindows } from "../../src/stream/index.ts";
import { wasm } from "../../src/wasm.ts";
import { dataFolder } from "../helpers/data.ts";
import { tiers } from "../helpers/tiers.ts";
import { runReference } from "../reference/run.ts";

const data = dataFolder() ?? "";
const models = join(data, "models/onnx");
const recording = join(data, "audio/silero_test.wav");

/** Samples of a step, those that its frames share with the step before, frames and bands of a window, frames of a step. */
const [hop, shared, frames, bands, fresh] = [1280, 480, 76, 32, 8];
const embeddingSize = 96;

function network(name: string, inputShapes: Record<string, number[]>): Graph {
  const file = join(models, `${name}.onnx`);
  return optimize(importOnnx(readFileSync(file), { file, inputShapes }));
}

/** Takes samples as integers; clips at 80 dB under the loudest of what it is given, so that it goes step by step. */
const spectrogram = (): Graph => network("oww_melspectrogram", { input: [1, shared + hop] });
const embedding = (): Graph => network("oww_embedding", { input_1: [1, frames, bands, 1] });

const float = (name: string, shape: number[], values?: number[]): Tensor => ({
  name,
  dtype: "float32",
  shape,
  ...(values && { data: Float32Array.from(values) }),
});

/** Both networks in one graph: 1280 samples from −1 to 1 in, the embedding out. */
function chain(): { graph: Graph; warmUp: number } {
  const mel = spectrogram();
  const { graph: step, warmUp } = streamWindows(embedding(), { hop: fresh });
  const audio = float("audio", [1, hop]);
  const kept = float("kept", [1, shared]);
  const whole = float("whole", [1, shared + hop]);
  const next = float("next", [1, shared]);
  const tenth = float("tenth", [1, 1, fresh, bands]);
  const scaled = float("scaled", [1, 1, fresh, bands]);
  const nodes = [
    makeNode("concat", "whole", [kept, audio], whole, { axis: 1, activation: noActivation }),
    makeNode("slice", "next", [whole], next, { begin: [0, hop], stride: [1, 1] }),
    makeNode("mul", "integers", [whole, float("32768", [], [32768])], mel.inputs[0]!, {
      activation: noActivation,
    }),
    ...mel.nodes,
    makeNode("binary", "tenth", [mel.outputs[0]!, float("10", [], [10])], tenth, {
      kind: "div",
      activation: noActivation,
    }),
    makeNode("add", "scaled", [tenth, float("2", [], [2])], scaled, { activation: noActivation }),
    makeNode("reshape", "frames", [scaled], step.inputs[0]!, {}),
    ...step.nodes,
  ];
  const states = [{ name: kept.name, value: kept, next }, ...step.states!];
  const graph: Graph = {
    name: "openWakeWord",
    nodes,
    inputs: [audio],
    outputs: step.outputs,
    states,
    rounding: "single",
  };
  return { graph, warmUp };
}

/** Embeddings of every step, one after another, those of the warm-up left out. */
function streamed(
  { graph, warmUp }: ReturnType<typeof chain>,
  samples: Float32Array,
  tier: Tier | "auto",
): number[] {
  const model = createModel(wasm, pack(graph).bytes, { tier });
  const found: number[] = [];
  for (let i = 0; (i + 1) * hop <= samples.length; i++) {
    model.input().set(samples.subarray(i * hop, (i + 1) * hop) as never);
    model.invoke();
    if (i >= warmUp) found.push(...(model.output() as Float32Array));
  }
  model.dispose();
  return found;
}

type Run = (values: Float32Array) => TensorData;

/** As the project's own code goes: spectrogram, values divided by ten plus two, whole windows of 76 frames. */
function stepped(mel: Run, embed: Run, samples: Float32Array): number[] {
  const integers = new Float32Array(shared + samples.length);
  integers.set(
    samples.map((v) => v * 32768),
    shared,
  );
  const window = new Float32Array(frames * bands);
  const found: number[] = [];
  for (let i = 0; (i + 1) * hop <= samples.length; i++) {
    const features = mel(integers.slice(i * hop, (i + 1) * hop + shared)) as Float32Array;
    window.copyWithin(0, fresh * bands);
    window.set(
      features.map((v) => Math.fround(v / 10) + 2),
      (frames - fresh) * bands,
    );
    if ((i + 1) * fresh >= frames) found.push(...(embed(window) as Float32Array));
  }
  return found;
}

/** A graph with one input and one output, packed. */
function packed(graph: Graph): Run & { dispose(): void } {
  const model = createModel(wasm, pack(graph).bytes, { name: graph.name });
  const run = (values: Float32Array): TensorData => {
    model.input().set(values as never);
    model.invoke();
    return model.output();
  };
  return Object.assign(run, { dispose: model.dispose });
}

describe.skipIf(!existsSync(join(models, "oww_embedding.onnx")))(
  "openWakeWord from samples (skipped without data)",
  () => {
    const speech = (seconds: number) =>
      readWav(readFileSync(recording), recording, 16000).samples.slice(16000, 16000 * (1 + seconds));

    test("one packed file gives the bits of its two networks run on whole windows", {
      timeout: 60_000,
    }, () => {
      const samples = speech(6);
      const [mel, embed] = [packed(spectrogram()), packed(embedding())];
      const expected = stepped(mel, embed, samples);
      for (const { dispose } of [mel, embed]) dispose();
      expect(expected).toHaveLength(embeddingSize * (75 - 9));
      expect(streamed(chain(), samples, "auto")).toEqual(expected);
    });

    test("every tier gives the same embeddings", { timeout: 60_000 }, () => {
      const [samples, made] = [speech(1.2), chain()];
      const [first, ...others] = tiers.map((tier) => streamed(made, samples, tier));
      expect(first).toHaveLength(embeddingSize * (15 - 9));
      for (const other of others) expect(other).toEqual(first);
    });

    test("the slow reference gives them too", { timeout: 60_000 }, () => {
      const samples = speech(0.8);
      const reference = (graph: Graph): Run => {
        const [output] = graph.outputs;
        return (values) => runReference(graph, [values]).get(output!)!;
      };
      const expected = stepped(reference(spectrogram()), reference(embedding()), samples);
      const found = streamed(chain(), samples, "auto");
      expect(found).toHaveLength(embeddingSize);
      const largest = Math.max(...expected.map(Math.abs));
      expect(largest).toBeGreaterThan(1);
      for (const [i, value] of found.entries())
        expect(Math.abs(value - expected[i]!), `value ${i}`).toBeLessThan(1e-4 * largest);
    });
  },
);

/** Silero VAD from samples: as int8 beside its own runtime's trace, and as the gate before a wake word. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { frontEnds, withFrontEnd } from "../../src/audio/front-end.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import { createListener } from "../../src/listen/listener.ts";
import { pack } from "../../src/pack/pack.ts";
import { quantize } from "../../src/quantize/index.ts";
import { createExecutor } from "../../src/runtime/executor.ts";
import { createModel } from "../../src/runtime/model.ts";
import { readWav } from "../../src/samples/wav.ts";
import { wasm } from "../../src/wasm.ts";
import { dataFolder } from "../helpers/data.ts";
import { randomFrom } from "../helpers/graphs.ts";
import { models } from "../quantize/models.mjs";

const data = dataFolder() ?? "";
const at = (path: string): string => join(data, path);
const samplesOf = (path: string): Float32Array => readWav(readFileSync(at(path)), path, 16000).samples;

/** Samples that are new in an inference, and those before that it takes too. */
const [chunk, context] = [512, 64];
/** Chunks from the beginning of the recording that the quantizer sees. */
const calibration = 300;
const metadata = { listen: { hop: chunk } };

/** The version as int8, calibrated on a part of the recording. */
function int8(version: string): Uint8Array {
  const { graph, samples } = models.silero!(data, version);
  const { graph: made } = quantize(graph, samples.slice(0, calibration), {
    makeExecutor: createExecutor,
    compareLimit: 1,
  });
  return pack(made, { metadata }).bytes;
}

const float = (version: string): Uint8Array => pack(models.silero!(data, version).graph, { metadata }).bytes;

describe.skipIf(!existsSync(at("models/onnx/silero_vad_v5.onnx")))(
  "Silero VAD from samples (skipped without data)",
  () => {
    it.each(["v5", "v6"])(
      "%s as int8 is half as large, and decides as the float model does in 99.5 of 100 chunks",
      { timeout: 180_000 },
      (version) => {
        const file = int8(version);
        expect(file.length).toBeLessThan(float(version).length / 2);
        const trace = readFileSync(at(`audio/silero_test_${version}_probs.csv`), "utf8")
          .trim()
          .split("\n")
          .slice(1)
          .map((line) => Number(line.split(",")[1]));
        expect(trace).toHaveLength(1875);
        const found: number[] = [];
        const model = createModel(wasm, file, { name: version });
        const listener = createListener(model, {
          labels: ["voice"],
          onScore: ({ scores: [score] }) => found.push(score!),
        });
        // The first chunk has silence before it.
        listener.push(new Float32Array(context));
        listener.push(samplesOf("audio/silero_test.wav"));
        model.dispose();
        expect(found).toHaveLength(trace.length);
        const kept = found.filter((probability, i) => probability > 0.5 === trace[i]! > 0.5).length;
        expect(kept / trace.length).toBeGreaterThanOrEqual(0.995);
      },
    );

    /** Ten quiet seconds, with a little noise, before and after four times the wake word. */
    function room(): Float32Array {
      const words = samplesOf("audio/wakewords/okay_nabu_stream.wav");
      const random = randomFrom(5);
      const samples = Float32Array.from({ length: words.length + 2 * 160000 }, () =>
        random.real(-0.001, 0.001),
      );
      for (const [i, v] of words.entries()) samples[160000 + i]! += v;
      return samples;
    }

    it.each([
      ["float", float],
      ["int8", int8],
    ] as const)(
      "as the gate of a wake word, %s, spares it in silence and loses no word",
      { timeout: 180_000 },
      (_, gateFile) => {
        const file = "models/tflite/mww_okay_nabu_v2.tflite";
        const { micro } = JSON.parse(readFileSync(at("models/tflite/mww_okay_nabu_v2.json"), "utf8"));
        const graph = importTflite(readFileSync(at(file)), { file });
        const word = createModel(wasm, pack(withFrontEnd(graph, frontEnds["micro-wake-word"])).bytes);
        const voice = createModel(wasm, gateFile("v5"));
        const options = {
          labels: ["okay nabu"],
          threshold: micro.probability_cutoff,
          smoothing: micro.sliding_window_size,
        };
        const hear = (gate?: { model: typeof voice }) => {
          const times: number[] = [];
          word.reset();
          const listener = createListener(word, {
            ...options,
            ...(gate && { gate }),
            onDetect: ({ time }) => times.push(time),
          });
          const samples = room();
          for (let place = 0; place < samples.length; place += 128)
            listener.push(samples.subarray(place, place + 128));
          return { times, ...listener.statistics() };
        };
        const [alone, gated] = [hear(), hear({ model: voice })];
        expect(alone.times).toHaveLength(4);
        expect(gated.times).toHaveLength(4);
        for (const [i, time] of gated.times.entries())
          expect(Math.abs(time - alone.times[i]!)).toBeLessThan(0.1);
        expect(gated.inferences).toBeLessThan(alone.inferences / 2);
        for (const { dispose } of [word, voice]) dispose();
      },
    );
  },
);

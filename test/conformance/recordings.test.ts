/** Models on recordings and texts: the answers that their own runtimes give, clip by clip. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { importModel } from "../../src/import/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel } from "../../src/runtime/model.ts";
import { readWav } from "../../src/samples/wav.ts";
import { wasm } from "../../src/wasm.ts";
import { dataFolder } from "../helpers/data.ts";

const data = dataFolder();
const at = (path: string): string => join(data ?? "", path);
const text = (path: string): string => readFileSync(at(path), "utf8");
const rowsOf = (path: string): string[][] =>
  text(path)
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","));

const started = (graph: Graph) => createModel(wasm, pack(optimize(graph)).bytes, { name: graph.name });

/** The first place of the largest value. */
const best = (scores: Float32Array): number => scores.indexOf(Math.max(...scores));

/** A 24-bit bitmap, bottom row first, as `size` × `size` RGB: bilinear, pixel centres at halves. */
function resized(bmp: Buffer, size: number): Uint8Array {
  const [from, width, height] = [10, 18, 22].map((field) => bmp.readInt32LE(field)) as [
    number,
    number,
    number,
  ];
  const stride = Math.ceil((3 * width) / 4) * 4;
  const pixel = (y: number, x: number, c: number): number =>
    bmp[from + (height - 1 - y) * stride + 3 * x + 2 - c]!;
  const places = (count: number) =>
    Array.from({ length: size }, (_, i) => {
      const place = Math.min(Math.max(((i + 0.5) * count) / size - 0.5, 0), count - 1);
      const low = Math.floor(place);
      return { low, high: Math.min(low + 1, count - 1), part: place - low };
    });
  const [rows, columns] = [places(height), places(width)];
  const out = new Uint8Array(3 * size * size);
  for (const [i, y] of rows.entries())
    for (const [j, x] of columns.entries())
      for (let c = 0; c < 3; c++) {
        const along = (row: number) => pixel(row, x.low, c) * (1 - x.part) + pixel(row, x.high, c) * x.part;
        out[3 * (i * size + j) + c] = Math.round(along(y.low) * (1 - y.part) + along(y.high) * y.part);
      }
  return out;
}

describe.skipIf(!data)("models on recordings (need the test data folder)", () => {
  it("KWT-1 hears 397 of the 432 clips of dev, as the float model does in LiteRT", {
    timeout: 600_000,
  }, () => {
    const file = "models/tflite/kwt1_float.tflite";
    const labels = text("models/tflite/kwt1_labels.txt").trim().split("\n");
    const model = started(importModel(readFileSync(at(file)), { file }));
    const clips = rowsOf("golden/kwt1_dev_outputs.csv");
    expect(clips).toHaveLength(432);
    const right = clips.filter(([label, clip, predicted, ...logits]) => {
      const path = `audio/speech_commands/dev/${label}/${clip}`;
      model.input().set(readWav(readFileSync(at(path)), path, 16000).samples as never);
      model.invoke();
      const found = model.output() as Float32Array;
      for (const [i, logit] of logits.entries())
        expect(Math.abs(found[i]! - Number(logit)), path).toBeLessThan(1e-3);
      expect(labels[best(found)], path).toBe(predicted);
      return labels[best(found)] === label;
    });
    expect(right).toHaveLength(397);
    expect(right.filter(([label]) => label !== "_silence_")).toHaveLength(382);
    model.dispose();
  });

  it.each(["v5", "v6"])(
    "Silero %s gives its trace over a minute of speech",
    { timeout: 300_000 },
    (version) => {
      const { chunk, context, compare } = JSON.parse(text("audio/silero_test.json"));
      const file = `models/onnx/silero_vad_${version}.onnx`;
      const graph = importModel(readFileSync(at(file)), {
        file,
        inputShapes: { input: [1, context + chunk], state: [2, 1, 128] },
        inputValues: { sr: 16000 },
        states: { state: "stateN" },
      });
      const model = started(graph);
      const { samples } = readWav(readFileSync(at("audio/silero_test.wav")), "silero_test.wav", 16000);
      const trace = rowsOf(`audio/silero_test_${version}_probs.csv`).map(([, probability]) =>
        Number(probability),
      );
      expect(trace).toHaveLength(1875);
      const padded = new Float32Array(context + samples.length);
      padded.set(samples, context);
      const found = trace.map((_, i) => {
        model.input().set(padded.subarray(i * chunk, i * chunk + context + chunk) as never);
        model.invoke();
        return (model.output() as Float32Array)[0]!;
      });
      const worst = Math.max(...found.map((probability, i) => Math.abs(probability - trace[i]!)));
      expect(worst).toBeLessThan(compare.atol);
      const isSpeech = (list: number[]) => list.filter((probability) => probability > 0.5).length;
      expect(isSpeech(found)).toBe(isSpeech(trace));
      model.dispose();
    },
  );

  it("movie_review reads sentences as LiteRT does", () => {
    const { samples, compare } = JSON.parse(text("text/movie_review/samples.json"));
    const file = "models/tflite/movie_review.tflite";
    const model = started(importModel(readFileSync(at(file)), { file }));
    expect(samples.length).toBeGreaterThanOrEqual(6);
    for (const { text: sentence, tokens, output } of samples) {
      const ids = model.input() as Int32Array;
      ids.fill(0).set(tokens);
      model.invoke();
      const found = model.output() as Float32Array;
      for (const [i, expected] of output.entries())
        expect(Math.abs(found[i]! - expected), sentence).toBeLessThan(compare.atol + compare.rtol * expected);
    }
    model.dispose();
  });

  it("MobileNet finds the three cats that LiteRT finds in a photograph", () => {
    const { top3 } = JSON.parse(text("images/cat_expected.json"));
    const file = "models/tflite/mobilenet_v1_025_128_uint8.tflite";
    const model = started(importModel(readFileSync(at(file)), { file }));
    (model.input() as Uint8Array).set(resized(readFileSync(at("images/cat.bmp")), 128));
    model.invoke();
    const scores = model.output() as Uint8Array;
    const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!).slice(0, 3);
    expect(order).toEqual(top3.map(([index]: [number]) => index));
    for (const [index, , score] of top3) expect(Math.abs(scores[index]! - score)).toBeLessThanOrEqual(4);
    model.dispose();
  });
});

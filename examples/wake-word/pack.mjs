// The model as a page uses it: int8, one step of a stream, samples in. `node pack.mjs FILE.nbl` writes it.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  createExecutor,
  createFeatures,
  frontEnds,
  importModel,
  optimize,
  pack,
  quantize,
  readWav,
  streamWindows,
  withFrontEnd,
} from "nibblenet/tools";
import { randomFrom } from "./audio.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
/** Frames of 20 ms in one step: an inference every 40 ms. */
const step = 2;
const bands = 40;
const { samples: _, ...frontEnd } = frontEnds["log-mel"];

/** The clips beside this file, loud, soft and in noise: the same ranges come out wherever this runs. */
function calibrationWindows(count) {
  const random = randomFrom(1);
  const windows = [];
  for (const name of readdirSync(`${here}clips`).sort()) {
    const { samples } = readWav(readFileSync(`${here}clips/${name}`), name, 16000);
    const shape = [Math.floor((samples.length - frontEnd.window) / frontEnd.hop) + 1, bands];
    const features = createFeatures(frontEnd, shape);
    for (const [gain, noise] of [
      [1.4, 0],
      [0.7, 1e-4],
      [0.35, 1e-2],
      [0.12, 1e-3],
      [0.04, 5e-4],
      [0.01, 1e-4],
      [0, 0.2],
      [0, 1e-5],
    ]) {
      const heard = samples.map((x) => gain * x + noise * (2 * random() - 1));
      const frames = features(heard);
      for (let at = 0; at + count <= frames.length; at += 5 * bands)
        windows.push({ name: `${name} × ${gain}`, inputs: [frames.slice(at, at + count)] });
    }
  }
  return windows;
}

/** The packed stream; `isFloat`: without quantization, to compare with. */
export function packWakeWord({ isFloat = false } = {}) {
  const float = optimize(importModel(readFileSync(`${here}model.onnx`), { file: "model.onnx" }));
  const windows = calibrationWindows(float.inputs[0].shape.reduce((a, b) => a * b));
  const graph = isFloat
    ? float
    : quantize(float, windows, { makeExecutor: createExecutor, compareLimit: 16 }).graph;
  const { graph: stream, hop, window, warmUp } = streamWindows(graph, { hop: step });
  const metadata = {
    labels: ["computer"],
    listen: {
      title: "Wake word “computer”",
      hop: step * frontEnd.hop,
      scores: "logistic",
      smoothing: 2,
      threshold: 0.95,
      cooldown: 1000,
    },
    stream: { hop, window, warmUp },
  };
  return pack(withFrontEnd(stream, frontEnd), { metadata }).bytes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const bytes = packWakeWord();
  writeFileSync(process.argv[2] ?? "wake-word.nbl", bytes);
  console.log(`${process.argv[2] ?? "wake-word.nbl"}: ${bytes.length} bytes`);
}

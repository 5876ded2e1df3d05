// The model as a page uses it: int8, one step of a stream, samples in every 40 ms, and a file that says how to listen.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  createExecutor,
  frontEnds,
  importModel,
  openSamples,
  optimize,
  pack,
  quantize,
  streamWindows,
  withFrontEnd,
} from "nibblenet/tools";

const here = fileURLToPath(new URL(".", import.meta.url));
/** Frames of 20 ms in one step. */
const frames = 2;

/** The model as int8, calibrated on the clips beside this file, for one whole second. */
export function quantizeKeyword() {
  const labels = readFileSync(`${here}labels.txt`, "utf8").trim().split("\n");
  const float = optimize(importModel(readFileSync(`${here}model.onnx`), { file: "model.onnx" }));
  const clips = openSamples(`${here}clips`, float.inputs, { labels, audio: "log-mel" });
  return { labels, graph: quantize(float, clips, { makeExecutor: createExecutor }).graph };
}

/** The packed stream. */
export function packKeyword() {
  const { labels, graph } = quantizeKeyword();
  const frontEnd = frontEnds["log-mel"];
  const { graph: step, warmUp } = streamWindows(graph, { hop: frames });
  const listen = {
    title: "Ten keywords",
    hop: frames * frontEnd.hop,
    warmUp,
    scores: "softmax",
    // Chosen by test/listen/thresholds.mjs; docs/listening.md has the figures.
    smoothing: 6,
    threshold: 0.7,
    steady: 7,
    cooldown: 800,
    ignore: ["_silence_", "_unknown_"],
  };
  return pack(withFrontEnd(step, frontEnd), { metadata: { labels, listen } }).bytes;
}

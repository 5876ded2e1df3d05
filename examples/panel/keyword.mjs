// The keyword model of the example beside this one as a stream: samples in, every 40 ms, and a file that says how to listen.
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
} from "../../build/tools.js";

const folder = fileURLToPath(new URL("../keyword/", import.meta.url));
const frames = 2;

export function packKeyword() {
  const labels = readFileSync(`${folder}labels.txt`, "utf8").trim().split("\n");
  const float = optimize(importModel(readFileSync(`${folder}model.onnx`), { file: "model.onnx" }));
  const clips = openSamples(`${folder}clips`, float.inputs, { labels, audio: "log-mel" });
  const { graph } = quantize(float, clips, { makeExecutor: createExecutor });
  const frontEnd = frontEnds["log-mel"];
  const { graph: step, warmUp } = streamWindows(graph, { hop: frames });
  const listen = {
    title: "Ten keywords",
    hop: frames * frontEnd.hop,
    warmUp,
    scores: "softmax",
    smoothing: 9,
    threshold: 0.5,
    cooldown: 800,
    ignore: ["_silence_", "_unknown_"],
  };
  return pack(withFrontEnd(step, frontEnd), { metadata: { labels, listen } }).bytes;
}

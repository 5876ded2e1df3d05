// The keyword model of the example beside this one, as a file that says how to listen with it.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createExecutor, importModel, openSamples, optimize, pack, quantize } from "../../build/tools.js";

const folder = fileURLToPath(new URL("../keyword/", import.meta.url));

export function packKeyword() {
  const labels = readFileSync(`${folder}labels.txt`, "utf8").trim().split("\n");
  const float = optimize(importModel(readFileSync(`${folder}model.onnx`), { file: "model.onnx" }));
  const clips = openSamples(`${folder}clips`, float.inputs, { labels, audio: "log-mel" });
  const { graph } = quantize(float, clips, { makeExecutor: createExecutor });
  const listen = {
    title: "Ten keywords",
    hop: 640,
    scores: "softmax",
    smoothing: 8,
    threshold: 0.6,
    cooldown: 800,
    ignore: ["_silence_", "_unknown_"],
  };
  return pack(graph, { metadata: { labels, frontend: "log-mel", listen } }).bytes;
}

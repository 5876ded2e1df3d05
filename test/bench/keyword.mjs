import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createExecutor, importModel, openSamples, optimize, pack, quantize } from "../../build/tools.js";

const example = fileURLToPath(new URL("../../examples/keyword/", import.meta.url));

/** The keyword model of examples/keyword: the ONNX file, its labels, and its graph quantized with the clips beside it. */
export function keywordGraph() {
  const onnx = readFileSync(`${example}model.onnx`);
  const labels = readFileSync(`${example}labels.txt`, "utf8").trim().split("\n");
  const float = optimize(importModel(onnx, { file: "model.onnx" }));
  const samples = openSamples(`${example}clips`, float.inputs, { labels, audio: "log-mel" });
  return { onnx, labels, graph: quantize(float, samples, { makeExecutor: createExecutor }).graph };
}

/** The same, packed. */
export function keywordModel() {
  const { onnx, labels, graph } = keywordGraph();
  return { onnx, packed: pack(graph, { metadata: { labels, frontend: "log-mel" } }).bytes };
}

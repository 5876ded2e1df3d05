import { readFileSync } from "node:fs";
import { pack } from "../../build/tools.js";
import { quantizeKeyword } from "../../examples/keyword/pack.mjs";

/** The keyword model of examples/keyword: the ONNX file, and quantized and packed. */
export function keywordModel() {
  const onnx = readFileSync(new URL("../../examples/keyword/model.onnx", import.meta.url));
  const { labels, graph } = quantizeKeyword();
  return { onnx, packed: pack(graph, { metadata: { labels, frontend: "log-mel" } }).bytes };
}

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { optimize } from "../../src/graph/passes/index.ts";
import { importModel } from "../../src/import/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { quantize } from "../../src/quantize/index.ts";
import { createExecutor } from "../../src/runtime/executor.ts";
import { openSamples } from "../../src/samples/read.ts";

const folder = fileURLToPath(new URL("../../examples/keyword/", import.meta.url));

/** The keyword example as its demo packs it, and the features of one of its clips. */
export function keywordModel(): { file: Uint8Array; features: Float32Array } {
  const labels = readFileSync(`${folder}labels.txt`, "utf8").trim().split("\n");
  const float = optimize(importModel(readFileSync(`${folder}model.onnx`), { file: "model.onnx" }));
  const clips = openSamples(`${folder}clips`, float.inputs, { labels, audio: "log-mel" });
  const { graph } = quantize(float, clips, { makeExecutor: createExecutor });
  const [first] = clips;
  return {
    file: pack(graph, { metadata: { labels, frontend: "log-mel" } }).bytes,
    features: first!.inputs[0] as Float32Array,
  };
}

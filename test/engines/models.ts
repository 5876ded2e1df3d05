import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createExecutor, importModel, openSamples, optimize, pack, quantize } from "../../src/tools.ts";
import { fuzzModels } from "../fuzz/models.ts";

interface PackedModel {
  name: string;
  bytes: Uint8Array;
  /** Floats must not be negative: roots and logarithms of such have no fixed bits. */
  positive: boolean;
}

/**
 * The keyword model first; models covering every operator; and every model of the test data that imports.
 * The harness bundles this file with the built package in place of the sources (stage.ts).
 */
export function packModels(
  root: string,
  data: string | undefined,
): { models: PackedModel[]; notes: string[] } {
  const models: PackedModel[] = [{ name: "keyword", bytes: keyword(root), positive: false }];
  for (const [name, bytes] of fuzzModels()) models.push({ name, bytes, positive: false });
  if (!data) return { models, notes: ["The TFLite models of the test data were absent."] };
  const folder = join(data, "models/tflite");
  const refused: string[] = [];
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith(".tflite")) continue;
    try {
      const graph = optimize(importModel(readFileSync(join(folder, file)), { file }));
      const positive = /sqrt|log/.test(file);
      models.push({ name: file.replace(".tflite", ""), bytes: pack(graph).bytes, positive });
    } catch (error) {
      if ((error as { code?: string }).code === undefined) throw error;
      refused.push(file.replace(".tflite", ""));
    }
  }
  const notes = refused.length
    ? [`${refused.length} TFLite models do not import yet and were left out: ${refused.join(", ")}.`]
    : [];
  return { models, notes };
}

/** As examples/keyword/demo.mjs makes it. */
function keyword(root: string): Uint8Array {
  const { float, clips, labels } = keywordSource(root);
  const { graph } = quantize(float, clips, { makeExecutor: createExecutor });
  return pack(graph, { metadata: { labels, frontend: "log-mel" } }).bytes;
}

function keywordSource(root: string) {
  const here = join(root, "examples/keyword");
  const labels = readFileSync(join(here, "labels.txt"), "utf8").trim().split("\n");
  const float = optimize(importModel(readFileSync(join(here, "model.onnx")), { file: "model.onnx" }));
  const clips = openSamples(join(here, "clips"), float.inputs, { labels, audio: "log-mel" });
  return { labels, float, clips };
}

/** The features of a clip of "yes", for the examples. */
export function clipFeatures(root: string): Float32Array {
  for (const { name, inputs } of keywordSource(root).clips)
    if (name.includes("yes")) return Float32Array.from(inputs[0] as Float32Array);
  throw new Error('examples/keyword/clips: no clip of "yes"');
}

/** All models in one file: u32 length of the table of contents, the table as ASCII JSON, the files. */
export function archiveOf(models: readonly PackedModel[]): Uint8Array {
  let offset = 0;
  const table = models.map(({ name, bytes, positive }) => {
    const entry = { name, offset, bytes: bytes.length, positive };
    offset += bytes.length;
    return entry;
  });
  const text = new TextEncoder().encode(JSON.stringify(table));
  const archive = new Uint8Array(4 + text.length + offset);
  new DataView(archive.buffer).setUint32(0, text.length, true);
  archive.set(text, 4);
  models.forEach(({ bytes }, i) => {
    archive.set(bytes, 4 + text.length + table[i].offset);
  });
  return archive;
}

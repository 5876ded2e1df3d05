/** What a report tells of single layers beside their errors in the running model: time, and sensitivity. */

import { measureLatency } from "../eval/latency.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { pack } from "../pack/pack.ts";
import type { Samples } from "../quantize/calibrate.ts";
import { matrixOf } from "../quantize/layers/matrix.ts";
import { assignSchemes, type Recipe } from "../quantize/recipe.ts";
import type { Report } from "../quantize/report.ts";
import { NibbleError } from "../runtime/errors.ts";
import { createModel } from "../runtime/model.ts";
import type { TaskProgress } from "../threads/tasks.ts";
import { wasm } from "../wasm.ts";
import { type BuildSettings, layGround } from "./ground.ts";
import { sensitivityTask } from "./sensitivity.ts";

/** Seconds that each operator runs for; they are many. */
const patience = 0.04;
/** Samples that suffice to tell layers from each other. */
const sampleLimit = 32;

/** Adds the time of every operator, and the sensitivity of every layer with weights, to the layers of the report. */
export function addLayerDetails(
  report: Report,
  source: Graph,
  quantized: Graph,
  samples: Samples,
  settings: BuildSettings & { recipe?: Recipe; narrow?: boolean },
  onProgress: TaskProgress,
): void {
  const { recipe = {}, narrow: _, ...build } = settings;
  const layers = new Map(report.layers.map((layer) => [layer.node, layer]));
  const { isNarrow } = pack(quantized, { ...(settings.narrow && { narrow: true }) }).stored;
  for (const [i, node] of quantized.nodes.entries()) {
    const layer = layers.get(node.name);
    const alone = layer && measureAlone(node, quantized, isNarrow);
    if (alone) layer.micros = alone.micros;
    if (alone && layer.bytes) layer.bytes.stored = alone.bytes;
    onProgress("timing     ", i + 1, quantized.nodes.length);
  }
  const some = evenly(samples);
  const ground = layGround(source, some, undefined, build);
  const schemes = assignSchemes(ground.graph, recipe);
  const weighted = ground.graph.nodes.filter((node) => matrixOf(node) && layers.has(node.name));
  for (const [i, node] of weighted.entries()) {
    const isExcluded = build.exclude?.includes(node.name);
    const scheme = schemes.get(node)!;
    const candidate = {
      name: scheme.scheme,
      scheme: isExcluded ? { ...scheme, scheme: "float32" as const } : scheme,
    };
    const found = sensitivityTask({ unit: node.name, candidates: [candidate] }, ground, () => {});
    const error = found[candidate.name];
    if (typeof error === "number") layers.get(node.name)!.sensitivity = error;
    onProgress("sensitivity", i + 1, weighted.length);
  }
}

/** One operator as a model of its own: time, and bytes of its weights and tables; undefined where it is none without the others. */
function measureAlone(node: Node, { name, rounding }: Graph, narrow: boolean) {
  const inputs = [...new Set(node.inputs.flatMap((tensor) => (tensor && !tensor.data ? [tensor] : [])))];
  if (inputs.length === 0) return undefined;
  try {
    const graph = { name, nodes: [node], inputs, outputs: [...node.outputs], rounding };
    const { bytes, stored } = pack(graph, { narrow });
    const model = createModel(wasm, bytes);
    try {
      return { micros: measureLatency(model, patience).median, bytes: stored.bytes };
    } finally {
      model.dispose();
    }
  } catch (error) {
    if (error instanceof NibbleError) return undefined;
    throw error;
  }
}

/** At most `sampleLimit`, spread over all where their number is known. */
function evenly(samples: Samples): Samples {
  const stride = Math.max(1, Math.floor((samples.length ?? 0) / sampleLimit));
  const kept = [];
  let seen = 0;
  for (const sample of samples) {
    if (seen++ % stride === 0) kept.push(sample);
    if (kept.length === sampleLimit) break;
  }
  return kept;
}

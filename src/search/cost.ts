/** Bytes and time of one layer as a packed model of its own, on the kernels that will run it. */

import { measureLatency } from "../eval/latency.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { pack } from "../pack/pack.ts";
import { buildQuantized } from "../quantize/index.ts";
import type { Recipe } from "../quantize/recipe.ts";
import { isStatic, type LayerScheme } from "../quantize/schemes.ts";
import { NibbleError } from "../runtime/errors.ts";
import { createExecutor } from "../runtime/executor.ts";
import { createModel } from "../runtime/model.ts";
import { wasm } from "../wasm.ts";
import type { SearchGround } from "./ground.ts";

export interface LayerCost {
  bytes: number;
  micros: number;
}

export interface CostTask {
  /** Of the layers, by their numbers in the graph. */
  nodes: number[];
  scheme: LayerScheme;
  /** What layers of this shape are known to take. */
  micros: number | undefined;
}

/** Seconds that each layer runs for. */
const patience = 0.12;

/** What the layers of one unit cost together; null where they can't have the scheme. */
export function costTask({ nodes, scheme, micros }: CostTask, ground: SearchGround): LayerCost | null {
  const cost = { bytes: 0, micros: micros ?? 0 };
  for (const index of nodes) {
    const packed = unlessUnsupported(() => packLayer(ground, ground.graph.nodes[index]!, scheme));
    if (!packed) return null;
    cost.bytes += packed.length;
    if (micros === undefined) cost.micros += timeOf(packed);
  }
  return cost;
}

function packLayer({ graph, ranges, build }: SearchGround, node: Node, scheme: LayerScheme): Uint8Array {
  const layer: Graph = {
    name: node.name,
    nodes: [node],
    inputs: [node.inputs[0]!],
    outputs: [...node.outputs],
    rounding: graph.rounding,
  };
  const { quantized } = buildQuantized(layer, undefined, {
    makeExecutor: (g) => createExecutor(g),
    ranges,
    ...(build.perTensor && { perTensor: true }),
    // Where the neighbours are integers too, nothing is converted between them.
    io: isStatic(scheme.scheme) ? "int8" : "float32",
    recipe: plain({ default: scheme }),
  });
  return pack(quantized.graph, { narrow: true }).bytes;
}

/** The recipe with the quickest rounding: time does not depend on which values come out, and size hardly does. */
const plain = ({ default: base, layers = [] }: Recipe): Recipe => ({
  ...(base && { default: { ...base, method: "rtn" } }),
  layers: layers.map((layer) => ({ ...layer, method: "rtn" })),
});

function timeOf(packed: Uint8Array, seconds = patience): number {
  const model = createModel(wasm, packed);
  try {
    return measureLatency(model, seconds).median;
  } finally {
    model.dispose();
  }
}

/** Microseconds of the whole graph with a recipe. */
export function latencyTask({ recipe }: { recipe: Recipe }, { graph, ranges, build }: SearchGround): number {
  const { quantized } = buildQuantized(graph, undefined, {
    ...build,
    biasCorrection: false,
    makeExecutor: (g) => createExecutor(g),
    ranges,
    recipe: plain(recipe),
  });
  return timeOf(pack(quantized.graph, { narrow: true }).bytes, 4 * patience);
}

/** Undefined where a layer can't have what is asked for. */
export function unlessUnsupported<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof NibbleError && error.code === "unsupported") return undefined;
    throw error;
  }
}

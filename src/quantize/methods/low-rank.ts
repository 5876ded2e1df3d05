/** Low-rank factorization: one large matrix as two thin ones. */

import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import type { Progress, Samples } from "../calibrate.ts";
import type { MakeExecutor } from "../executor.ts";
import { type LayerMatrix, matrixOf } from "../layers/matrix.ts";
import type { LayerScheme } from "../schemes.ts";
import { floats } from "../weights.ts";
import { channelStatistics } from "./channels.ts";
import { svd } from "./svd.ts";

/** Samples that tell how large inputs are. */
const sampleLimit = 64;

/**
 * Splits matrix multiplies W x into (A (B x)) with as many rows of B as leave `share` of the weights, or more of them
 * where fewer rows keep all but rounding. The cut is best for inputs with the mean squares of the samples: the singular
 * values are those of W · diag(rms x). Layers too small to win stay whole. `graph` is not changed, activations are shared.
 *
 * @throws NibbleError "bad-input" for samples that don't fit and weights that are not finite.
 */
export function factorize(
  graph: Graph,
  schemes: ReadonlyMap<Node, LayerScheme>,
  share: number,
  samples: Samples | undefined,
  makeExecutor: MakeExecutor,
  onProgress?: Progress,
): { graph: Graph; schemes: Map<Node, LayerScheme>; split: { node: string; rank: number }[] } {
  const layers = new Map<Node, LayerMatrix>();
  for (const node of graph.nodes) {
    const layer = matrixOf(node);
    if (layer?.isMatmul && rankOf(layer, share) >= 1) layers.set(node, layer);
  }
  const inputs = [...new Set(Array.from(layers.values(), ({ input }) => input))];
  const statistics =
    samples && channelStatistics(graph, inputs, samples, makeExecutor, sampleLimit, onProgress);
  const assigned = new Map<Node, LayerScheme>();
  const split: { node: string; rank: number }[] = [];
  const nodes = graph.nodes.flatMap((node) => {
    const layer = layers.get(node);
    const made = layer
      ? factors(layer, rankOf(layer, share), statistics?.get(layer.input)?.meanSquare)
      : [node];
    if (layer) split.push({ node: node.name, rank: rankOf(layer, share) });
    for (const each of made) assigned.set(each, schemes.get(node)!);
    return made;
  });
  return { graph: { ...graph, nodes }, schemes: assigned, split };
}

/** Rows of the inner matrix, a multiple of 8, which is what the kernels work on; 0 where nothing is won. */
function rankOf({ n, k }: LayerMatrix, share: number): number {
  return Math.floor((share * n * k) / (n + k) / 8) * 8;
}

function factors(
  { node, n, k, input, weights }: LayerMatrix,
  rank: number,
  meanSquare?: Float64Array,
): Node[] {
  const w = floats(weights);
  const mean = meanSquare ? meanSquare.reduce((sum, v) => sum + v, 0) / k : 1;
  // Inputs that are nearly always 0 still count a little.
  const size = Float64Array.from(
    { length: k },
    (_, i) => Math.sqrt((meanSquare?.[i] ?? 1) + 1e-4 * mean) || 1,
  );
  const { left, right } = svd(
    w.map((value, at) => value * size[at % k]),
    n,
    k,
  );
  const tall = Float32Array.from(
    { length: n * rank },
    (_, at) => left[Math.floor(at / rank) * k + (at % rank)],
  );
  const wide = Float32Array.from({ length: rank * k }, (_, at) => right[at] / size[at % k]);
  const inner: Tensor = {
    name: `${node.outputs[0].name}/inner`,
    dtype: "float32",
    shape: [...node.outputs[0].shape.slice(0, -1), rank],
  };
  const part = (name: string, shape: number[], data: Float32Array): Tensor => ({
    name,
    dtype: "float32",
    shape,
    data,
  });
  const free = { activation: { min: -Infinity, max: Infinity } };
  const { activation } = node.attributes;
  return [
    {
      op: "fullyConnected",
      name: `${node.name}/inner`,
      inputs: [input, part(`${weights.name}/inner`, [rank, k], wide), null],
      outputs: [inner],
      attributes: free,
    },
    {
      op: "fullyConnected",
      name: node.name,
      inputs: [inner, part(weights.name, [n, rank], tall), node.inputs[2] ?? null],
      outputs: node.outputs,
      attributes: { activation },
    },
  ];
}

/** Rounded layers back in the graph. Activations stay the tensors they were. */

import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { nearestHalf } from "../methods/grid.ts";
import { bitsOf, isDynamic } from "../schemes.ts";
import type { LayerMatrix } from "./matrix.ts";
import type { RoundedLayer } from "./round.ts";

/** Weights on an int8 grid: values by the source's order, a scale per output channel. */
export interface StaticWeights {
  data: Int8Array;
  scale: Float32Array;
}

export const staticWeights = ({ layer, stored, grid }: RoundedLayer): StaticWeights => ({
  data: Int8Array.from(inSourceOrder(layer, stored)),
  scale: grid!.scale,
});

/** `graph` with layers of dynamic and float schemes in place of those that were rounded to one. */
export function replaceLayers(graph: Graph, rounded: ReadonlyMap<Node, RoundedLayer>): Graph {
  const nodes = graph.nodes.map((node) => {
    const made = rounded.get(node);
    return made ? replaced(node, made) : node;
  });
  return { ...graph, nodes };
}

function replaced(node: Node, made: RoundedLayer): Node {
  const { layer, stored, scheme } = made;
  const [x, weights, bias = null] = node.inputs;
  if (isDynamic(scheme.scheme)) return dynamic(made, [x, weights, bias]);
  const data = Float32Array.from(inSourceOrder(layer, stored));
  const half = scheme.scheme === "float16";
  // Beyond float16 a layer stays float32.
  if (!data.every((value) => Number.isFinite(value))) return node;
  const halved = half && bias ? rounded(bias) : bias;
  return { ...node, inputs: [x, { ...weights!, data }, halved] } as Node;
}

function rounded(bias: Tensor): Tensor {
  const data = Float32Array.from(bias.data as Float32Array, nearestHalf);
  return data.every((value) => Number.isFinite(value)) ? { ...bias, data } : bias;
}

function dynamic({ layer, stored, grid, scheme }: RoundedLayer, inputs: (Tensor | null)[]): Node {
  const { node, n, k, weights } = layer;
  const { scale, zeroPoint, blockSize, codebook } = grid!;
  // The engine's codebooks have 16 values.
  const book = codebook && Int8Array.from({ length: 16 }, (_, i) => codebook[i] ?? 0);
  const data = Int8Array.from(stored, (value) => (book ? book.indexOf(value) : value));
  return {
    op: "dynamicFullyConnected",
    name: node.name,
    inputs: [
      inputs[0],
      { name: weights.name, dtype: "int8", shape: [n, k], data, quantization: { scale, zeroPoint, axis: 0 } },
      inputs[2],
    ],
    outputs: node.outputs,
    attributes: {
      activation: node.attributes.activation,
      bits: bitsOf(scheme.scheme)!,
      blockSize,
      ...(book && { codebook: book }),
    },
  };
}

function inSourceOrder({ n, k, at }: LayerMatrix, stored: Float64Array): Float64Array {
  const out = new Float64Array(stored.length);
  for (let row = 0; row < n; row++) for (let i = 0; i < k; i++) out[at(row, i)] = stored[row * k + i];
  return out;
}

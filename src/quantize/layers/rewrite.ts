/** Rounded layers back in the graph. Activations stay the tensors they were. */

import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { nearestHalf } from "../methods/grid.ts";
import { bitsOf, isDynamic, isStatic } from "../schemes.ts";
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

/**
 * `graph` with rounded layers in place of the float ones; those of static schemes only get their new biases. Recurrent
 * layers have their weights as float16 where `isHalved` says so.
 */
export function replaceLayers(
  graph: Graph,
  made: ReadonlyMap<Node, RoundedLayer>,
  isHalved: (node: Node) => boolean,
): Graph {
  return {
    ...graph,
    nodes: graph.nodes.map((node) => {
      if (node.op === "recurrent" && isHalved(node))
        return { ...node, inputs: node.inputs.map((t, i) => (t && (i === 1 || i === 2) ? halved(t) : t)) };
      return made.has(node) ? replaced(made.get(node)!) : node;
    }),
  };
}

function replaced(made: RoundedLayer): Node {
  const { layer, stored, scheme } = made;
  if (isStatic(scheme.scheme)) return withWeights(made, layer.weights.data as Float32Array);
  if (isDynamic(scheme.scheme)) return dynamic(made);
  const data = Float32Array.from(inSourceOrder(layer, stored));
  // Beyond float16 a layer stays float32.
  if (!data.every((value) => Number.isFinite(value))) return layer.node;
  const node = withWeights(made, data);
  if (scheme.scheme === "float16" && node.inputs[2]) node.inputs[2] = halved(node.inputs[2]);
  return node;
}

/** The layer with the float weights that its stored ones stand for. */
export function asFloats(made: RoundedLayer): Node {
  const { layer, stored, grid } = made;
  const real = stored.map((value, i) =>
    grid ? grid.real(value, Math.floor(i / layer.k), i % layer.k) : value,
  );
  return withWeights(made, Float32Array.from(inSourceOrder(layer, real)));
}

function withWeights(made: RoundedLayer, data: Float32Array): Node {
  const { node, weights } = made.layer;
  return { ...node, inputs: [node.inputs[0], { ...weights, data }, biasOf(made)] } as Node;
}

/** The bias, moved by what the new weights make of the inputs' means. */
function biasOf({ layer, shift }: RoundedLayer): Tensor | null {
  const bias = layer.node.inputs[2] ?? null;
  if (!shift || !bias) return bias;
  const old = bias.data as Float32Array;
  return { ...bias, data: old.map((value, c) => value + shift[c]) };
}

/** Beyond float16 a constant stays as it is, as computed tensors do. */
function halved(tensor: Tensor): Tensor {
  if (!(tensor.data instanceof Float32Array)) return tensor;
  const data = Float32Array.from(tensor.data, nearestHalf);
  return data.every((value) => Number.isFinite(value)) ? { ...tensor, data } : tensor;
}

function dynamic(made: RoundedLayer): Node {
  const { layer, stored, grid, scheme } = made;
  const { node, n, k, weights } = layer;
  const { scale, zeroPoint, blockSize, codebook } = grid!;
  // The engine's codebooks have 16 values.
  const book = codebook && Int8Array.from({ length: 16 }, (_, i) => codebook[i] ?? 0);
  const data = Int8Array.from(stored, (value) => (book ? book.indexOf(value) : value));
  return {
    op: "dynamicFullyConnected",
    name: node.name,
    inputs: [
      node.inputs[0],
      { name: weights.name, dtype: "int8", shape: [n, k], data, quantization: { scale, zeroPoint, axis: 0 } },
      biasOf(made),
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

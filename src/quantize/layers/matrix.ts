/** Layers with constant weights, all seen as matrices: groups of rows, each times a patch of the input. */

import { elementCount, type Node, type NodeOf, type Tensor } from "../../graph/graph.ts";
import { hasWeights } from "../operators.ts";

type WeightedNode = NodeOf<"conv2d"> | NodeOf<"depthwiseConv2d"> | NodeOf<"fullyConnected">;

export interface LayerMatrix {
  node: WeightedNode;
  input: Tensor;
  weights: Tensor;
  /** Output channels, of all groups. */
  n: number;
  /** Weights of each. */
  k: number;
  groups: number;
  /** Dimension of the weights that numbers the output channels. */
  axis: number;
  /** Where weight [n, k] lies among the weights. */
  at(n: number, k: number): number;
  /** Whether the layer is one matrix times every vector of the input's last dimension. */
  isMatmul: boolean;
}

/** Undefined for operators without constant float32 weights. */
export function matrixOf(node: Node): LayerMatrix | undefined {
  if (!hasWeights(node)) return undefined;
  const weighted = node as WeightedNode;
  const [input, weights, bias] = weighted.inputs;
  const isFloat = [input, weights, bias].every((t) => !t || t.dtype === "float32");
  if (!input || !weights?.data || (bias && !bias.data) || !isFloat) return undefined;
  const { shape } = weights;
  if (weighted.op === "depthwiseConv2d") {
    const [n, k] = [shape[3], shape[1] * shape[2]];
    const groups = n / weighted.attributes.multiplier;
    return {
      node: weighted,
      input,
      weights,
      n,
      k,
      groups,
      axis: 3,
      at: (row, i) => i * n + row,
      isMatmul: false,
    };
  }
  const n = shape[0];
  const k = elementCount(shape.slice(1));
  const groups = weighted.op === "conv2d" ? weighted.attributes.groups : 1;
  return {
    node: weighted,
    input,
    weights,
    n,
    k,
    groups,
    axis: 0,
    at: (row, i) => row * k + i,
    isMatmul: weighted.op === "fullyConnected" || isPointwise(weighted as NodeOf<"conv2d">, k),
  };
}

function isPointwise({ inputs, attributes }: NodeOf<"conv2d">, k: number): boolean {
  const { stride, padding, groups } = attributes;
  const { top, left, bottom, right } = padding;
  const isWhole = top + left + bottom + right === 0 && stride[0] === 1 && stride[1] === 1;
  return groups === 1 && isWhole && k === inputs[1]!.shape[3];
}

/** How many patches the layer multiplies: one a position of its output. */
export const patchCount = ({ node, n }: LayerMatrix): number => elementCount(node.outputs[0].shape) / n;

/**
 * Where the numbers of patch `p` lie in the input, written to `places` from `at` on; −1 in the padding. A patch holds
 * the k inputs of each group in turn.
 */
export function placePatch(layer: LayerMatrix, p: number, places: Int32Array, at = 0): void {
  const { node, groups, k, input, weights } = layer;
  if (node.op === "fullyConnected") {
    for (let i = 0; i < k; i++) places[at + i] = p * k + i;
    return;
  }
  const { stride, dilation, padding } = node.attributes;
  const [, height, width, channels] = input.shape;
  const [, outHeight, outWidth] = node.outputs[0].shape;
  const [kernelHeight, kernelWidth] = weights.shape.slice(1, 3);
  const perGroup = channels / groups;
  const image = Math.floor(p / (outHeight * outWidth));
  const [row, column] = [Math.floor(p / outWidth) % outHeight, p % outWidth];
  for (let tap = 0; tap < kernelHeight * kernelWidth; tap++) {
    const y = row * stride[0] + Math.floor(tap / kernelWidth) * dilation[0] - padding.top;
    const x = column * stride[1] + (tap % kernelWidth) * dilation[1] - padding.left;
    const isInside = y >= 0 && y < height && x >= 0 && x < width;
    const from = ((image * height + y) * width + x) * channels;
    for (let g = 0; g < groups; g++)
      for (let c = 0; c < perGroup; c++)
        places[at + g * k + tap * perGroup + c] = isInside ? from + g * perGroup + c : -1;
  }
}

/** At most about twice `limit` of the patches that the layer multiplies, spread evenly, beginning later for larger `turn`. */
export function patchesOf(layer: LayerMatrix, x: Float32Array, limit: number, turn: number): Float64Array[] {
  const patches: Float64Array[] = [];
  const places = new Int32Array(layer.groups * layer.k);
  const total = patchCount(layer);
  const step = Math.max(1, Math.floor(total / limit));
  for (let p = turn % step; p < total; p += step) {
    placePatch(layer, p, places);
    const patch = new Float64Array(places.length);
    for (let i = 0; i < patch.length; i++) if (places[i] >= 0) patch[i] = x[places[i]];
    patches.push(patch);
  }
  return patches;
}

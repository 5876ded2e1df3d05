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

/**
 * At most about twice `limit` of the patches that the layer multiplies, spread evenly, beginning later for larger
 * `turn`. A patch holds the k inputs of each group in turn.
 */
export function patchesOf(layer: LayerMatrix, x: Float32Array, limit: number, turn: number): Float64Array[] {
  const patches: Float64Array[] = [];
  const { node, groups, k, input } = layer;
  const w = node.op === "fullyConnected" ? undefined : node.attributes;
  const channels = w ? input.shape[3] : k;
  const [height, width] = w ? [input.shape[1], input.shape[2]] : [1, x.length / k];
  const [outHeight, outWidth] = w ? [node.outputs[0].shape[1], node.outputs[0].shape[2]] : [1, width];
  const [kernelHeight, kernelWidth] = w ? layer.weights.shape.slice(1, 3) : [1, 1];
  const taps = kernelHeight * kernelWidth;
  const perGroup = channels / groups;
  const total = (x.length / (channels * height * width)) * outHeight * outWidth;
  const step = Math.max(1, Math.floor(total / limit));
  for (let p = turn % step; p < total; p += step) {
    const patch = new Float64Array(groups * k);
    const image = Math.floor(p / (outHeight * outWidth));
    const [row, column] = [Math.floor(p / outWidth) % outHeight, p % outWidth];
    for (let tap = 0; tap < taps; tap++) {
      const [ky, kx] = [Math.floor(tap / kernelWidth), tap % kernelWidth];
      const y = w ? row * w.stride[0] + ky * w.dilation[0] - w.padding.top : row;
      const z = w ? column * w.stride[1] + kx * w.dilation[1] - w.padding.left : column;
      const isInside = y >= 0 && y < height && z >= 0 && z < width;
      const from = ((image * height + y) * width + z) * channels;
      for (let g = 0; g < groups; g++)
        for (let c = 0; c < perGroup; c++)
          patch[g * k + tap * perGroup + c] = isInside ? x[from + g * perGroup + c] : 0;
    }
    patches.push(patch);
  }
  return patches;
}

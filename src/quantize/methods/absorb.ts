/** High-bias absorption: what a channel always has is moved into the next layer's bias, so that its range shrinks. */

import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import type { Progress, Samples } from "../calibrate.ts";
import type { MakeExecutor } from "../executor.ts";
import { matrixOf } from "../layers/matrix.ts";
import { floats } from "../weights.ts";
import { channelStatistics } from "./channels.ts";
import { findSites } from "./sites.ts";

/** Samples that tell what channels always have. */
const sampleLimit = 64;

/**
 * Where only layers without padding read what a layer makes, channel c is lowered by what it never goes below, behind a
 * ReLU, or by the middle of its range, where nothing bounds it; the layers that read it add that times their weights to
 * their biases. The graph computes what it did as long as samples go no lower. `graph` is not changed, activations are
 * shared with it.
 *
 * @returns how many tensors were shifted
 * @throws NibbleError "bad-input" for samples that don't fit and weights that are not finite.
 */
export function absorbBiases(
  graph: Graph,
  samples: Samples,
  makeExecutor: MakeExecutor,
  onProgress?: Progress,
): { graph: Graph; shifted: number } {
  const sites = findSites(graph, isUnpadded).filter(
    ({ source, readers }) =>
      matrixOf(source) && source.inputs[2] && readers.every(({ inputs }) => inputs[2]?.data),
  );
  if (sites.length === 0) return { graph, shifted: 0 };
  const tensors = sites.map(({ tensor }) => tensor);
  const statistics = channelStatistics(graph, tensors, samples, makeExecutor, sampleLimit, onProgress);
  const biases = new Map<Tensor, Float32Array>();
  const biasOf = (node: Node): Float32Array => {
    const tensor = node.inputs[2]!;
    const made = biases.get(tensor) ?? floats(tensor).slice();
    biases.set(tensor, made);
    return made;
  };
  for (const { tensor, source, readers } of sites) {
    const { low, high } = statistics.get(tensor)!;
    const isBounded = matrixOf(source)!.node.attributes.activation.min === 0;
    const shifts = shiftsOf(low, high, isBounded);
    const own = biasOf(source);
    for (let c = 0; c < own.length; c++) own[c] -= shifts[c];
    for (const reader of readers) {
      const { weights, n, k } = matrixOf(reader)!;
      const [w, bias] = [floats(weights), biasOf(reader)];
      for (let row = 0; row < n; row++)
        for (let i = 0; i < k; i++) bias[row] += w[row * k + i] * shifts[i % shifts.length];
    }
  }
  const nodes = graph.nodes.map((node) => {
    const bias = node.inputs[2];
    const data = bias && biases.get(bias);
    return data ? ({ ...node, inputs: [node.inputs[0], node.inputs[1], { ...bias, data }] } as Node) : node;
  });
  return { graph: { ...graph, nodes }, shifted: sites.length };
}

/**
 * The least shifts that leave the tensor no wider than its widest channel: what moves further gains nothing, and what a
 * ReLU bounds from below must not be clipped by samples yet to come.
 */
function shiftsOf(low: Float64Array, high: Float64Array, isBounded: boolean): Float64Array {
  const widest = high.reduce((most, value, c) => Math.max(most, value - low[c]), 0);
  const [floor, ceiling] = isBounded ? [0, widest] : [-widest / 2, widest / 2];
  return high.map((value, c) => Math.max(value - ceiling, Math.min(low[c] - floor, 0)));
}

/** Padding would have to be what is absorbed. */
function isUnpadded(node: Node): boolean {
  if (node.op === "fullyConnected") return true;
  if (node.op !== "conv2d") return false;
  const { top, left, bottom, right } = node.attributes.padding;
  return top + left + bottom + right === 0;
}

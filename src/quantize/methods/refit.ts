/** Layers of a smaller graph, fitted to give what the layers they stand for gave. */

import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { NibbleError } from "../../runtime/errors.ts";
import { checkInputs, type Progress, type Samples } from "../calibrate.ts";
import type { MakeExecutor } from "../executor.ts";
import { type LayerMatrix, matrixOf, patchesOf } from "../layers/matrix.ts";
import { damped, inverseFactor, solve } from "./cholesky.ts";

/** Which channels of which tensor of the larger graph a tensor holds. */
export type Kept = ReadonlyMap<Tensor, { source: Tensor; channels: Int32Array }>;

/** Samples, and patches of each, that layers are fitted to. */
const [sampleLimit, patchLimit] = [64, 48];
/** Wider layers stay as they are. */
const widest = 2048;

/**
 * Fits the weights of all layers by least squares, from the first to the last: on what the smaller graph gives them, to
 * what the larger one's layer made of its own inputs. Operators of both graphs are the same, one after the other.
 *
 * @throws NibbleError "bad-input" for samples that don't fit or are missing.
 */
export function refit(
  large: Graph,
  small: Graph,
  kept: Kept,
  samples: Samples,
  makeExecutor: MakeExecutor,
  onProgress?: Progress,
): Graph {
  let graph = small;
  const layers = small.nodes.flatMap((node, i) => {
    const [layer, source] = [matrixOf(node), matrixOf(large.nodes[i])];
    // What reads the graph's inputs alone reads the same in both.
    return layer && source && layer.k <= widest && !small.inputs.includes(layer.input) ? [i] : [];
  });
  const total = Math.min(sampleLimit, samples.length ?? sampleLimit) * layers.length;
  let done = 0;
  for (const i of layers) {
    const [layer, source] = [matrixOf(graph.nodes[i])!, matrixOf(large.nodes[i])!];
    const [a, b] = [makeExecutor(large), makeExecutor(graph)];
    const sums = leastSquares(layer, source, kept);
    let turn = 0;
    try {
      for (const sample of samples) {
        if (turn >= sampleLimit) break;
        checkInputs(large, sample);
        a.run(sample.inputs);
        b.run(sample.inputs);
        const [z, x] = [
          patchesOf(source, a.read(source.input) as Float32Array, patchLimit, turn),
          patchesOf(layer, b.read(layer.input) as Float32Array, patchLimit, turn),
        ];
        for (const [p, patch] of x.entries()) sums.add(patch, z[p]);
        turn++;
        done++;
        onProgress?.(Math.min(done, total), total);
      }
    } finally {
      a.dispose();
      b.dispose();
    }
    if (turn === 0)
      throw new NibbleError("bad-input", `graph "${large.name}": no samples; fitting layers needs some`);
    const fitted = sums.result();
    graph = { ...graph, nodes: graph.nodes.map((node, j) => (i === j ? fitted : node)) };
  }
  return graph;
}

/** Sums over patches x of the small layer and z of the large one: weights nearest to W z for the W of the large one. */
function leastSquares(layer: LayerMatrix, source: LayerMatrix, kept: Kept) {
  const { node, n, k, groups } = layer;
  const rows = channelsOf(node.outputs[0], kept, n);
  /** The group of the large layer that each of the small one stands for. */
  const sourceGroups =
    groups === source.groups
      ? Int32Array.from({ length: groups }, (_, g) => g)
      : channelsOf(layer.input, kept, groups);
  const [perGroup, wide] = [n / groups, source.k];
  const original = source.weights.data as Float32Array;
  const smaller = layer.weights.data as Float32Array;
  const second = Array.from({ length: groups }, () => new Float64Array(k * k));
  /** Σ t xᵀ of the targets t = W z, and the sums of both. */
  const cross = new Float64Array(n * k);
  const [sumX, sumT] = [new Float64Array(groups * k), new Float64Array(n)];
  let count = 0;
  return {
    add(x: Float64Array, z: Float64Array): void {
      count++;
      for (let g = 0; g < groups; g++) {
        const from = g * k;
        for (let i = 0; i < k; i++) {
          const v = x[from + i];
          sumX[from + i] += v;
          if (v !== 0) for (let j = i; j < k; j++) second[g][i * k + j] += v * x[from + j];
        }
      }
      for (let j = 0; j < n; j++) {
        const g = Math.floor(j / perGroup);
        const from = sourceGroups[g] * wide;
        let target = 0;
        for (let i = 0; i < wide; i++) target += original[source.at(rows[j], i)] * z[from + i];
        sumT[j] += target;
        for (let i = 0; i < k; i++) cross[j * k + i] += target * x[g * k + i];
      }
    },
    result(): Node {
      const bias = node.inputs[2];
      const data = new Float32Array(smaller.length);
      const biases = bias && Float32Array.from(bias.data as Float32Array);
      for (let g = 0; g < groups; g++) {
        const mean = (i: number): number => (bias ? sumX[g * k + i] / count : 0);
        const moments = Float64Array.from({ length: k * k }, (_, at) => {
          const [i, j] = [Math.floor(at / k), at % k];
          return second[g][i <= j ? at : j * k + i] / count - mean(i) * mean(j);
        });
        const factor = inverseFactor(damped(moments, k), k);
        for (let j = g * perGroup; j < (g + 1) * perGroup; j++) {
          const w = Float64Array.from({ length: k }, (_, i) => smaller[layer.at(j, i)]);
          const targetMean = sumT[j] / count;
          const push = w.map((_, i) => {
            let sum = cross[j * k + i] / count - (bias ? targetMean : 0) * mean(i);
            for (let l = 0; l < k; l++) sum -= w[l] * moments[l * k + i];
            return sum;
          });
          const change = factor ? solve(factor, k, push) : new Float64Array(k);
          let shift = targetMean;
          for (let i = 0; i < k; i++) {
            data[layer.at(j, i)] = w[i] + change[i];
            shift -= (w[i] + change[i]) * mean(i);
          }
          if (biases) biases[j] += shift;
        }
      }
      const weights = { ...layer.weights, data };
      return { ...node, inputs: [node.inputs[0], weights, bias ? { ...bias, data: biases! } : null] } as Node;
    },
  };
}

const channelsOf = (tensor: Tensor, kept: Kept, count: number): Int32Array =>
  kept.get(tensor)?.channels ?? Int32Array.from({ length: count }, (_, i) => i);

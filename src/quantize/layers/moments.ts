/** Moments of what enters each layer: how much errors of its weights matter, and which make up for which. */

import type { Graph, Node } from "../../graph/graph.ts";
import { NibbleError } from "../../runtime/errors.ts";
import { checkInputs, type Progress, type Samples } from "../calibrate.ts";
import type { MakeExecutor } from "../executor.ts";
import { type LayerMatrix, patchesOf } from "./matrix.ts";
import { asFloats } from "./rewrite.ts";
import type { RoundedLayer } from "./round.ts";
import { upTo, walksOf } from "./walks.ts";

/**
 * Of one group's inputs: x behind layers that are rounded, z in the float graph. Matrices are k × k. Means are taken
 * out where the layer has a bias, whose they are to correct; otherwise they are 0 here.
 */
export interface Moments {
  /** E[x xᵀ] − E[x] E[x]ᵀ */
  second: Float64Array;
  /** E[x zᵀ] − E[x] E[z]ᵀ */
  cross: Float64Array;
  /** E[x] */
  mean: Float64Array;
  /** E[z] */
  floatMean: Float64Array;
}

/** Patches of one sample that count: neighbours say much the same. */
const patchesPerSample = 64;
const largestK = 6144;

/**
 * Measures and rounds `layers` from the first to the last: each sees inputs that the layers rounded before it made,
 * and is to give what it gave in the float graph.
 *
 * @param before layers that are rounded already
 * @throws NibbleError "unsupported" for layers too wide, "bad-input" for samples that don't fit or are missing.
 */
export function roundInOrder(
  graph: Graph,
  layers: readonly LayerMatrix[],
  before: readonly RoundedLayer[],
  samples: Samples,
  makeExecutor: MakeExecutor,
  round: (layer: LayerMatrix, moments: Moments[]) => RoundedLayer,
  onProgress?: Progress,
): void {
  for (const { node, k } of layers) {
    if (k <= largestK) continue;
    throw new NibbleError(
      "unsupported",
      `${node.op} "${node.name}": second moments of ${k} inputs, up to ${largestK} are taken; give it the method mse`,
    );
  }
  const walks = walksOf(graph, layers);
  const made = new Map(before.map((layer) => [layer.layer.node as Node, layer]));
  const current = (part: Graph): Graph => ({
    ...part,
    nodes: part.nodes.map((node) => (made.has(node) ? asFloats(made.get(node)!) : node)),
  });
  let done = 0;
  for (const walk of walks) {
    const part = upTo(graph, walk);
    // New for each walk: what models remember of the last one would be wrong.
    const float = makeExecutor(part);
    try {
      const rounded = makeExecutor(current(part));
      try {
        const sums = walk.map(momentSums);
        let turn = 0;
        for (const sample of samples) {
          checkInputs(graph, sample);
          float.run(sample.inputs);
          rounded.run(sample.inputs);
          for (const [i, layer] of walk.entries()) {
            const [x, z] = [rounded, float].map((executor) =>
              patchesOf(layer, executor.read(layer.input) as Float32Array, patchesPerSample, turn),
            );
            sums[i].add(x, z);
          }
          turn++;
          done++;
          onProgress?.(done, samples.length && samples.length * walks.length);
        }
        if (turn === 0)
          throw new NibbleError(
            "bad-input",
            `graph "${graph.name}": no samples; second-order methods need at least one`,
          );
        for (const [i, layer] of walk.entries()) made.set(layer.node, round(layer, sums[i].result()));
      } finally {
        rounded.dispose();
      }
    } finally {
      float.dispose();
    }
  }
}

function momentSums(layer: LayerMatrix) {
  const { k, groups, input, node } = layer;
  const hasBias = Boolean(node.inputs[2]);
  const all = Array.from(
    { length: groups },
    (): Moments => ({
      second: new Float64Array(k * k),
      cross: new Float64Array(k * k),
      mean: new Float64Array(k),
      floatMean: new Float64Array(k),
    }),
  );
  let count = 0;
  /** Up to the first rounded layer, `cross` is what `second` is. */
  let isSame = true;
  return {
    add(xs: Float64Array[], zs: Float64Array[]): void {
      count += xs.length;
      if (isSame && !xs.every((x, p) => x.every((value, i) => value === zs[p][i]))) {
        isSame = false;
        for (const { second, cross } of all) cross.set(mirrored(second, k));
      }
      for (const [p, x] of xs.entries())
        for (const [g, { second, cross, mean, floatMean }] of all.entries()) {
          const [from, z] = [g * k, zs[p]];
          for (let i = 0; i < k; i++) {
            const a = x[from + i];
            if (hasBias) {
              mean[i] += a;
              floatMean[i] += z[from + i];
            }
            if (a === 0) continue;
            for (let j = i; j < k; j++) second[i * k + j] += a * x[from + j];
            if (!isSame) for (let j = 0; j < k; j++) cross[i * k + j] += a * z[from + j];
          }
        }
    },
    /** @throws NibbleError "bad-input" where an input was not finite. */
    result(): Moments[] {
      for (const { second, cross, mean, floatMean } of all) {
        mirrored(second, k);
        if (isSame) cross.set(second);
        for (let i = 0; i < k; i++) {
          mean[i] /= count;
          floatMean[i] /= count;
        }
        for (let i = 0; i < k; i++)
          for (let j = 0; j < k; j++) {
            second[i * k + j] = second[i * k + j] / count - mean[i] * mean[j];
            cross[i * k + j] = cross[i * k + j] / count - mean[i] * floatMean[j];
          }
        if (cross.every(Number.isFinite) && second.every(Number.isFinite)) continue;
        throw new NibbleError(
          "bad-input",
          `tensor "${input.name}": the samples give values that are not finite`,
        );
      }
      return all;
    },
  };
}

/** The half above the diagonal below it too, in place. */
function mirrored(matrix: Float64Array, k: number): Float64Array {
  for (let i = 0; i < k; i++) for (let j = 0; j < i; j++) matrix[i * k + j] = matrix[j * k + i];
  return matrix;
}

/** Second moments of what enters each layer: how much errors of its weights matter, and which make up for which. */

import type { Graph } from "../../graph/graph.ts";
import { NibbleError } from "../../runtime/errors.ts";
import { checkInputs, type Progress, type Samples } from "../calibrate.ts";
import type { MakeExecutor } from "../executor.ts";
import { eachPatch, type LayerMatrix } from "./matrix.ts";

/** Σ x xᵀ per group of the layer, each k × k, divided by the number of patches. */
export type Moments = Float64Array[];

/** Patches of one sample that count: neighbours say much the same. */
const patchesPerSample = 64;
/** Layers are measured together as long as their moments stay below this. */
const budget = 256 * 2 ** 20;
const largestK = 6144;

const bytesOf = ({ groups, k }: LayerMatrix): number => groups * k * k * 8;

/**
 * Runs the float graph over `samples`, more than once where the moments of all layers would take too much memory,
 * and hands each layer's moments over; they are not kept.
 *
 * @throws NibbleError "unsupported" for layers too wide, "bad-input" for samples that don't fit or are missing.
 */
export function measureMoments(
  graph: Graph,
  layers: readonly LayerMatrix[],
  samples: Samples,
  makeExecutor: MakeExecutor,
  take: (layer: LayerMatrix, moments: Moments) => void,
  onProgress?: Progress,
): void {
  for (const { node, k } of layers) {
    if (k <= largestK) continue;
    throw new NibbleError(
      "unsupported",
      `${node.op} "${node.name}": second moments of ${k} inputs, up to ${largestK} are taken; give it the method mse`,
    );
  }
  const stretches: LayerMatrix[][] = [];
  let filled = Infinity;
  for (const layer of layers) {
    if (filled + bytesOf(layer) > budget) {
      stretches.push([]);
      filled = 0;
    }
    stretches.at(-1)!.push(layer);
    filled += bytesOf(layer);
  }
  const executor = makeExecutor(graph);
  let done = 0;
  try {
    for (const stretch of stretches) {
      const sums = stretch.map(
        ({ groups, k }): Moments => Array.from({ length: groups }, () => new Float64Array(k * k)),
      );
      const counts = new Float64Array(stretch.length);
      let turn = 0;
      for (const sample of samples) {
        checkInputs(graph, sample);
        executor.run(sample.inputs);
        for (const [i, layer] of stretch.entries()) {
          const x = executor.read(layer.input) as Float32Array;
          eachPatch(layer, x, patchesPerSample, turn, (patch) => {
            counts[i]++;
            for (const [g, sum] of sums[i].entries()) addProducts(sum, patch, g * layer.k, layer.k);
          });
        }
        turn++;
        done++;
        onProgress?.(done, samples.length && samples.length * stretches.length);
      }
      if (turn === 0)
        throw new NibbleError(
          "bad-input",
          `graph "${graph.name}": no samples; second-order methods need at least one`,
        );
      for (const [i, layer] of stretch.entries()) {
        for (const sum of sums[i]) finish(sum, layer.k, counts[i]);
        if (sums[i].some((sum) => !Number.isFinite(sum.reduce((a, b) => a + b, 0))))
          throw new NibbleError(
            "bad-input",
            `tensor "${layer.input.name}": the samples give values that are not finite`,
          );
        take(layer, sums[i]);
      }
    }
  } finally {
    executor.dispose();
  }
}

/** Upper triangle. */
function addProducts(sum: Float64Array, patch: Float64Array, from: number, k: number): void {
  for (let i = 0; i < k; i++) {
    const a = patch[from + i];
    if (a === 0) continue;
    for (let j = i; j < k; j++) sum[i * k + j] += a * patch[from + j];
  }
}

function finish(sum: Float64Array, k: number, count: number): void {
  for (let i = 0; i < k; i++)
    for (let j = i; j < k; j++) {
      sum[i * k + j] /= count;
      sum[j * k + i] = sum[i * k + j];
    }
}

/** One layer's weights: prune → compensate → fit the grid → round. */

import { NibbleError } from "../../runtime/errors.ts";
import { roundLearned } from "../methods/adaround.ts";
import { damped, inverseDiagonal, inverseFactor, solve } from "../methods/cholesky.ts";
import { codebookGrid } from "../methods/codebook.ts";
import { roundInTurn } from "../methods/gptq.ts";
import { type BlockGrid, floatGrid, type Grid, type Importance, uniformGrid } from "../methods/grid.ts";
import { halfQuadraticGrid } from "../methods/hqq.ts";
import { compensate, pruneMask } from "../methods/prune.ts";
import { bitsOf, isStatic, type LayerScheme } from "../schemes.ts";
import { floats } from "../weights.ts";
import type { LayerMatrix } from "./matrix.ts";
import type { Moments } from "./moments.ts";

/** Weights as they are stored, row by row. */
export interface RoundedLayer {
  layer: LayerMatrix;
  scheme: LayerScheme;
  stored: Float64Array;
  /** What to add to each output channel's bias, where it has one. */
  shift?: Float64Array;
  /** Undefined where weights stay floats. */
  grid?: BlockGrid & { codebook?: Int8Array };
  report: WeightReport;
}

/** What became of one layer's weights; errors are against the float weights, whatever the inputs are. */
export interface WeightReport {
  node: string;
  scheme: string;
  method: string;
  /** Signal to quantization noise ratio of the weights in dB; null where they are exact. */
  sqnr: number | null;
  /** Share of the weights that are not 0. */
  density: number;
}

/**
 * @param moments of the inputs, where known: then GPTQ rounds, and pruned weights are made up for
 * @param tick called now and then
 * @throws NibbleError "bad-input" for weights that are not finite.
 */
export function roundLayer(
  layer: LayerMatrix,
  scheme: LayerScheme,
  moments?: readonly Moments[],
  tick?: () => void,
): RoundedLayer {
  const { n, k, at, groups } = layer;
  const original = floats(layer.weights);
  const values = Float64Array.from({ length: n * k }, (_, i) =>
    Number(original[at(Math.floor(i / k), i % k)]),
  );
  const reference = values.slice();
  const hessians = moments?.map(({ second }) => damped(second, k));
  const hessianOf = (row: number): Float64Array | undefined => hessians?.[Math.floor((row * groups) / n)];
  if (moments) follow(layer, values, moments, hessians!);
  const mask = groups === 1 && scheme.prune > 0 ? maskOf(layer, values, scheme, hessians?.[0]) : undefined;

  const factors = factorCache(layer);
  const eachRow = (visit: (row: number, order: Int32Array, h: Float64Array, u: Float64Array) => void) => {
    for (let row = 0; row < n; row++) {
      const h = hessianOf(row)!;
      const { order, factor } = factors(row, h, mask);
      visit(row, order, h, factor);
      tick?.();
    }
  };
  if (mask && hessians)
    eachRow((row, order, h, u) => compensate(values.subarray(row * k, (row + 1) * k), order, h, u));
  else if (mask) for (let i = 0; i < values.length; i++) values[i] *= mask[i];

  const importance: Importance = hessians ? (row, i) => hessianOf(row)![i * k + i] : () => 1;
  const grid = fitGrid(layer, scheme, values, importance, mask !== undefined);
  const stored = new Float64Array(n * k);
  if (hessians && scheme.scheme !== "float32")
    eachRow((row, order, h, u) => {
      const [from, to] = [row * k, (row + 1) * k];
      // What was pruned is stored as zero is.
      for (let i = 0; i < k; i++) stored[from + i] = grid.round(0, row, i);
      const [wanted, into] = [values.subarray(from, to), stored.subarray(from, to)];
      if (scheme.method === "adaround" && isUniform(scheme)) roundLearned(wanted, into, row, order, h, grid);
      else roundInTurn(wanted, into, row, order, u, grid);
    });
  else for (let i = 0; i < stored.length; i++) stored[i] = grid.round(values[i], Math.floor(i / k), i % k);

  const shift = new Float64Array(n);
  let [signal, noise, kept] = [0, 0, 0];
  for (let i = 0; i < stored.length; i++) {
    const found = grid.real(stored[i], Math.floor(i / k), i % k);
    signal += reference[i] ** 2;
    noise += (found - reference[i]) ** 2;
    if (found !== 0) kept++;
    const row = Math.floor(i / k);
    const means = moments?.[Math.floor((row * groups) / n)];
    if (means) shift[row] += reference[i] * means.floatMean[i % k] - found * means.mean[i % k];
  }
  return {
    layer,
    scheme,
    stored,
    ...(moments && layer.node.inputs[2] && { shift }),
    ...("scale" in grid && { grid: grid as BlockGrid }),
    report: {
      node: layer.node.name,
      scheme: scheme.scheme,
      method: scheme.method,
      sqnr: noise === 0 ? null : 10 * Math.log10(Math.max(signal, Number.MIN_VALUE) / noise),
      density: stored.length > 0 ? kept / stored.length : 0,
    },
  };
}

/** Codebooks and floats have no two neighbours a step apart. */
const isUniform = ({ scheme }: LayerScheme): boolean =>
  bitsOf(scheme) !== undefined && !scheme.endsWith("codebook");

/** Moves the weights to where the layer's output on its new inputs is nearest to the float one's on the float inputs. */
function follow(
  layer: LayerMatrix,
  values: Float64Array,
  moments: readonly Moments[],
  hessians: Float64Array[],
): void {
  const { n, k, groups } = layer;
  const order = Int32Array.from({ length: k }, (_, i) => i);
  for (const [g, { second, cross }] of moments.entries()) {
    if (second.every((value, i) => value === cross[i])) continue;
    const factor = factorOf(layer, hessians[g], order);
    for (let row = (g * n) / groups; row < ((g + 1) * n) / groups; row++) {
      const w = values.subarray(row * k, (row + 1) * k);
      const push = Float64Array.from(order, (i) => {
        let sum = 0;
        for (let j = 0; j < k; j++) sum += (cross[i * k + j] - second[i * k + j]) * w[j];
        return sum;
      });
      const change = solve(factor, k, push);
      for (let i = 0; i < k; i++) w[i] += change[i];
    }
  }
}

function maskOf(layer: LayerMatrix, values: Float64Array, scheme: LayerScheme, hessian?: Float64Array) {
  const { n, k } = layer;
  const diagonal =
    hessian &&
    inverseDiagonal(
      factorOf(
        layer,
        hessian,
        Int32Array.from({ length: k }, (_, i) => i),
      ),
      k,
    );
  return pruneMask({ values, n, k }, { share: scheme.prune, block: scheme.pruneBlock }, diagonal);
}

/** The factor of the rows and columns `order` of a k × k matrix. */
function factorOf({ node, k, input }: LayerMatrix, hessian: Float64Array, order: Int32Array): Float64Array {
  const m = order.length;
  const part = new Float64Array(m * m);
  for (let i = 0; i < m; i++) for (let j = 0; j < m; j++) part[i * m + j] = hessian[order[i] * k + order[j]];
  const factor = inverseFactor(part, m);
  if (factor) return factor;
  throw new NibbleError(
    "bad-input",
    `${node.op} "${node.name}": the second moments of "${input.name}" have no Cholesky factor; give other samples, or the method mse`,
  );
}

/** Weights of the same inputs share a factor: those that matter most are rounded first. */
function factorCache(layer: LayerMatrix) {
  const { k } = layer;
  let [known, key]: [Float64Array | undefined, string] = [undefined, ""];
  let last: { order: Int32Array; factor: Float64Array } = {
    order: new Int32Array(0),
    factor: new Float64Array(0),
  };
  return (row: number, hessian: Float64Array, mask: Uint8Array | undefined) => {
    const part = mask?.subarray(row * k, (row + 1) * k);
    const wanted = part ? part.join("") : "";
    if (hessian === known && wanted === key) return last;
    const order = Int32Array.from({ length: k }, (_, i) => i)
      .filter((i) => !part || part[i] === 1)
      .sort((a, b) => hessian[b * k + b] - hessian[a * k + a] || a - b);
    last = { order, factor: factorOf(layer, hessian, order) };
    [known, key] = [hessian, wanted];
    return last;
  };
}

function fitGrid(
  { n, k }: LayerMatrix,
  layer: LayerScheme,
  values: Float64Array,
  importance: Importance,
  isPruned: boolean,
): Grid | BlockGrid {
  const { scheme, method } = layer;
  const bits = bitsOf(scheme);
  if (bits === undefined) return floatGrid(scheme === "float16");
  const isWhole = isStatic(scheme) || scheme === "dynamic-int8";
  const blockSize = isWhole ? Math.ceil(Math.max(1, k) / 8) * 8 : layer.blockSize;
  const rows = { values, n, k };
  // The engine's masks take pruned weights out of the 16 of a static layer.
  if (scheme.endsWith("codebook"))
    return codebookGrid(rows, {
      blockSize,
      importance,
      zero: !isPruned ? "none" : isStatic(scheme) ? "beside" : "among",
    });
  const high = 2 ** (bits - 1) - 1;
  const search = method === "hqq" ? halfQuadraticGrid : uniformGrid;
  return search(rows, {
    blockSize,
    low: bits === 8 ? -high : -high - 1,
    high,
    isAsymmetric: !isWhole && layer.asymmetric,
    clips: method !== "rtn",
    importance,
  });
}

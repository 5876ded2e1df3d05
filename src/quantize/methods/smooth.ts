/** SmoothQuant and AWQ in one: channels that reach far are made smaller before a layer and larger in its weights. */

import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import type { Progress, Samples } from "../calibrate.ts";
import type { MakeExecutor } from "../executor.ts";
import { matrixOf } from "../layers/matrix.ts";
import { bitsOf, isDynamic, isStatic, type LayerScheme } from "../schemes.ts";
import { floats } from "../weights.ts";
import { type ChannelStatistics, channelStatistics } from "./channels.ts";
import { uniformGrid } from "./grid.ts";
import { findSites } from "./sites.ts";

/** Samples that tell how far channels reach. */
const sampleLimit = 64;
/** Exponents of a channel's reach that are tried; 0 leaves everything as it is. */
const exponents = Array.from({ length: 21 }, (_, i) => i / 20);
/** Channels are scaled by no more than this. */
const widest = 2 ** 10;

/**
 * Divides each channel of what a layer, a normalization or a multiplication by a constant makes by a factor, and
 * multiplies the weights that read it, where only layers read it. The factor is reach^a / (reach of the weights)^(1 − a)
 * for int8 activations and rms^a for others, a being the exponent of least expected error: of the activations' grid, a
 * step's variance on every weight, and of the weights' grid, weighted by the channel's mean square.
 *
 * The graph computes what it did up to float rounding; `graph` is not changed, activations are shared with it.
 *
 * @throws NibbleError "bad-input" for samples that don't fit and weights that are not finite.
 */
export function smooth(
  graph: Graph,
  schemes: ReadonlyMap<Node, LayerScheme>,
  samples: Samples,
  makeExecutor: MakeExecutor,
  onProgress?: Progress,
): { graph: Graph; scaled: { tensor: string; exponent: number }[] } {
  const sites = findSites(graph, (node) => {
    const scheme = schemes.get(node)?.scheme;
    return scheme !== undefined && !scheme.startsWith("float");
  });
  if (sites.length === 0) return { graph, scaled: [] };
  const statistics = channelStatistics(
    graph,
    sites.map(({ tensor }) => tensor),
    samples,
    makeExecutor,
    sampleLimit,
    onProgress,
  );
  const copies = new Map<Tensor, Tensor>();
  const copy = (tensor: Tensor): Float32Array => {
    const made = copies.get(tensor) ?? { ...tensor, data: floats(tensor).slice() };
    copies.set(tensor, made);
    return made.data as Float32Array;
  };
  const scaled: { tensor: string; exponent: number }[] = [];
  for (const { tensor, source, readers } of sites) {
    const found = statistics.get(tensor)!;
    const { exponent, factors } = bestFactors(found, readers, schemes);
    if (exponent === 0) continue;
    divide(source, factors, copy);
    for (const { inputs } of readers) {
      const w = copy(inputs[1]!);
      for (let i = 0; i < w.length; i++) w[i] *= factors[i % factors.length];
    }
    scaled.push({ tensor: tensor.name, exponent });
  }
  const nodes = graph.nodes.map(
    (node) => ({ ...node, inputs: node.inputs.map((t) => (t && copies.get(t)) ?? t) }) as Node,
  );
  return { graph: { ...graph, nodes }, scaled };
}

/** Divides the channels that `source` makes. */
function divide(source: Node, factors: Float64Array, copy: (tensor: Tensor) => Float32Array): void {
  const [, weights, bias] = source.inputs;
  const perRow = source.op === "conv2d" || source.op === "fullyConnected";
  if (weights) {
    const w = copy(weights);
    const inner = perRow ? w.length / factors.length : 1;
    for (let i = 0; i < w.length; i++) w[i] /= factors[Math.floor(i / inner) % factors.length];
  }
  if (!bias) return;
  const b = copy(bias);
  for (let c = 0; c < b.length; c++) b[c] /= factors[c];
}

function bestFactors(
  statistics: ChannelStatistics,
  readers: readonly Node[],
  schemes: ReadonlyMap<Node, LayerScheme>,
): { exponent: number; factors: Float64Array } {
  const { reach, meanSquare } = statistics;
  const channels = reach.length;
  const weightReach = new Float64Array(channels);
  for (const { inputs } of readers) {
    const w = floats(inputs[1]!);
    for (let i = 0; i < w.length; i++)
      weightReach[i % channels] = Math.max(weightReach[i % channels], Math.abs(w[i]));
  }
  const isInteger = readers.some((node) => isStatic(schemes.get(node)!.scheme));
  let best = { exponent: 0, factors: new Float64Array(channels).fill(1), error: Infinity };
  for (const exponent of exponents) {
    const factors = Float64Array.from(reach, (r, c) => {
      const w = weightReach[c];
      if (exponent === 0 || r === 0 || w === 0) return 1;
      return isInteger ? r ** exponent / w ** (1 - exponent) : Math.sqrt(meanSquare[c]) ** exponent;
    });
    balance(factors);
    const error = readers.reduce(
      (sum, node) => sum + expectedError(node, factors, statistics, schemes.get(node)!),
      0,
    );
    if (error < best.error * (1 - 1e-9)) best = { exponent, factors, error };
  }
  return best;
}

/** Factors around 1, within `widest`. */
function balance(factors: Float64Array): void {
  const mean = factors.reduce((sum, f) => sum + Math.log(f), 0) / factors.length;
  for (let c = 0; c < factors.length; c++)
    factors[c] = Math.min(widest, Math.max(1 / widest, factors[c] / Math.exp(mean)));
}

/** Expected squared error of a layer's outputs, from the rounding of its activations and of its weights. */
function expectedError(
  node: Node,
  factors: Float64Array,
  { reach, low, high, meanSquare }: ChannelStatistics,
  layer: LayerScheme,
): number {
  const matrix = matrixOf(node)!;
  const { n, k } = matrix;
  const original = floats(matrix.weights);
  const values = Float64Array.from(original, (w, i) => w * factors[i % factors.length]);
  const channels = factors.length;
  let error = 0;
  let step = 0;
  if (isStatic(layer.scheme)) {
    let [min, max] = [0, 0];
    for (let c = 0; c < channels; c++) {
      min = Math.min(min, low[c] / factors[c]);
      max = Math.max(max, high[c] / factors[c]);
    }
    step = (max - min) / 255;
  } else if (isDynamic(layer.scheme)) {
    for (let c = 0; c < channels; c++) step = Math.max(step, (2 * reach[c]) / factors[c] / 254);
  }
  for (let i = 0; i < values.length; i++) error += ((step * step) / 12) * values[i] ** 2;
  const bits = bitsOf(layer.scheme);
  if (bits === undefined) return error;
  const isWhole = isStatic(layer.scheme) || layer.scheme === "dynamic-int8";
  const top = 2 ** (bits - 1) - 1;
  const grid = uniformGrid(
    { values, n, k },
    {
      blockSize: isWhole ? Math.ceil(Math.max(1, k) / 8) * 8 : layer.blockSize,
      low: bits === 8 ? -top : -top - 1,
      high: top,
      isAsymmetric: !isWhole && layer.asymmetric,
      clips: false,
      importance: () => 1,
    },
  );
  for (let row = 0; row < n; row++)
    for (let i = 0; i < k; i++) {
      const c = i % channels;
      const lost = grid.real(grid.round(values[row * k + i], row, i), row, i) - values[row * k + i];
      error += (lost / factors[c]) ** 2 * meanSquare[c];
    }
  return error;
}

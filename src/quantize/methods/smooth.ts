/** SmoothQuant and AWQ in one: channels that reach far are made smaller before a layer and larger in its weights. */

import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import type { Progress, Samples } from "../calibrate.ts";
import type { MakeExecutor } from "../executor.ts";
import { matrixOf } from "../layers/matrix.ts";
import { bitsOf, isDynamic, isStatic, type LayerScheme } from "../schemes.ts";
import { floats } from "../weights.ts";
import { type ChannelStatistics, channelStatistics } from "./channels.ts";
import { uniformGrid } from "./grid.ts";

/** A tensor whose channels can be scaled where they are made, and the layers that read nothing else of it. */
interface Site {
  tensor: Tensor;
  source: Node;
  readers: Node[];
}

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
  const sites = findSites(graph, schemes);
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
  // Keyed by position: schemes belong to the nodes that these stand for.
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

function findSites(graph: Graph, schemes: ReadonlyMap<Node, LayerScheme>): Site[] {
  const readers = new Map<Tensor, Node[]>();
  for (const node of graph.nodes)
    for (const tensor of node.inputs) if (tensor) readers.set(tensor, [...(readers.get(tensor) ?? []), node]);
  const kept = new Set([...graph.outputs, ...(graph.states ?? []).map(({ next }) => next)]);
  const isOwn = (tensor: Tensor | null | undefined): boolean =>
    !tensor || (tensor.data instanceof Float32Array && readers.get(tensor)!.length === 1);
  const takesScale = (node: Node, input: Tensor): boolean => {
    const scheme = schemes.get(node)?.scheme;
    const isRounded = scheme !== undefined && !scheme.startsWith("float");
    const isLayer = node.op === "fullyConnected" || (node.op === "conv2d" && node.attributes.groups === 1);
    return (
      isLayer &&
      isRounded &&
      node.inputs[0] === input &&
      isOwn(node.inputs[1]) &&
      Boolean(node.inputs[1]?.data)
    );
  };
  /** The layers behind `tensor`, where nothing else reads it; reshapes that keep the channels are looked through. */
  const layersBehind = (tensor: Tensor): Node[] | undefined => {
    if (kept.has(tensor)) return undefined;
    const found: Node[] = [];
    for (const node of readers.get(tensor) ?? []) {
      if (takesScale(node, tensor)) found.push(node);
      else if (node.op === "reshape" && node.outputs[0].shape.at(-1) === tensor.shape.at(-1)) {
        const behind = layersBehind(node.outputs[0]);
        if (!behind) return undefined;
        found.push(...behind);
      } else return undefined;
    }
    return found;
  };
  return graph.nodes.flatMap((source): Site[] => {
    const [, weights, bias] = source.inputs;
    const tensor = source.outputs[0];
    const channels = tensor.shape.at(-1) ?? 1;
    if (!isOwn(weights) || !isOwn(bias) || !weights?.data || !scales(source, channels)) return [];
    const behind = layersBehind(tensor);
    const fits = behind?.every(({ inputs }) => inputs[1]!.shape.at(-1) === channels);
    return behind && behind.length > 0 && fits ? [{ tensor, source, readers: behind }] : [];
  });
}

/** Whether what a node makes is divided channel by channel as its constants are. */
function scales(node: Node, channels: number): boolean {
  if (node.op === "normalize") return node.inputs[1]!.data!.length === channels;
  if (node.op === "mul") {
    const [, factor] = node.inputs;
    return factor!.shape.at(-1) === channels && factor!.data!.length === channels && isFree(node.attributes);
  }
  const isLayer = node.op === "conv2d" || node.op === "fullyConnected" || node.op === "depthwiseConv2d";
  return isLayer && isFree(node.attributes);
}

/** Bounds that a positive factor maps onto themselves. */
const isFree = ({ activation: { min, max } }: { activation: { min: number; max: number } }): boolean =>
  (min === 0 || min === -Infinity) && max === Infinity;

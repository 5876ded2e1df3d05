import {
  type Attributes,
  arrayOf,
  type DType,
  elementCount,
  type Graph,
  type Node,
  noActivation,
  type OperatorName,
  type Padding,
  type Quantization,
  type Rounding,
  type Tensor,
  type TensorData,
} from "../../src/graph/graph.ts";

/** The same numbers on every run. */
export interface Random {
  /** A whole number in low…high, both included. */
  int(low: number, high: number): number;
  /** A number in low…high. */
  real(low: number, high: number): number;
  pick<T>(list: readonly T[]): T;
}

export function randomFrom(seed: number): Random {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  const unit = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (low: number, high: number): number => low + Math.floor(unit() * (high - low + 1));
  return {
    int,
    real: (low, high) => low + unit() * (high - low),
    pick: (list) => list[int(0, list.length - 1)]!,
  };
}

export type Kind = "int8" | "uint8" | "float32";

export const quantization = (scale: number | number[], zeroPoint: number, axis = 0): Quantization => {
  const scales = typeof scale === "number" ? [scale] : scale;
  return { scale: Float32Array.from(scales), zeroPoint: new Int32Array(scales.length).fill(zeroPoint), axis };
};

/** An activation; a scale and a zero point for the quantized kinds. */
export function activationTensor(
  name: string,
  kind: DType,
  shape: number[],
  scale = 0.05,
  zeroPoint = 0,
): Tensor {
  const tensor: Tensor = { name, dtype: kind, shape };
  if (kind === "int8" || kind === "uint8") tensor.quantization = quantization(scale, zeroPoint);
  return tensor;
}

export const constantOf = (tensor: Tensor, data: TensorData): Tensor => ({ ...tensor, data });

/** How values are drawn: spread over the type, only its two ends, or nothing but zeros. */
export type Spread = "random" | "extremes" | "zeros" | "special";

const specials = [
  0,
  -0,
  1e-45,
  -1e-45,
  1e-40,
  3.4e38,
  -3.4e38,
  Infinity,
  -Infinity,
  Number.NaN,
  1,
  -1,
  0.5,
  -2.5,
];

export function drawValues(
  random: Random,
  kind: Kind,
  length: number,
  spread: Spread = "random",
): TensorData {
  const [low, high] = kind === "uint8" ? [0, 255] : kind === "int8" ? [-128, 127] : [-4, 4];
  const value = (): number => {
    if (spread === "zeros") return 0;
    if (spread === "extremes") return random.pick([low, high]);
    if (kind !== "float32") return random.int(low, high);
    return spread === "special" && random.int(0, 3) === 0 ? random.pick(specials) : random.real(low, high);
  };
  return (arrayOf(kind) as typeof Float32Array).from({ length }, value);
}

export const node = <K extends OperatorName>(
  op: K,
  inputs: (Tensor | null)[],
  output: Tensor,
  attributes: Attributes[K],
): Node => ({ op, name: output.name, inputs, outputs: [output], attributes }) as unknown as Node;

export function graphOf(nodes: Node[], rounding: Rounding = "single", outputs?: Tensor[]): Graph {
  const made = new Set(nodes.flatMap((n) => n.outputs));
  const read = new Set(nodes.flatMap((n) => n.inputs));
  const inputs = [...read].filter((t): t is Tensor => t !== null && !t.data && !made.has(t));
  return {
    name: "graph",
    nodes,
    inputs,
    outputs: outputs ?? [...made].filter((t) => !read.has(t)),
    rounding,
  };
}

/** A graph together with values for its inputs. */
export interface Case {
  graph: Graph;
  inputs: TensorData[];
}

export function caseOf(random: Random, graph: Graph, spread: Spread = "random"): Case {
  const inputs = graph.inputs.map((t) => drawValues(random, t.dtype as Kind, elementCount(t.shape), spread));
  return { graph, inputs };
}

export const unpadded: Padding = { top: 0, left: 0, bottom: 0, right: 0 };

export interface LayerOptions {
  kind: Kind;
  rounding: Rounding;
  perChannel: boolean;
  /** What the weights' zero point is off the middle of their type. */
  weightOffset: number;
  weights: Spread;
  hasBias: boolean;
  activation: { min: number; max: number };
  zeroPoints: "random" | "lowest" | "highest";
}

const plainLayer: LayerOptions = {
  kind: "int8",
  rounding: "single",
  perChannel: true,
  weightOffset: 0,
  weights: "random",
  hasBias: true,
  activation: noActivation,
  zeroPoints: "random",
};

const zeroPointOf = (random: Random, kind: Kind, which: LayerOptions["zeroPoints"]): number => {
  const low = kind === "uint8" ? 0 : -128;
  if (which === "random") return random.int(low + 40, low + 215);
  return which === "lowest" ? low : low + 255;
};

/** Input, weights, bias and output of a layer whose sums have `k` terms, with scales that keep outputs in range. */
function layerTensors(
  random: Random,
  options: LayerOptions,
  shapes: { x: number[]; w: number[]; y: number[]; n: number; k: number; axis: number },
): { x: Tensor; w: Tensor; bias: Tensor | null; y: Tensor } {
  const { kind, perChannel, weightOffset, zeroPoints } = options;
  const weightCount = elementCount(shapes.w);
  if (kind === "float32") {
    const f32 = (name: string, shape: number[]): Tensor => ({ name, dtype: "float32", shape });
    return {
      x: f32("x", shapes.x),
      w: constantOf(f32("w", shapes.w), drawValues(random, kind, weightCount, options.weights)),
      bias: options.hasBias ? constantOf(f32("b", [shapes.n]), drawValues(random, kind, shapes.n)) : null,
      y: f32("y", shapes.y),
    };
  }
  const xScale = random.real(0.01, 0.05);
  const scales = Array.from({ length: perChannel ? shapes.n : 1 }, () => random.real(0.001, 0.01));
  const reach = 5500 * Math.sqrt(shapes.k);
  const yScale = (xScale * 0.005 * reach) / random.real(20, 90);
  const weights: Tensor = {
    name: "w",
    dtype: kind,
    shape: shapes.w,
    quantization: quantization(scales, (kind === "uint8" ? 128 : 0) + weightOffset, shapes.axis),
    data: drawValues(random, kind, weightCount, options.weights),
  };
  const bias: Tensor = {
    name: "b",
    dtype: "int32",
    shape: [shapes.n],
    data: Int32Array.from({ length: shapes.n }, () => random.int(-reach, reach)),
  };
  return {
    x: activationTensor("x", kind, shapes.x, xScale, zeroPointOf(random, kind, zeroPoints)),
    w: weights,
    bias: options.hasBias ? bias : null,
    y: activationTensor("y", kind, shapes.y, yScale, zeroPointOf(random, kind, zeroPoints)),
  };
}

export interface ConvOptions extends LayerOptions {
  input: [n: number, h: number, w: number, c: number];
  /** Output channels; of a depthwise convolution, channels times multiplier. */
  outputs: number;
  kernel: [number, number];
  stride: [number, number];
  dilation: [number, number];
  padding: Padding;
  groups: number;
}

const plainConv: ConvOptions = {
  ...plainLayer,
  input: [1, 5, 5, 8],
  outputs: 8,
  kernel: [3, 3],
  stride: [1, 1],
  dilation: [1, 1],
  padding: unpadded,
  groups: 1,
};

function windowOutput({ input: [, h, w], kernel, stride, dilation, padding }: ConvOptions): [number, number] {
  const side = (size: number, pad: number, axis: 0 | 1): number =>
    Math.floor((size + pad - (kernel[axis] - 1) * dilation[axis] - 1) / stride[axis]) + 1;
  return [side(h, padding.top + padding.bottom, 0), side(w, padding.left + padding.right, 1)];
}

export function convGraph(random: Random, given: Partial<ConvOptions>): Graph {
  const options = { ...plainConv, ...given };
  const { input, outputs, kernel, stride, dilation, padding, groups, activation } = options;
  const perGroup = input[3] / groups;
  const shapes = {
    x: [...input],
    w: [outputs, ...kernel, perGroup],
    y: [input[0], ...windowOutput(options), outputs],
    n: outputs,
    k: kernel[0] * kernel[1] * perGroup,
    axis: 0,
  };
  const { x, w, bias, y } = layerTensors(random, options, shapes);
  const attributes = { stride, dilation, padding, groups, activation };
  return graphOf([node("conv2d", [x, w, bias], y, attributes)], options.rounding);
}

export function depthwiseGraph(random: Random, given: Partial<ConvOptions>): Graph {
  const options = { ...plainConv, ...given };
  const { input, outputs, kernel, stride, dilation, padding, activation } = options;
  const shapes = {
    x: [...input],
    w: [1, ...kernel, outputs],
    y: [input[0], ...windowOutput(options), outputs],
    n: outputs,
    k: kernel[0] * kernel[1],
    axis: 3,
  };
  const { x, w, bias, y } = layerTensors(random, options, shapes);
  const attributes = { stride, dilation, padding, activation, multiplier: outputs / input[3] };
  return graphOf([node("depthwiseConv2d", [x, w, bias], y, attributes)], options.rounding);
}

export function fullyConnectedGraph(
  random: Random,
  rows: number[],
  n: number,
  k: number,
  given: Partial<LayerOptions>,
): Graph {
  const options = { ...plainLayer, ...given };
  const shapes = { x: [...rows, k], w: [n, k], y: [...rows, n], n, k, axis: 0 };
  const { x, w, bias, y } = layerTensors(random, options, shapes);
  return graphOf(
    [node("fullyConnected", [x, w, bias], y, { activation: options.activation })],
    options.rounding,
  );
}

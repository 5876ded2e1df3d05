import type { Graph, Node, Tensor, TensorData } from "../../graph/graph.ts";
import { fromReal } from "../../samples/convert.ts";
import type { Sample } from "../../samples/sample.ts";
import type { Progress, Samples } from "../calibrate.ts";
import type { MakeExecutor } from "../executor.ts";
import { hasWeights } from "../operators.ts";
import type { StaticInt8 } from "../static-int8.ts";

/** Samples that are enough for the mean of a channel. */
const sampleLimit = 64;
/** Beyond this a bias might leave the accumulator too little room; corrections are a few hundred. */
const biasLimit = 2 ** 30;

/**
 * Bias correction: rounding shifts the mean of what each channel of a layer sums up; the int32 bias takes that shift
 * back. The shift of a channel is Σ w · mean(x) of the float layer less the same of the int8 layer, over the input
 * channels' means on the first 64 samples. Layers are corrected in execution order, each with the ones before it
 * corrected. Changes the biases of `quantized`, in place of which new tensors stand.
 *
 * @returns how many layers were corrected.
 */
export function correctBiases(
  float: Graph,
  quantized: StaticInt8,
  samples: Samples,
  makeExecutor: MakeExecutor,
  onProgress?: Progress,
): number {
  const kept: Sample[] = [];
  for (const sample of samples) {
    if (kept.length >= sampleLimit) break;
    kept.push({ ...sample, inputs: sample.inputs.map((data) => data.slice() as TensorData) });
  }
  const { graph } = quantized;
  const layers = layersOf(float, quantized);
  const expected = means(
    float,
    layers.map(({ source }) => source.inputs[0]!),
    kept.map(({ inputs }) => inputs),
    makeExecutor,
  );
  const inputs = kept.map((sample) =>
    graph.inputs.map((input, i) => {
      const data = sample.inputs[i];
      return data instanceof Float32Array ? fromReal(data, input, sample.name) : data;
    }),
  );
  layers.forEach(({ source, node }, i) => {
    const x = node.inputs[0]!;
    const found = means(graph, [x], inputs, makeExecutor).get(x)!;
    correct(source, node, expected.get(source.inputs[0]!)!, found);
    onProgress?.(i + 1, layers.length);
  });
  return layers.length;
}

/** The int8 layers with the float layers that they stand for. */
function layersOf(float: Graph, { graph, counterparts }: StaticInt8): { source: Node; node: Node }[] {
  const producers = new Map(graph.nodes.map((node) => [node.outputs[0], node]));
  return float.nodes.flatMap((source) => {
    const output = counterparts.get(source.outputs[0]);
    const node = output && producers.get(output);
    const isInt8 = node?.op === source.op && hasWeights(node) && node.inputs[1]?.data instanceof Int8Array;
    return isInt8 ? [{ source, node }] : [];
  });
}

/** Mean of each channel, the last dimension, in real units. */
function means(
  graph: Graph,
  tensors: readonly Tensor[],
  inputs: readonly TensorData[][],
  makeExecutor: MakeExecutor,
): Map<Tensor, Float64Array> {
  const sums = new Map(tensors.map((tensor) => [tensor, new Float64Array(tensor.shape.at(-1) ?? 1)]));
  const executor = makeExecutor(graph);
  try {
    for (const values of inputs) {
      executor.run([...values]);
      for (const [tensor, sum] of sums) {
        const data = executor.read(tensor);
        for (let i = 0; i < data.length; i++) sum[i % sum.length] += Number(data[i]);
      }
    }
  } finally {
    executor.dispose();
  }
  for (const [{ shape, quantization }, sum] of sums) {
    const count = (inputs.length * shape.reduce((n, d) => n * d, 1)) / sum.length;
    const scale = quantization?.scale[0] ?? 1;
    const zeroPoint = quantization?.zeroPoint[0] ?? 0;
    for (let c = 0; c < sum.length; c++) sum[c] = scale * (sum[c] / count - zeroPoint);
  }
  return sums;
}

function correct(source: Node, node: Node, expected: Float64Array, found: Float64Array): void {
  const [x, weights, bias] = node.inputs;
  const scales = weights!.quantization!.scale;
  const real = weighted(source, source.inputs[1]!, expected, () => 1);
  const rounded = weighted(node, weights!, found, (c) => scales[scales.length === 1 ? 0 : c]);
  const scaleOf = (c: number): number => x!.quantization!.scale[0] * scales[scales.length === 1 ? 0 : c];
  const data = new Int32Array(real.length);
  /** Rounding methods that follow the means have moved the int32 bias already. */
  const original = source.inputs[2]?.data;
  for (let c = 0; c < data.length; c++) {
    const before = original ? Math.round(Number(original[c]) / scaleOf(c)) : 0;
    const after = Math.round(before + (real[c] - rounded[c]) / scaleOf(c));
    data[c] = Math.abs(after) < biasLimit ? after : before;
  }
  node.inputs[2] = {
    name: bias?.name ?? `${node.name}/bias`,
    dtype: "int32",
    shape: [data.length],
    quantization: {
      scale: scales.map((scale) => x!.quantization!.scale[0] * scale),
      zeroPoint: new Int32Array(scales.length),
      axis: 0,
    },
    data,
  };
}

/** Σ w · mean(x) of each output channel. */
function weighted(
  node: Node,
  { shape, data }: Tensor,
  mean: Float64Array,
  scaleOf: (channel: number) => number,
): Float64Array {
  const values = data as Float32Array | Int8Array;
  const last = shape[shape.length - 1];
  if (node.op === "depthwiseConv2d") {
    const sums = new Float64Array(last);
    const { multiplier } = node.attributes;
    for (let i = 0; i < values.length; i++)
      sums[i % last] += values[i] * mean[Math.floor((i % last) / multiplier)];
    return sums.map((sum, c) => sum * scaleOf(c));
  }
  const sums = new Float64Array(shape[0]);
  const inner = values.length / shape[0];
  const groups = node.op === "conv2d" ? node.attributes.groups : 1;
  for (let i = 0; i < values.length; i++) {
    const channel = Math.floor(i / inner);
    const group = Math.floor((channel * groups) / shape[0]);
    sums[channel] += values[i] * mean[group * last + (i % last)];
  }
  return sums.map((sum, c) => sum * scaleOf(c));
}

import { arrayOf, elementCount, type Graph, type Tensor, type TensorData } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import type { Sample } from "../samples/sample.ts";
import type { Range } from "./affine.ts";
import type { MakeExecutor } from "./executor.ts";
import { type CalibrationMethod, makeObserver } from "./observers/index.ts";
import type { Observer } from "./observers/observer.ts";

/** Called after each sample; `total` where the samples know their number. */
export type Progress = (done: number, total?: number) => void;

export interface CalibrateOptions {
  /** "min-max" by default. */
  method?: CalibrationMethod;
  /** Share of values the range keeps, in %; 99.99 by default. Only for "percentile". */
  percentile?: number;
  onProgress?: Progress;
}

/** Samples may know how many they are. */
export type Samples = Iterable<Sample> & { readonly length?: number };

/**
 * Runs the float graph over `samples` and returns the range of every float32 activation: graph inputs, states
 * and node outputs.
 *
 * @throws NibbleError "bad-input" where there are no samples, or where a sample does not fit the graph's
 * inputs or makes a NaN or an infinity; names the sample and the tensor.
 */
export function calibrate(
  graph: Graph,
  samples: Samples,
  makeExecutor: MakeExecutor,
  options: CalibrateOptions = {},
): Map<Tensor, Range> {
  const { method = "min-max", percentile = 99.99, onProgress } = options;
  const infinite = infinitePads(graph);
  const observers = new Map<Tensor, Observer>();
  for (const tensor of activations(graph))
    if (!infinite.has(tensor)) observers.set(tensor, makeObserver(method, percentile));

  const executor = makeExecutor(graph);
  let done = 0;
  try {
    for (const sample of samples) {
      checkInputs(graph, sample);
      executor.run(sample.inputs);
      for (const [tensor, observer] of observers) {
        const values = executor.read(tensor) as Float32Array;
        checkFinite(values, tensor, sample);
        observer.observe(values);
      }
      done++;
      onProgress?.(done, samples.length);
    }
  } finally {
    executor.dispose();
  }
  if (done === 0) {
    throw new NibbleError("bad-input", `graph "${graph.name}": no calibration samples; give at least one`);
  }
  const ranges = new Map<Tensor, Range>();
  for (const [tensor, observer] of observers) ranges.set(tensor, observer.range());
  return ranges;
}

/** The float32 tensors that hold computed values, in execution order, each once. */
function activations(graph: Graph): Set<Tensor> {
  const values = (graph.states ?? []).map(({ value }) => value);
  const outputs = graph.nodes.flatMap((node) => node.outputs);
  return new Set(
    [...graph.inputs, ...values, ...outputs].filter((tensor) => tensor.dtype === "float32" && !tensor.data),
  );
}

/** @throws NibbleError "bad-input" naming the sample, the input, and both types or sizes. */
export function checkInputs(graph: Graph, sample: Sample): void {
  if (sample.inputs.length !== graph.inputs.length) {
    throw new NibbleError(
      "bad-input",
      `${sample.name}: expected ${graph.inputs.length} inputs, found ${sample.inputs.length}`,
    );
  }
  graph.inputs.forEach((input, i) => {
    const found = sample.inputs[i];
    const count = elementCount(input.shape);
    if (found instanceof arrayOf(input.dtype) && found.length === count) return;
    throw new NibbleError(
      "bad-input",
      `${sample.name}: input "${input.name}" expected ${count} elements of ${input.dtype} ([${input.shape}]), ` +
        `found ${describe(found)}`,
    );
  });
}

const describe = (data: TensorData): string => `${data.length} of ${data.constructor.name}`;

function checkFinite(values: Float32Array, tensor: Tensor, sample: Sample): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    // NaN for NaN and for either infinity.
    if (value - value === 0) continue;
    throw new NibbleError(
      "bad-input",
      `${sample.name}: tensor "${tensor.name}" is ${value} at element ${i}; calibration needs finite values`,
    );
  }
}

/** Tensors padded with ±∞ hold it by design; they take their range from what is padded. */
function infinitePads(graph: Graph): Set<Tensor> {
  const pads = graph.nodes.filter((node) => node.op === "pad" && !Number.isFinite(node.attributes.value));
  return new Set(pads.map((node) => node.outputs[0]));
}

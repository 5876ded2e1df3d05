import type { Graph, Node, TensorData } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { fromReal } from "../samples/convert.ts";
import type { Sample } from "../samples/sample.ts";
import type { SearchReport } from "../search/report.ts";
import { type Accuracy, accuracy, type Prediction, type Proportion, proportion, topOne } from "./accuracy.ts";
import { checkInputs, type Progress, type Samples } from "./calibrate.ts";
import { errorHistogram } from "./error-histogram.ts";
import type { Executor, MakeExecutor } from "./executor.ts";
import { type Fidelity, fidelityMeter, realValues } from "./fidelity.ts";
import type { WeightReport } from "./layers/round.ts";
import type { NearestReport } from "./nearest.ts";
import type { ShiftReport } from "./shifts.ts";
import { constantBytes } from "./sizes.ts";
import type { StaticInt8 } from "./static-int8.ts";

/** One output of one operator of the float graph. */
export interface LayerReport extends Fidelity {
  node: string;
  op: Node["op"];
  tensor: string;
  dtype: string;
  /** Of quantized tensors. */
  scale?: number;
  zeroPoint?: number;
  /** Of the operator's constants, before and after as they run, and as the file stores them where that was asked for. */
  bytes?: { float: number; quantized: number; stored?: number };
  /** Errors in steps of quantized tensors: −4…4 in 32 equal bins, the ends open. */
  errors?: number[];
  /** Microseconds of the operator by itself, where it was quantized; where that was asked for. */
  micros?: number;
  /**
   * What the outputs suffer where this layer alone has its scheme and all else is float: divergence of the scores in
   * nats, or noise over power. Of layers with weights, where that was asked for.
   */
  sensitivity?: number;
}

/** A sample that float and quantized graph put into different classes. */
interface Disagreement {
  sample: string;
  float: number;
  quantized: number;
  label?: number;
}

/** Where a report comes from. */
export interface Provenance {
  source: { file: string; sha256: string };
  /** Over the calibration samples' input values, in order. */
  calibration?: { samples: number; sha256: string };
  options: Record<string, unknown>;
}

/** What quantization cost, measured by running both graphs; plain JSON. */
export interface Report {
  graph: string;
  samples: number;
  /** In execution order; errors of earlier layers are part of each figure. */
  layers: LayerReport[];
  outputs: ({ tensor: string } & Fidelity)[];
  /** Operators that stayed float, and why. */
  float: { node: string; reason: string }[];
  /** Of layers that were rounded by a scheme's own methods. */
  weights?: WeightReport[];
  /** Channels, of those that could be removed, before and after, where that was asked for. */
  channels?: { before: number; after: number };
  /** How often both graphs name the same class; for graphs whose first output is one vector of scores. */
  agreement?: Proportion;
  /** The samples behind what is missing from `agreement`, the first 500. */
  disagreements?: Disagreement[];
  /** The same schemes by nearest values, where second-order methods rounded and nothing was trained. */
  nearest?: NearestReport;
  /** On inputs unlike the calibration samples, where that was asked for. */
  shifts?: ShiftReport[];
  provenance?: Provenance;
  /** What was tried, where schemes were searched for. */
  search?: SearchReport;
  /** Against the labels of those samples that have one. */
  accuracy?: { float: Accuracy; quantized: Accuracy };
}

const disagreementLimit = 500;

export interface CompareOptions {
  /** Samples to compare on at most. */
  limit?: number;
  /** A class that `accuracy` is also given without, such as silence. */
  withoutLabel?: number;
  onProgress?: Progress;
}

/**
 * Runs the float and the quantized graph side by side.
 *
 * @throws NibbleError "bad-input" where there are no samples, or where one does not fit the graph's inputs.
 */
export function compare(
  float: Graph,
  quantized: StaticInt8,
  samples: Samples,
  makeExecutor: MakeExecutor,
  options: CompareOptions = {},
): Report {
  const { limit = Infinity, withoutLabel, onProgress } = options;
  const layers = measuredLayers(float, quantized);
  const outputs = float.outputs.flatMap((tensor, i) => {
    const counterpart = quantized.graph.outputs[i];
    return tensor.dtype === "float32" ? [{ tensor, counterpart, meter: fidelityMeter(counterpart) }] : [];
  });
  const scores = hasScores(float) ? outputs[0] : undefined;
  const reference: Prediction[] = [];
  const candidate: Prediction[] = [];
  const disagreements: Disagreement[] = [];
  let agreed = 0;
  let done = 0;

  const a = makeExecutor(float);
  let b: Executor | undefined;
  try {
    b = makeExecutor(quantized.graph);
    const total = samples.length === undefined ? undefined : Math.min(limit, samples.length);
    for (const sample of samples) {
      if (done >= limit) break;
      checkInputs(float, sample);
      a.run(sample.inputs);
      b.run(quantizedInputs(quantized.graph, sample));
      for (const { tensor, counterpart, meter } of [...layers, ...outputs]) {
        meter.add(a.read(tensor) as Float32Array, b.read(counterpart));
      }
      for (const { tensor, counterpart, errors } of layers)
        errors?.add(a.read(tensor) as Float32Array, b.read(counterpart));
      if (scores) {
        const expected = topOne(a.read(scores.tensor) as Float32Array);
        const found = topOne(realValues(scores.counterpart, b.read(scores.counterpart)));
        if (expected === found) agreed++;
        else if (disagreements.length < disagreementLimit)
          disagreements.push({
            sample: sample.name,
            float: expected,
            quantized: found,
            ...(sample.label !== undefined && { label: sample.label }),
          });
        if (sample.label !== undefined) {
          reference.push({ label: sample.label, predicted: expected });
          candidate.push({ label: sample.label, predicted: found });
        }
      }
      done++;
      onProgress?.(done, total);
    }
  } finally {
    a.dispose();
    b?.dispose();
  }
  if (done === 0) {
    throw new NibbleError("bad-input", `graph "${float.name}": no samples to compare on; give at least one`);
  }
  return {
    graph: float.name,
    samples: done,
    layers: layers.map(({ node, tensor, counterpart, meter, errors, bytes }) => ({
      node: node.name,
      op: node.op,
      tensor: tensor.name,
      dtype: counterpart.dtype,
      ...(counterpart.quantization && {
        scale: counterpart.quantization.scale[0],
        zeroPoint: counterpart.quantization.zeroPoint[0],
      }),
      ...meter.result(),
      ...(bytes && { bytes }),
      ...(errors && { errors: errors.counts }),
    })),
    outputs: outputs.map(({ tensor, meter }) => ({ tensor: tensor.name, ...meter.result() })),
    float: quantized.float,
    ...(scores && { agreement: proportion(agreed, done), disagreements }),
    ...(reference.length > 0 && {
      accuracy: { float: accuracy(reference, withoutLabel), quantized: accuracy(candidate, withoutLabel) },
    }),
  };
}

function measuredLayers(float: Graph, { graph, counterparts }: StaticInt8) {
  const producers = new Map(
    graph.nodes.flatMap((node) => node.outputs.map((tensor) => [tensor, node] as const)),
  );
  return float.nodes.flatMap((node) =>
    node.outputs.flatMap((tensor) => {
      const counterpart = counterparts.get(tensor);
      if (!counterpart) return [];
      const producer = producers.get(counterpart);
      const before = constantBytes(node);
      const bytes = producer && before > 0 && { float: before, quantized: constantBytes(producer) };
      return [
        {
          node,
          tensor,
          counterpart,
          bytes,
          meter: fidelityMeter(counterpart),
          errors: errorHistogram(counterpart),
        },
      ];
    }),
  );
}

/** Whether the first output is a single vector of at least two scores. */
function hasScores({ outputs }: Graph): boolean {
  const output = outputs[0];
  return output?.dtype === "float32" && output.shape.filter((d) => d !== 1).length === 1;
}

/** The sample's float inputs in the types of the quantized graph's. */
const quantizedInputs = (graph: Graph, sample: Sample): TensorData[] =>
  graph.inputs.map((input, i) => {
    const data = sample.inputs[i];
    return data instanceof Float32Array ? fromReal(data, input, sample.name) : data;
  });

import { elementCount } from "../graph/graph.ts";
import {
  type Accuracy,
  accuracy,
  type Prediction,
  type Proportion,
  proportion,
  topOne,
} from "../quantize/accuracy.ts";
import type { Progress, Samples } from "../quantize/calibrate.ts";
import { decibels } from "../quantize/fidelity.ts";
import { NibbleError } from "../runtime/errors.ts";
import type { Model } from "../runtime/model.ts";
import type { TensorInfo } from "../runtime/tensor.ts";
import type { Sample } from "../samples/sample.ts";

/** Two models on the same samples; plain JSON. */
export interface Comparison {
  samples: number;
  /** How far the outputs of `b` are from those of `a`, in dB; null where they are equal. */
  outputs: { a: string; b: string; sqnr: number | null; maxError: number }[];
  /** How often both name the same class; where the first outputs are vectors of scores. */
  agreement?: Proportion;
  /** On the samples that have a label. */
  accuracy?: { a: Accuracy; b: Accuracy };
}

/**
 * Runs two models side by side. `samplesA` and `samplesB` are the same samples in the types of either's inputs.
 *
 * @throws NibbleError "bad-input" for outputs of different sizes, or no samples.
 */
export function compareModels(
  a: Model,
  b: Model,
  samplesA: Samples,
  samplesB: Samples,
  onProgress?: Progress,
): Comparison {
  const pairs = pairOutputs(a, b);
  const sums = pairs.map(() => ({ signal: 0, noise: 0, maxError: 0 }));
  const isClassifier = a.outputs[0]!.shape.filter((d) => d !== 1).length === 1;
  const [first, second]: [Prediction[], Prediction[]] = [[], []];
  let agreed = 0;
  let done = 0;
  const others = samplesB[Symbol.iterator]();
  for (const sample of samplesA) {
    const other = others.next().value as Sample;
    const foundA = a.run(inputsOf(a, sample));
    const realA = pairs.map(([x]) => real(x, foundA[x.name] as ArrayLike<number>));
    const foundB = b.run(inputsOf(b, other));
    const realB = pairs.map(([, y]) => real(y, foundB[y.name] as ArrayLike<number>));
    sums.forEach((sum, i) => {
      const [x, y] = [realA[i]!, realB[i]!];
      for (let k = 0; k < x.length; k++) {
        const error = Math.abs(x[k]! - y[k]!);
        sum.signal += x[k]! * x[k]!;
        sum.noise += error * error;
        sum.maxError = Math.max(sum.maxError, error);
      }
    });
    if (isClassifier) {
      const [one, two] = [topOne(realA[0]!), topOne(realB[0]!)];
      if (one === two) agreed++;
      if (sample.label !== undefined) {
        first.push({ label: sample.label, predicted: one });
        second.push({ label: sample.label, predicted: two });
      }
    }
    done++;
    onProgress?.(done, samplesA.length);
  }
  if (done === 0) throw new NibbleError("bad-input", "no samples to compare on; give at least one");
  return {
    samples: done,
    outputs: pairs.map(([x, y], i) => {
      const { signal, noise, maxError } = sums[i]!;
      return { a: x.name, b: y.name, sqnr: noise === 0 ? null : decibels(signal / noise), maxError };
    }),
    ...(isClassifier && { agreement: proportion(agreed, done) }),
    ...(first.length > 0 && { accuracy: { a: accuracy(first), b: accuracy(second) } }),
  };
}

/** Outputs are paired by their order; names differ between sources. */
function pairOutputs(a: Model, b: Model): [TensorInfo, TensorInfo][] {
  const sizes = ({ outputs }: Model) =>
    outputs.map(({ name, shape }) => `"${name}" [${shape.join(", ")}]`).join(", ");
  const isSame =
    a.outputs.length === b.outputs.length &&
    a.outputs.every(({ shape }, i) => elementCount(shape) === elementCount(b.outputs[i]!.shape));
  if (!isSame)
    throw new NibbleError(
      "bad-input",
      `the models' outputs don't match: expected ${sizes(a)} of both, found ${sizes(b)}`,
    );
  return a.outputs.map((output, i) => [output, b.outputs[i]!]);
}

const inputsOf = ({ inputs }: Model, sample: Sample) =>
  Object.fromEntries(inputs.map(({ name }, i) => [name, sample.inputs[i]!]));

/** Values in real units, a copy: the model reuses its memory. */
export const real = ({ scale, zeroPoint }: TensorInfo, data: ArrayLike<number>): Float64Array =>
  Float64Array.from(data, (value) => (scale === 0 ? Number(value) : scale * (Number(value) - zeroPoint)));

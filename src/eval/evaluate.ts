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
import { NibbleError } from "../runtime/errors.ts";
import type { Model } from "../runtime/model.ts";

export interface EvaluateOptions {
  /** Name of each class, in the order of the output's values. */
  labels?: readonly string[];
  /** A class that accuracy is also given without, such as silence. */
  without?: number;
  onProgress?: Progress;
}

export interface ClassResult {
  index: number;
  label: string;
  /** Share of the class's samples that the model names right. */
  recall: Proportion;
}

/** How well a classifier does on labelled samples; plain JSON. */
export interface Evaluation {
  samples: number;
  accuracy: Accuracy;
  /** Classes that have samples. */
  classes: ClassResult[];
  /** How often samples of class `label` were called `predicted`: confusion[label][predicted]. */
  confusion: number[][];
}

/**
 * Top-1 accuracy of a model with one vector of scores as its first output.
 *
 * @throws NibbleError "bad-input" for samples without a label, labels outside the output, or no samples.
 * @example
 * const samples = openSamples("clips", [{ name: "x", dtype: "float32", shape: [1, 49, 40] }], { labels });
 * console.log(evaluate(model, samples, { labels }).accuracy.all.share);
 */
export function evaluate(model: Model, samples: Samples, options: EvaluateOptions = {}): Evaluation {
  const { labels, without, onProgress } = options;
  const scores = model.outputs[0]!;
  const count = elementCount(scores.shape);
  if (count < 2)
    throw new NibbleError(
      "bad-input",
      `output "${scores.name}": expected one score per class, found a single value`,
    );
  const predictions: Prediction[] = [];
  for (const sample of samples) {
    const { label, name } = sample;
    if (label === undefined)
      throw new NibbleError(
        "bad-input",
        `${name}: its class is not known; put it into a folder named after its class, and name the classes in a labels file`,
      );
    if (label < 0 || label >= count)
      throw new NibbleError(
        "bad-input",
        `${name}: expected a class below ${count}, the size of output "${scores.name}", found ${label}`,
      );
    const values = Object.fromEntries(model.inputs.map((input, i) => [input.name, sample.inputs[i]!]));
    // Samples are independent of each other.
    model.reset();
    const found = model.run(values)[scores.name] as ArrayLike<number>;
    predictions.push({ label, predicted: topOne(found) });
    onProgress?.(predictions.length, samples.length);
  }
  if (predictions.length === 0)
    throw new NibbleError("bad-input", "no samples to evaluate on; give at least one");

  const confusion = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  for (const { label, predicted } of predictions) confusion[label]![predicted]!++;
  const classes = confusion.flatMap((row, index) => {
    const total = row.reduce((sum, n) => sum + n, 0);
    return total === 0
      ? []
      : [{ index, label: labels?.[index] ?? String(index), recall: proportion(row[index]!, total) }];
  });
  return { samples: predictions.length, accuracy: accuracy(predictions, without), classes, confusion };
}

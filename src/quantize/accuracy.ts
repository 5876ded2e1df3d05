/** A share with its 95 % confidence interval. */
export interface Proportion {
  correct: number;
  total: number;
  share: number;
  low: number;
  high: number;
}

/** Two-sided 95 % quantile of the normal distribution. */
const z = 1.959963984540054;

/**
 * `correct` of `total` with the Wilson score interval, which stays inside 0…1 and holds for few samples
 * and shares near the ends. All zero bounds 0…1 for a total of 0.
 */
export function proportion(correct: number, total: number): Proportion {
  if (!(correct >= 0 && correct <= total)) {
    throw new RangeError(`"correct" expected 0…${total}, got ${correct}`);
  }
  if (total === 0) return { correct, total, share: 0, low: 0, high: 1 };
  const share = correct / total;
  const spread = z * Math.sqrt((share * (1 - share)) / total + (z * z) / (4 * total * total));
  const centre = share + (z * z) / (2 * total);
  const scale = 1 + (z * z) / total;
  return {
    correct,
    total,
    share,
    low: correct === 0 ? 0 : (centre - spread) / scale,
    high: correct === total ? 1 : (centre + spread) / scale,
  };
}

/** Index of the largest score; the first of equals. */
export function topOne(scores: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i] > scores[best]) best = i;
  return best;
}

/** One answer of a classifier. */
export interface Prediction {
  label: number;
  predicted: number;
}

export interface Accuracy {
  all: Proportion;
  /** Over the samples of all other classes, where a class was named. */
  without?: Proportion;
}

/** Top-1 accuracy, and once more without the samples whose label is `without`. */
export function accuracy(predictions: readonly Prediction[], without?: number): Accuracy {
  const over = (list: readonly Prediction[]) =>
    proportion(list.filter(({ label, predicted }) => label === predicted).length, list.length);
  const all = over(predictions);
  return without === undefined
    ? { all }
    : { all, without: over(predictions.filter((p) => p.label !== without)) };
}

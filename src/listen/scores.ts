import type { TensorData } from "../graph/graph.ts";
import type { TensorInfo } from "../runtime/tensor.ts";
import type { ListeningHints } from "./model.ts";

export interface ScoreSettings {
  labels: readonly string[];
  kind: NonNullable<ListeningHints["scores"]>;
  /** One per label. */
  thresholds: readonly number[];
  smoothing: number;
  /** Samples. */
  cooldown: number;
}

/**
 * From a model's outputs to detections: each label's score is averaged over the last inferences; the highest one that
 * reaches its threshold is a detection, unless one was less than the cooldown ago or the label's score has stayed
 * above its threshold since it was last detected. Allocates nothing.
 */
export interface Scores {
  /** One per label: of the last inference, and averaged. Live views. */
  readonly newest: Float32Array;
  readonly averages: Float32Array;
  /** Takes in the outputs of the inference that ended at sample `place`; the label detected, or −1. */
  update(values: TensorData, info: TensorInfo, place: number): number;
  setThresholds(thresholds: readonly number[]): void;
  /** Forgets the scores; the cooldown goes on, so that a gate can't make one word two. */
  forget(): void;
  reset(): void;
}

export function createScores(settings: ScoreSettings): Scores {
  const { labels, kind, smoothing, cooldown } = settings;
  let { thresholds } = settings;
  const count = labels.length;
  const history = new Float32Array(count * smoothing);
  const newest = new Float32Array(count);
  const averages = new Float32Array(count);
  const armed = new Uint8Array(count).fill(1);
  let slot = 0;
  let quietUntil = 0;

  const clear = (): void => {
    history.fill(0);
    newest.fill(0);
    averages.fill(0);
    slot = 0;
  };
  return {
    newest,
    averages,
    update(values, { scale, zeroPoint }, place) {
      for (let i = 0; i < count; i++) {
        const value = Number(values[i]);
        newest[i] = scale ? scale * (value - zeroPoint) : value;
      }
      normalize(newest, kind);
      history.set(newest, slot * count);
      slot = (slot + 1) % smoothing;
      let best = -1;
      for (let i = 0; i < count; i++) {
        // A sum that is carried on would drift over days.
        let sum = 0;
        for (let s = i; s < history.length; s += count) sum += history[s];
        averages[i] = sum / smoothing;
        if (!(averages[i] >= thresholds[i])) armed[i] = 1;
        else if (armed[i] && (best < 0 || averages[i] > averages[best])) best = i;
      }
      if (best < 0 || place < quietUntil) return -1;
      armed[best] = 0;
      quietUntil = place + cooldown;
      return best;
    },
    setThresholds(given) {
      thresholds = given;
    },
    forget: clear,
    reset() {
      clear();
      armed.fill(1);
      quietUntil = 0;
    },
  };
}

function normalize(scores: Float32Array, kind: ScoreSettings["kind"]): void {
  if (kind === "probabilities") return;
  if (kind === "logistic") {
    for (let i = 0; i < scores.length; i++) scores[i] = 1 / (1 + Math.exp(-scores[i]));
    return;
  }
  let highest = -Infinity;
  for (let i = 0; i < scores.length; i++) highest = Math.max(highest, scores[i]);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) sum += scores[i] = Math.exp(scores[i] - highest);
  for (let i = 0; i < scores.length; i++) scores[i] /= sum;
}

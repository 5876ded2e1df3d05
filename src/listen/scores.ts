import type { TensorData } from "../graph/graph.ts";
import type { TensorInfo } from "../runtime/tensor.ts";
import type { ListeningHints } from "./model.ts";

export interface ScoreSettings {
  labels: readonly string[];
  kind: NonNullable<ListeningHints["scores"]>;
  /** One per label. */
  thresholds: readonly number[];
  smoothing: number;
  /** Inferences in a row led by one label after which half of its threshold will do; Infinity: never. */
  steady: number;
  /** Samples. */
  cooldown: number;
}

/**
 * From a model's outputs to detections: each label's score is averaged over the last inferences; the highest one that
 * reaches its threshold, or has led steadily at half of it, is a detection, unless one was less than the cooldown ago or the
 * label's score has stayed up since it was last detected. Allocates nothing.
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
  const { labels, kind, smoothing, steady, cooldown } = settings;
  let { thresholds } = settings;
  const count = labels.length;
  const history = new Float32Array(count * smoothing);
  const newest = new Float32Array(count);
  const averages = new Float32Array(count);
  const armed = new Uint8Array(count).fill(1);
  let slot = 0;
  let quietUntil = 0;
  // What may be enough must be over before the label can be heard again.
  const low = steady < Infinity ? 0.5 : 1;
  let leader = 0;
  let led = 0;

  const clear = (): void => {
    history.fill(0);
    newest.fill(0);
    averages.fill(0);
    slot = led = 0;
  };
  /** Counts the inferences in a row that this label has led with half of its threshold. */
  const follow = (): void => {
    let first = 0;
    for (let i = 1; i < count; i++) if (newest[i] > newest[first]) first = i;
    if (first !== leader) led = 0;
    leader = first;
    led = newest[first] >= 0.5 * thresholds[first] ? led + 1 : 0;
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
      follow();
      let best = -1;
      for (let i = 0; i < count; i++) {
        // A sum that is carried on would drift over days.
        let sum = 0;
        for (let s = i; s < history.length; s += count) sum += history[s];
        averages[i] = sum / smoothing;
        if (averages[i] >= thresholds[i] || (i === leader && led >= steady)) {
          if (armed[i] && (best < 0 || averages[i] > averages[best])) best = i;
        } else if (!(averages[i] >= low * thresholds[i])) armed[i] = 1;
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

import { createResampler, type Resampler } from "../audio/resample.ts";
import { elementCount } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { type GateOptions, makeGate } from "./make-gate.ts";
import { type ListeningHints, type ListeningModel, readHints } from "./model.ts";
import { createRing } from "./ring.ts";
import { createScores } from "./scores.ts";
import { createTickTimer, createTimer, type Timer } from "./timer.ts";
import { createTrack, type Track } from "./track.ts";

/** A word that was heard. */
export interface Detection {
  label: string;
  /** Averaged, 0…1. */
  score: number;
  /** Seconds of audio from the start, or the last reset, to the end of the window in which it was heard. */
  time: number;
}

/** The listener's own, changed by the next inference; copy what must stay. */
export interface ScoreUpdate {
  labels: readonly string[];
  /** One per label, 0…1: of this inference, and averaged over the last ones. */
  scores: Float32Array;
  averages: Float32Array;
  /** Seconds of audio to the end of the inference's window. */
  time: number;
}

export interface ListenerOptions extends Omit<ListeningHints, "threshold" | "title"> {
  /** For all labels, or by label; 0.5. */
  threshold?: number | Readonly<Record<string, number>>;
  /** One per output of the model; those of its file when absent. */
  labels?: readonly string[];
  gate?: GateOptions;
  /** Inferences at most in one push; the rest follow with later ones. For threads that must not be held up. */
  burst?: number;
  /** How inferences are timed for the statistics. */
  timer?: Timer;
  onDetect?(detection: Detection): void;
  onScore?(update: ScoreUpdate): void;
}

export interface ListenerStatistics {
  /** Seconds of audio taken in. */
  seconds: number;
  /** Inferences of the listening model, and places at which a closed gate spared one. */
  inferences: number;
  spared: number;
  detections: number;
  /** Samples that were lost because inferences took longer than the audio, or could not be caught up with. */
  dropped: number;
  /** Milliseconds per inference of the listening model: mean, and longest; NaN before the first was timed. */
  inferenceTime: number;
  longestInference: number;
  /** Time in all inferences, the gate's too, as a share of the audio's duration; NaN as above. */
  load: number;
  /** Bytes of both models' linear memories and of the samples kept. */
  bytes: number;
  /** Whether the listening model is running; always true without a gate. */
  isOpen: boolean;
}

export interface Listener {
  readonly labels: readonly string[];
  /** Hertz of the samples that the models take. */
  readonly sampleRate: number;
  /**
   * Takes samples, −1…1, as many as there are, of any sample rate.
   * @throws TypeError after close(), RangeError where the rate is not a whole number of hertz.
   */
  push(samples: Float32Array, sampleRate?: number): void;
  /** For all labels, or by label, from the next inference on. */
  setThreshold(threshold: number | Readonly<Record<string, number>>): void;
  /** Forgets everything heard and the statistics. */
  reset(): void;
  /** A fresh object. */
  statistics(): ListenerStatistics;
  /** Lets go of the models; it does not dispose of them. */
  close(): void;
}

const slice = 512;
const slackSeconds = 2;

/**
 * Feeds samples of any count to a model that takes them by windows, and turns its outputs into detections.
 * @throws NibbleError "unsupported" where the model does not take samples, "bad-input" where labels do not fit it.
 * @example
 * const listener = createListener(model, { threshold: 0.8, onDetect: ({ label }) => console.log(label) });
 * listener.push(samples, 16000);
 */
export function createListener(model: ListeningModel, options: ListenerOptions = {}): Listener {
  const { window, labels: storedLabels, listen } = readHints(model);
  const hints: ListeningHints = { ...listen, ...definedIn(options) };
  const { sampleRate = 16000, hop = window, warmUp = 0, cooldown = 1000 } = hints;
  for (const [name, value] of Object.entries({
    sampleRate,
    hop,
    smoothing: hints.smoothing ?? 1,
    steady: hints.steady ?? 1,
  }))
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`"${name}" expected a whole number of at least 1, got ${value}`);
  const labels = fittingLabels(model, options.labels ?? storedLabels);
  const samplesOf = (milliseconds: number): number => Math.round((milliseconds * sampleRate) / 1000);
  const timer = options.timer ?? defaultTimer();
  const { gate: gateOptions, burst = Number.POSITIVE_INFINITY, onDetect, onScore } = options;
  const lead =
    gateOptions?.lead === undefined
      ? Math.max(samplesOf(600), window + warmUp * hop)
      : samplesOf(gateOptions.lead);

  const gateWindow = gateOptions?.model ? readHints(gateOptions.model).window : 0;
  const ring = createRing(Math.max(window, gateWindow) + lead + slackSeconds * sampleRate);
  const track = createTrack(model, ring, { window, hop, warmUp, timer });
  const hold = samplesOf(gateOptions?.hold ?? 600);
  const gate = gateOptions && makeGate(gateOptions, ring, { lead, hold, sampleRate, timer });
  const scores = createScores({
    labels,
    kind: hints.scores ?? "probabilities",
    thresholds: thresholdsOf(options.threshold ?? listen?.threshold),
    smoothing: hints.smoothing ?? 1,
    steady: hints.steady ?? Number.POSITIVE_INFINITY,
    cooldown: samplesOf(cooldown),
  });
  const [outputInfo] = model.outputs;
  const output = model.output();
  const update: ScoreUpdate = { labels, scores: scores.newest, averages: scores.averages, time: 0 };

  let inputRate = sampleRate;
  let resample: Resampler | undefined;
  let isClosed = false;
  let isOpen = gate === undefined;
  let closedAt = 0;
  let spared = 0;
  let detections = 0;
  let dropped = 0;

  function thresholdsOf(threshold: ListenerOptions["threshold"]): number[] {
    const of = (label: string): number | undefined =>
      typeof threshold === "object" ? threshold[label] : threshold;
    return labels.map((label) =>
      hints.ignore?.includes(label) ? Number.POSITIVE_INFINITY : (of(label) ?? 0.5),
    );
  }

  /** Runs what can be run; answers how many inferences are left of `budget`. */
  function advance(budget: number): number {
    let left = budget;
    gate?.advance();
    for (;;) {
      if (gate && !isOpen) {
        if (gate.openUntil <= closedAt) {
          for (; track.next <= gate.decided; spared++) track.skip();
          return left;
        }
        isOpen = true;
        const from = track.next;
        track.restart(Math.max(gate.opened, ring.end - ring.capacity + window));
        spared -= Math.max(0, (from - track.next) / hop);
        scores.forget();
      }
      if (track.next > ring.end || left <= 0) return left;
      if (gate && track.next > gate.openUntil) {
        if (track.next > gate.decided) return left;
        isOpen = false;
        closedAt = gate.openUntil;
        continue;
      }
      left--;
      const place = track.next;
      if (track.step()) hear(place);
    }
  }

  function hear(place: number): void {
    const heard = scores.update(output, outputInfo, place);
    update.time = place / sampleRate;
    onScore?.(update);
    if (heard < 0) return;
    detections++;
    onDetect?.({ label: labels[heard], score: scores.averages[heard], time: update.time });
  }

  function makeRoom(count: number): void {
    const oldest = ring.end + count - ring.capacity;
    const from = track.next;
    if (oldest <= from - window) return;
    track.restart(oldest + window);
    dropped += track.next - from;
    scores.forget();
  }

  return {
    labels,
    sampleRate,
    push(samples, rate = sampleRate) {
      if (isClosed) throw new TypeError("the listener has been closed");
      if (rate !== inputRate) {
        resample = rate === sampleRate ? undefined : createResampler(rate, sampleRate);
        inputRate = rate;
      }
      const heard = resample ? resample(samples) : samples;
      let budget = burst;
      for (let at = 0; at < heard.length; at += slice) {
        const part = heard.length <= slice ? heard : heard.subarray(at, at + slice);
        makeRoom(part.length);
        ring.write(part);
        budget = advance(budget);
      }
    },
    setThreshold: (threshold) => scores.setThresholds(thresholdsOf(threshold)),
    reset() {
      resample?.reset();
      ring.clear();
      track.reset();
      gate?.reset();
      scores.reset();
      isOpen = gate === undefined;
      closedAt = spared = detections = dropped = 0;
    },
    statistics() {
      const seconds = ring.end / sampleRate;
      const spent = (of: Track | undefined): number => (of?.steps ? of.steps * of.mean : 0);
      return {
        seconds,
        inferences: track.steps,
        spared,
        detections,
        dropped,
        inferenceTime: track.mean,
        longestInference: track.longest,
        load: (spent(track) + spent(gate?.track)) / 1000 / seconds,
        bytes: model.memory.total + (gateOptions?.model?.memory.total ?? 0) + 4 * ring.capacity,
        isOpen,
      };
    },
    close() {
      isClosed = true;
    },
  };
}

function definedIn({
  sampleRate,
  hop,
  warmUp,
  scores,
  smoothing,
  steady,
  cooldown,
  ignore,
}: ListenerOptions) {
  const given = { sampleRate, hop, warmUp, scores, smoothing, steady, cooldown, ignore };
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as ListeningHints;
}

/** @throws NibbleError "bad-input" unless there is one label per value of the first output. */
function fittingLabels(
  { outputs: [{ name, shape }] }: ListeningModel,
  labels?: readonly string[],
): readonly string[] {
  const count = elementCount(shape);
  if (!labels) return Array.from({ length: count }, (_, i) => (count === 1 ? name : `${name}[${i}]`));
  if (labels.length === count) return labels;
  throw new NibbleError(
    "bad-input",
    `listening: expected ${count} labels, one per value of output "${name}", got ${labels.length}`,
  );
}

const defaultTimer = (): Timer =>
  typeof performance === "undefined" ? createTickTimer() : createTimer(() => performance.now());

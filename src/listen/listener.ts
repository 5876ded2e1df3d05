import { elementCount } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { createLevelGate, createModelGate, type Gate } from "./gate.ts";
import { type ListeningHints, type ListeningModel, readHints } from "./model.ts";
import { createRing } from "./ring.ts";
import { createScores } from "./scores.ts";
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

/** What decides whether the listening model runs at all. */
export interface GateOptions {
  /** A voice model: its only output is a probability. Without one the loudness decides. */
  model?: ListeningModel;
  /** The voice model's averaged probability that opens the gate; its file's, else 0.5. */
  threshold?: number;
  smoothing?: number;
  /** Without a model: decibels above the quietest recent past; 9. */
  decibels?: number;
  /** Milliseconds that it stays open after the last voice; 600. */
  hold?: number;
  /** Milliseconds before the voice that the listening model is given, so that it has warmed up; 600. */
  lead?: number;
}

export interface ListenerOptions extends Omit<ListeningHints, "threshold"> {
  /** For all labels, or by label; 0.5. */
  threshold?: number | Readonly<Record<string, number>>;
  /** One per output of the model; those of its file when absent. */
  labels?: readonly string[];
  gate?: GateOptions;
  /** Inferences at most in one push; the rest follow with later ones. For threads that must not be held up. */
  burst?: number;
  /** Milliseconds, for the statistics; performance.now or Date.now when absent. */
  clock?: () => number;
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
  /** Milliseconds per inference of the listening model: mean, and longest. */
  inferenceTime: number;
  longestInference: number;
  /** Time in all inferences, the gate's too, as a share of the audio's duration. */
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
  /** Takes samples, −1…1, as many as there are. @throws TypeError after close(). */
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
  for (const [name, value] of Object.entries({ sampleRate, hop, smoothing: hints.smoothing ?? 1 }))
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`"${name}" expected a whole number of at least 1, got ${value}`);
  const labels = fittingLabels(model, options.labels ?? storedLabels);
  const samplesOf = (milliseconds: number): number => Math.round((milliseconds * sampleRate) / 1000);
  const clock = options.clock ?? defaultClock();
  const { gate: gateOptions, burst = Number.POSITIVE_INFINITY, onDetect, onScore } = options;
  const lead = samplesOf(gateOptions?.lead ?? 600);

  const gateWindow = gateOptions?.model ? readHints(gateOptions.model).window : slice;
  const ring = createRing(Math.max(window, gateWindow) + lead + slackSeconds * sampleRate);
  const track = createTrack(model, ring, { window, hop, warmUp, clock });
  const timing = { lead, hold: samplesOf(gateOptions?.hold ?? 600) };
  const { gate, gateTrack } = makeGate();
  const scores = createScores({
    labels,
    kind: hints.scores ?? "probabilities",
    thresholds: thresholdsOf(options.threshold ?? listen?.threshold),
    smoothing: hints.smoothing ?? 1,
    cooldown: samplesOf(cooldown),
  });
  const [outputInfo] = model.outputs;
  const output = model.output();
  const update: ScoreUpdate = { labels, scores: scores.newest, averages: scores.averages, time: 0 };

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

  function makeGate(): { gate?: Gate; gateTrack?: Track } {
    if (!gateOptions) return {};
    const { model: voice, decibels = 9 } = gateOptions;
    if (!voice) return { gate: createLevelGate(timing, ring, 320, decibels) };
    const { window: voiceWindow, listen: voiceHints } = readHints(voice);
    if ((voiceHints?.sampleRate ?? 16000) !== sampleRate)
      throw new NibbleError(
        "bad-input",
        `listening: the gate's model takes ${voiceHints?.sampleRate ?? 16000} Hz, the listening one ${sampleRate} Hz; ` +
          "take two of one sample rate",
      );
    const voiceTrack = createTrack(voice, ring, {
      window: voiceWindow,
      hop: voiceHints?.hop ?? voiceWindow,
      warmUp: voiceHints?.warmUp ?? 0,
      clock,
    });
    const averaged = createScores({
      labels: ["voice"],
      kind: voiceHints?.scores ?? "probabilities",
      thresholds: [Number.POSITIVE_INFINITY],
      smoothing: gateOptions.smoothing ?? voiceHints?.smoothing ?? 1,
      cooldown: 0,
    });
    const probability = (): number => {
      averaged.update(voice.output(), voice.outputs[0], 0);
      return averaged.averages[0];
    };
    const threshold = gateOptions.threshold ?? voiceHints?.threshold ?? 0.5;
    return { gate: createModelGate(timing, ring, voiceTrack, probability, threshold), gateTrack: voiceTrack };
  }

  /** Runs what can be run; answers how many inferences are left of `budget`. */
  function listen_(budget: number): number {
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
    const lost = oldest - (track.next - window);
    if (lost <= 0) return;
    dropped += lost;
    track.restart(oldest + window);
    scores.forget();
  }

  return {
    labels,
    sampleRate,
    push(samples, rate = sampleRate) {
      if (isClosed) throw new TypeError("the listener has been closed");
      if (rate !== sampleRate)
        throw new NibbleError("unsupported", `listening: expected ${sampleRate} Hz, got ${rate} Hz`);
      let budget = burst;
      for (let at = 0; at < samples.length; at += slice) {
        const part = samples.length <= slice ? samples : samples.subarray(at, at + slice);
        makeRoom(part.length);
        ring.write(part);
        budget = listen_(budget);
      }
    },
    setThreshold: (threshold) => scores.setThresholds(thresholdsOf(threshold)),
    reset() {
      ring.clear();
      track.reset();
      gate?.reset();
      scores.reset();
      isOpen = gate === undefined;
      closedAt = spared = detections = dropped = 0;
    },
    statistics() {
      const seconds = ring.end / sampleRate;
      const spent = track.spent + (gateTrack?.spent ?? 0);
      return {
        seconds,
        inferences: track.steps,
        spared,
        detections,
        dropped,
        inferenceTime: track.steps > 0 ? track.spent / track.steps : 0,
        longestInference: track.longest,
        load: seconds > 0 ? spent / 1000 / seconds : 0,
        bytes: model.memory.total + (gateOptions?.model?.memory.total ?? 0) + 4 * ring.capacity,
        isOpen,
      };
    },
    close() {
      isClosed = true;
    },
  };
}

function definedIn({ sampleRate, hop, warmUp, scores, smoothing, cooldown, ignore }: ListenerOptions) {
  const given = { sampleRate, hop, warmUp, scores, smoothing, cooldown, ignore };
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

/** An AudioWorklet has Date alone; its milliseconds average out over many inferences. */
const defaultClock = (): (() => number) =>
  typeof performance === "undefined" ? Date.now : () => performance.now();

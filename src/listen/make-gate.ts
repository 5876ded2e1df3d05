import { NibbleError } from "../runtime/errors.ts";
import { createLevelGate, createModelGate, type Gate, type Timing } from "./gate.ts";
import { type ListeningModel, readHints } from "./model.ts";
import type { SampleRing } from "./ring.ts";
import { createScores } from "./scores.ts";
import type { Timer } from "./timer.ts";
import { createTrack, type Track } from "./track.ts";

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
  /** Milliseconds before the voice that the listening model is given; as many as it needs to warm up, at least 600. */
  lead?: number;
}

/** Samples between two looks at the loudness. */
const blockSamples = 320;

/**
 * The gate that options describe; `track` is its model's.
 * @throws NibbleError "bad-input" where its model takes another sample rate.
 */
export function makeGate(
  options: GateOptions,
  ring: SampleRing,
  { sampleRate, timer, ...timing }: Timing & { sampleRate: number; timer: Timer },
): Gate & { track?: Track } {
  const { model, decibels = 9 } = options;
  if (!model) return createLevelGate(timing, ring, blockSamples, decibels);
  const { window, listen = {} } = readHints(model);
  const { sampleRate: rate = 16000, hop = window, warmUp = 0 } = listen;
  if (rate !== sampleRate)
    throw new NibbleError(
      "bad-input",
      `listening: the gate's model takes ${rate} Hz, the listening one ${sampleRate} Hz; take two of one sample rate`,
    );
  const track = createTrack(model, ring, { window, hop, warmUp, timer });
  const scores = createScores({
    labels: ["voice"],
    kind: listen.scores ?? "probabilities",
    thresholds: [Number.POSITIVE_INFINITY],
    smoothing: options.smoothing ?? listen.smoothing ?? 1,
    steady: Number.POSITIVE_INFINITY,
    cooldown: 0,
  });
  const [info] = model.outputs;
  const output = model.output();
  const probability = (): number => {
    scores.update(output, info, 0);
    return scores.averages[0];
  };
  const threshold = options.threshold ?? listen.threshold ?? 0.5;
  return Object.assign(createModelGate(timing, ring, track, probability, threshold, scores.reset), { track });
}

import type { ListeningModel } from "./model.ts";
import type { SampleRing } from "./ring.ts";

/** One model's way along the samples: an inference on `window` of them, every `hop`. */
export interface Track {
  readonly hop: number;
  readonly window: number;
  /** Samples that the next inference waits for. */
  readonly next: number;
  readonly warmUp: number;
  readonly steps: number;
  /** Milliseconds spent in inferences, and the longest of them. */
  readonly spent: number;
  readonly longest: number;
  /** Runs on the `window` samples before `next` and moves on; answers whether the outputs mean something. */
  step(): boolean;
  /** Moves on without running. */
  skip(): void;
  /** Starts afresh such that the next inference ends `hop`-aligned at or after `place`. */
  restart(place: number): void;
  reset(): void;
}

export interface TrackSettings {
  window: number;
  hop: number;
  warmUp: number;
  clock: () => number;
}

export function createTrack(
  model: ListeningModel,
  ring: SampleRing,
  { window, hop, warmUp, clock }: TrackSettings,
): Track {
  const input = model.input() as Float32Array | Int16Array;
  let next = window;
  let warm = 0;
  let steps = 0;
  let spent = 0;
  let longest = 0;
  return {
    hop,
    window,
    warmUp,
    get next() {
      return next;
    },
    get steps() {
      return steps;
    },
    get spent() {
      return spent;
    },
    get longest() {
      return longest;
    },
    step() {
      const start = clock();
      ring.read(next - window, input);
      model.invoke();
      const took = clock() - start;
      spent += took;
      if (took > longest) longest = took;
      next += hop;
      steps++;
      return warm++ >= warmUp;
    },
    skip() {
      next += hop;
    },
    restart(place) {
      model.reset();
      warm = 0;
      next = window + Math.max(0, Math.ceil((place - window) / hop)) * hop;
    },
    reset() {
      model.reset();
      next = window;
      warm = 0;
      steps = 0;
      spent = 0;
      longest = 0;
    },
  };
}

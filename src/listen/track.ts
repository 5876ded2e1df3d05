import type { ListeningModel } from "./model.ts";
import type { SampleRing } from "./ring.ts";
import type { Timer } from "./timer.ts";

/** One model's way along the samples: an inference on `window` of them, every `hop`. */
export interface Track {
  /** Samples that the next inference waits for. */
  readonly next: number;
  readonly steps: number;
  /** Milliseconds per inference: the mean and the longest of those that were timed; NaN where none was. */
  readonly mean: number;
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
  timer: Timer;
}

export function createTrack(
  model: ListeningModel,
  ring: SampleRing,
  { window, hop, warmUp, timer }: TrackSettings,
): Track {
  const input = model.input() as Float32Array | Int16Array;
  let next = window;
  let warm = 0;
  let steps = 0;
  let timed = 0;
  let spent = 0;
  let longest = 0;
  const run = (): void => {
    ring.read(next - window, input);
    model.invoke();
  };
  return {
    get next() {
      return next;
    },
    get steps() {
      return steps;
    },
    get mean() {
      return spent / timed;
    },
    get longest() {
      return longest;
    },
    step() {
      if (timer.isDue(steps)) {
        const took = timer.time(run);
        timed++;
        spent += took;
        if (took > longest) longest = took;
      } else run();
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
      timed = spent = longest = 0;
    },
  };
}

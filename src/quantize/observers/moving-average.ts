import type { Observer } from "./observer.ts";

/** Weight of a sample once that many came before that the plain mean would give it less. */
const smallestWeight = 0.01;

/**
 * The mean of the extremes of each sample: one odd sample among many moves it little. Over the first 100 samples it
 * is the plain mean, then each weighs 1 % of the whole.
 */
export function movingAverageObserver(): Observer {
  let seen = 0;
  let min = 0;
  let max = 0;
  return {
    observe(values) {
      if (values.length === 0) return;
      let low = values[0];
      let high = values[0];
      for (let i = 1; i < values.length; i++) {
        const value = values[i];
        if (value < low) low = value;
        if (value > high) high = value;
      }
      const weight = Math.max(1 / ++seen, smallestWeight);
      min += weight * (low - min);
      max += weight * (high - max);
    },
    range: () => ({ min, max }),
  };
}

/** Times inferences, each or one of many; milliseconds. */
export interface Timer {
  /** Whether the inference after so many is to be timed. */
  isDue(inferences: number): boolean;
  time(work: () => void): number;
}

export const createTimer = (now: () => number): Timer => ({
  isDue: () => true,
  time(work) {
    const start = now();
    work();
    return now() - start;
  },
});

/** One in so many is timed: waiting for the clock, 2 ms, takes less than a thousandth of the time then, at hops from 10 ms on. */
const every = 256;

/**
 * For an AudioWorklet, whose only clock ticks in whole milliseconds: begins at a tick, and takes from how often the
 * clock can be read until the next one how much of that millisecond was left. Waits two ticks at most, rarely.
 */
export function createTickTimer(now: () => number = Date.now): Timer {
  const readsToTick = (): number => {
    const start = now();
    let reads = 0;
    while (now() === start) reads++;
    return reads;
  };
  readsToTick();
  const start = now();
  let readsPerTick = 1;
  for (let i = 0; i < 8 && now() - start <= 16; i++) readsPerTick = Math.max(readsPerTick, readsToTick());
  // Browsers that hide the time from pages tick more slowly, and waiting for that would be heard.
  const isFine = now() - start <= 16;
  return {
    isDue: (inferences) => isFine && inferences % every === every >> 4,
    time(work) {
      readsToTick();
      const from = now();
      work();
      const to = now();
      const left = readsToTick();
      readsPerTick = Math.max(readsPerTick, left);
      return Math.max(0, to - from + 1 - left / readsPerTick);
    },
  };
}

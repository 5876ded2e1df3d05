import type { Observer } from "./observer.ts";

/** The exact extremes. */
export function minMaxObserver(): Observer {
  let min = Infinity;
  let max = -Infinity;
  return {
    observe(values) {
      for (let i = 0; i < values.length; i++) {
        const value = values[i];
        if (value < min) min = value;
        if (value > max) max = value;
      }
    },
    range: () => (min <= max ? { min, max } : { min: 0, max: 0 }),
  };
}

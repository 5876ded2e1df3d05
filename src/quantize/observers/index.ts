import { entropyObserver } from "./entropy.ts";
import { minMaxObserver } from "./min-max.ts";
import { movingAverageObserver } from "./moving-average.ts";
import { mseObserver } from "./mse.ts";
import type { Observer } from "./observer.ts";
import { percentileObserver } from "./percentile.ts";

/** How the range of a tensor follows from the values it takes. */
export type CalibrationMethod = "min-max" | "percentile" | "moving-average" | "entropy" | "mse";

/** An observer of one tensor; `percentile` is for the method of that name. */
export function makeObserver(method: CalibrationMethod, percentile: number): Observer {
  switch (method) {
    case "min-max":
      return minMaxObserver();
    case "percentile":
      return percentileObserver(percentile);
    case "moving-average":
      return movingAverageObserver();
    case "entropy":
      return entropyObserver();
    case "mse":
      return mseObserver();
  }
}

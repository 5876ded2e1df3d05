import type { Range } from "../affine.ts";

/** Gathers the values of one tensor over all samples in bounded memory. */
export interface Observer {
  /** `values` are finite. */
  observe(values: Float32Array): void;
  /** The range to quantize for; 0…0 before the first value. */
  range(): Range;
}

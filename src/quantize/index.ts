import type { Graph } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { type CalibrateOptions, calibrate, type Samples } from "./calibrate.ts";
import type { MakeExecutor } from "./executor.ts";
import { correctBiases } from "./methods/bias-correction.ts";
import { equalize } from "./methods/equalize.ts";
import { hasWeights } from "./plan.ts";
import { compare, type Report } from "./report.ts";
import { measureShifts } from "./shifts.ts";
import { quantizeStatic, type StaticOptions } from "./static-int8.ts";
import { floats } from "./weights.ts";

export interface QuantizeOptions extends StaticOptions, Omit<CalibrateOptions, "onProgress"> {
  makeExecutor: MakeExecutor;
  /** Even out the weights of neighbouring layers first: cross-layer equalization. */
  equalize?: boolean;
  /** Take the mean error of each layer out of its bias. */
  biasCorrection?: boolean;
  /** Measure noisy, louder and quieter inputs too. */
  shifts?: boolean;
  /** What the report is measured on; the calibration samples by default. */
  compareOn?: Samples;
  /** Samples the report is measured on at most. */
  compareLimit?: number;
  /** A class that accuracy is also given without. */
  withoutLabel?: number;
  onProgress?: (phase: "calibrate" | "correct" | "compare" | "shift", done: number, total?: number) => void;
}

/**
 * Calibrates a float graph on `samples`, makes its static int8 form and measures what that costs.
 * `samples` is walked twice, unless `compareOn` is given.
 *
 * @throws NibbleError naming the sample, tensor or operator at fault.
 */
export function quantize(
  source: Graph,
  samples: Samples,
  options: QuantizeOptions,
): { graph: Graph; report: Report } {
  const { makeExecutor, compareOn = samples, compareLimit, withoutLabel, onProgress, ...scheme } = options;
  const graph = options.equalize ? equalize(source).graph : source;
  if (
    !graph.nodes.some((node) => node.op !== "dequantize" && node.outputs.some((t) => t.dtype === "float32"))
  ) {
    throw new NibbleError("unsupported", `graph "${graph.name}" has no float operators: convert it as it is`);
  }
  checkWeights(graph);
  const ranges = calibrate(graph, samples, makeExecutor, {
    ...scheme,
    onProgress: (done, total) => onProgress?.("calibrate", done, total),
  });
  const quantized = quantizeStatic(graph, ranges, scheme);
  if (options.biasCorrection)
    correctBiases(graph, quantized, samples, makeExecutor, (done, total) =>
      onProgress?.("correct", done, total),
    );
  const report = compare(graph, quantized, compareOn, makeExecutor, {
    ...(compareLimit !== undefined && { limit: compareLimit }),
    ...(withoutLabel !== undefined && { withoutLabel }),
    onProgress: (done, total) => onProgress?.("compare", done, total),
  });
  if (options.shifts)
    report.shifts = measureShifts(graph, quantized.graph, compareOn, makeExecutor, (done, total) =>
      onProgress?.("shift", done, total),
    );
  return { graph: quantized.graph, report };
}

/** Constants that are not finite are at fault themselves, not the sample that first meets them. */
function checkWeights({ nodes }: Graph): void {
  for (const node of nodes.filter(hasWeights))
    for (const tensor of node.inputs) if (tensor?.data instanceof Float32Array) floats(tensor);
}

/** The part of `quantize` that takes long: from a float graph and files of samples to an int8 graph and its report. */

import type { Graph } from "../graph/graph.ts";
import { type Phase, type QuantizeOptions, quantize } from "../quantize/index.ts";
import type { Provenance, Report } from "../quantize/report.ts";
import { NibbleError } from "../runtime/errors.ts";
import { createExecutor } from "../runtime/executor.ts";
import { addLayerDetails } from "../search/layer-details.ts";
import type { Shared, TaskProgress } from "../threads/tasks.ts";
import { type DataOptions, openData } from "./data.ts";
import { recorded } from "./provenance.ts";

/** Where samples are. */
export interface DataPlace extends DataOptions {
  paths: string[];
}

export interface QuantizeTask {
  graph: Graph;
  calibration?: DataPlace | undefined;
  /** Measure on these instead. */
  measured?: DataPlace | undefined;
  /** Weights will be stored as narrow as they can be. */
  narrow?: boolean;
  options: Omit<QuantizeOptions, "makeExecutor" | "compareOn" | "onProgress">;
}

const phaseNames: Record<Phase, string> = {
  observe: "observing  ",
  recover: "recovering ",
  calibrate: "calibrating",
  measure: "observing  ",
  round: "rounding   ",
  correct: "correcting ",
  compare: "measuring  ",
  nearest: "by nearest ",
  shift: "shifting   ",
};

export async function quantizeTask(
  { graph, calibration, measured, narrow = false, options }: QuantizeTask,
  _shared: Shared | undefined,
  onProgress: TaskProgress,
): Promise<{ graph: Graph; report: Report; calibration?: Provenance["calibration"] }> {
  const compareOn = measured && (await openMeasured(measured, graph));
  const samples = calibration && recorded(await openData(calibration.paths, graph.inputs, calibration));
  const result = quantize(graph, samples?.samples, {
    ...options,
    makeExecutor: (g) => createExecutor(g),
    ...(compareOn && { compareOn }),
    onProgress: (phase, done, total) => onProgress(phaseNames[phase], done, total),
  });
  if (options.shifts && samples)
    addLayerDetails(result.report, graph, result.graph, samples.samples, { ...options, narrow }, onProgress);
  const hash = samples?.result();
  return { ...result, ...(hash && { calibration: hash }) };
}

/** @throws NibbleError "bad-input" where no sample has a class: there would be nothing to measure. */
export async function openMeasured(place: DataPlace, { inputs }: Graph) {
  const samples = await openData(place.paths, inputs, place);
  if (samples.labelled > 0) return samples;
  throw new NibbleError(
    "bad-input",
    `${place.paths.join(", ")}: no classes are known; name them with --labels, and the sub-folders after them`,
  );
}

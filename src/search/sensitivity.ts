/** What each scheme does to the outputs when one layer has it and the rest of the graph is float. */

import { pack } from "../pack/pack.ts";
import { buildQuantized } from "../quantize/index.ts";
import { createExecutor } from "../runtime/executor.ts";
import type { Sample } from "../samples/sample.ts";
import type { TaskProgress } from "../threads/tasks.ts";
import type { Candidate } from "./candidates.ts";
import { unlessUnsupported } from "./cost.ts";
import type { SearchGround } from "./ground.ts";
import { judge } from "./judge.ts";

export interface SensitivityTask {
  /** The layers' name. */
  unit: string;
  candidates: Candidate[];
}

/** The error of each candidate by its name; null where the layer can't have it. */
export type Sensitivity = Record<string, number | null>;

/** Samples that suffice to tell layers from each other. */
const [calibrated, judged] = [32, 64];

export function sensitivityTask(
  { unit, candidates }: SensitivityTask,
  ground: SearchGround,
  onProgress: TaskProgress,
): Sensitivity {
  const { graph, calibration, ranges, build } = ground;
  const isStream = Boolean(graph.states) && !build.independent;
  const some = evenly(calibration.length, calibrated, isStream).map((i) => calibration[i] as Sample);
  const chosen = evenly(ground.judged.length, judged, isStream);
  const found: Sensitivity = {};
  for (const [i, { name, scheme }] of candidates.entries()) {
    const isFloat = scheme.scheme === "float32" && scheme.prune === 0;
    const error = isFloat
      ? 0
      : unlessUnsupported(() => {
          const { quantized } = buildQuantized(graph, some, {
            ...(build.perTensor && { perTensor: true }),
            ...(build.independent && { independent: true }),
            makeExecutor: (g) => createExecutor(g),
            ranges,
            recipe: { default: { scheme: "float32" }, layers: [{ match: unit, ...scheme }] },
          });
          return judge(pack(quantized.graph).bytes, ground, chosen).error;
        });
    found[name] = error ?? null;
    onProgress(unit, i + 1, candidates.length);
  }
  return found;
}

/** Numbers of `count` among `total` samples, spread evenly; of models with a memory the first, which it begins with. */
const evenly = (total: number, count: number, isStream: boolean): number[] =>
  Array.from({ length: Math.min(count, total) }, (_, i) =>
    isStream ? i : Math.floor((i * total) / Math.min(count, total)),
  );

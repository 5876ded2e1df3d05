import type { Graph } from "../graph/graph.ts";
import { type BuildSettings, layGround, type SearchGround } from "../search/ground.ts";
import type { Shared, TaskProgress } from "../threads/tasks.ts";
import { openData } from "./data.ts";
import { recorded } from "./provenance.ts";
import { type DataPlace, openMeasured } from "./quantize-task.ts";

export interface GroundTask {
  graph: Graph;
  calibration: DataPlace;
  measured?: DataPlace | undefined;
  build: BuildSettings;
}

/** What a search stands on, from files of samples, with a digest of these. */
export async function groundTask(
  { graph, calibration, measured, build }: GroundTask,
  _shared: Shared | undefined,
  onProgress: TaskProgress,
): Promise<{ ground: SearchGround; digests: string[] }> {
  const judged = measured && recorded(await openMeasured(measured, graph));
  const samples = recorded(await openData(calibration.paths, graph.inputs, calibration));
  const ground = layGround(graph, samples.samples, judged?.samples, build, onProgress);
  return { ground, digests: [samples, judged].flatMap((set) => set?.result()?.sha256 ?? []) };
}

/** One candidate model of a search, made in full and measured. */

import { pack } from "../pack/pack.ts";
import { buildQuantized } from "../quantize/index.ts";
import type { Recipe } from "../quantize/recipe.ts";
import { createExecutor } from "../runtime/executor.ts";
import type { TaskProgress } from "../threads/tasks.ts";
import { unlessUnsupported } from "./cost.ts";
import type { SearchGround } from "./ground.ts";
import { judge, type Quality } from "./judge.ts";

export interface PointResult extends Quality {
  bytes: number;
}

/** Null where a layer can't have its scheme beside the others. */
export function pointTask(
  { recipe }: { recipe: Recipe },
  ground: SearchGround,
  _onProgress: TaskProgress,
): PointResult | null {
  const { graph, calibration, ranges, build, metadata } = ground;
  const built = unlessUnsupported(() =>
    buildQuantized(graph, calibration, { ...build, makeExecutor: (g) => createExecutor(g), ranges, recipe }),
  );
  if (!built) return null;
  const { bytes } = pack(built.quantized.graph, {
    narrow: true,
    ...(metadata !== undefined && { metadata }),
  });
  return { bytes: bytes.length, ...judge(bytes, ground) };
}

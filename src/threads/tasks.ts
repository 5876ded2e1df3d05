/** Everything that may run on a thread: plain data in, plain data out. */

import { convertTask } from "../cli/convert-task.ts";
import { groundTask } from "../cli/ground-task.ts";
import { quantizeTask } from "../cli/quantize-task.ts";
import { costTask, latencyTask } from "../search/cost.ts";
import type { SearchGround } from "../search/ground.ts";
import { pointTask } from "../search/point.ts";
import { sensitivityTask } from "../search/sensitivity.ts";

export type TaskProgress = (label: string, done: number, total?: number) => void;

/** What the tasks of one search have in common. */
export type Shared = SearchGround;

export const tasks = {
  convert: convertTask,
  quantize: quantizeTask,
  ground: groundTask,
  cost: costTask,
  latency: latencyTask,
  sensitivity: sensitivityTask,
  point: pointTask,
};

export type TaskName = keyof typeof tasks;
export type Input<N extends TaskName> = Parameters<(typeof tasks)[N]>[0];
export type Output<N extends TaskName> = Awaited<ReturnType<(typeof tasks)[N]>>;

/**
 * Which scheme each layer gets under a budget. Costs and errors of single layers, taken together, promise a front; what
 * it promises is made in full and measured, first all along it, then near the budget, then next to the best.
 */

import { NibbleError } from "../runtime/errors.ts";
import type { Pool } from "../threads/pool.ts";
import { type Assignment, keyOf, recipeOf } from "./assignment.ts";
import { type Budget, brokenBounds, compareBy, dominates, type Measured, objectiveOf } from "./budget.ts";
import type { Unit } from "./candidates.ts";
import type { SearchGround } from "./ground.ts";
import { neighbours } from "./neighbours.ts";
import type { PointResult } from "./point.ts";
import { makeModel } from "./promise.ts";
import type { SearchState } from "./state.ts";
import { nextToVerify } from "./verify.ts";

interface Point extends Measured, Omit<PointResult, keyof Measured> {
  assignment: Assignment;
}

export interface SearchSettings {
  ground: SearchGround;
  units: readonly Unit[];
  budget: Budget;
  /** Its tasks see `ground`. */
  pool: Pool;
  /** Measured before; what is measured now is added. */
  state: SearchState;
  /** Called when something was added to the state. */
  keep: () => void;
  onProgress?: (stage: string, done: number, total: number) => void;
}

export interface SearchResult {
  chosen: Point;
  /** All that were made, in the order of their sizes. */
  points: Point[];
  /** Those that no other one beats in everything. */
  front: Point[];
}

/** Models that are made and measured along the promised front, then in each round near the budget and around the best. */
const [along, near, around] = [8, 4, 4];
/** Rounds near the budget, and around the best as long as it gets better. */
const [nearRounds, aroundRounds] = [3, 6];

/**
 * The same measurements give the same answer, however many threads there are and however often it was stopped between.
 *
 * @throws NibbleError "unsupported" where nothing that was made keeps to the budget; "interrupted".
 */
export async function search(settings: SearchSettings): Promise<SearchResult> {
  const { ground, units, budget, state } = settings;
  const isTimed = budget.latency !== undefined || objectiveOf(budget) === "latency";
  await measureCosts(settings);
  await measureSensitivity(settings);
  const model = makeModel(units, state, isTimed);
  const points = new Map<string, Point>();
  const tried = new Set<string>();

  /** Makes and measures what is not yet; what its layers can't be is left out. */
  const verify = async (assignments: readonly Assignment[]): Promise<void> => {
    const fresh = assignments.filter((assignment, i) => {
      const key = keyOf(assignment);
      return !tried.has(key) && assignments.findIndex((other) => keyOf(other) === key) === i;
    });
    await measurePoints(settings, fresh);
    if (isTimed) await measureLatencies(settings, fresh);
    for (const assignment of fresh) {
      const key = keyOf(assignment);
      tried.add(key);
      const result = state.points[key];
      if (!result) continue;
      const micros = state.latency[key];
      points.set(key, { ...result, ...(micros !== undefined && { micros }), assignment });
    }
    model.learn([...points.values()]);
  };

  await verify(model.uniform());
  await verify(model.along(along));
  for (let round = 0; round < nearRounds; round++)
    await verify(nextToVerify(model, [...points.values()], budget, tried, near));
  for (let round = 0; round < aroundRounds; round++) {
    const best = bestOf([...points.values()], budget);
    if (!best) break;
    await verify(neighbours(model, best, budget, tried, around));
    if (bestOf([...points.values()], budget) === best) break;
  }
  const chosen = bestOf([...points.values()], budget);
  if (!chosen) throw outOfReach(ground, [...points.values()], budget);
  const found = [...points.values()].sort((a, b) => a.bytes - b.bytes || a.error - b.error);
  const front = found.filter((point) => !found.some((other) => dominates(other, point, isTimed)));
  if (!isTimed)
    await measureLatencies(
      settings,
      [...new Set([...front, chosen])].map(({ assignment }) => assignment),
    );
  for (const point of found) {
    const micros = state.latency[keyOf(point.assignment)];
    if (micros !== undefined) point.micros = micros;
  }
  return { chosen, points: found, front };
}

function bestOf(points: readonly Point[], budget: Budget): Point | undefined {
  const objective = objectiveOf(budget);
  return points
    .filter((point) => brokenBounds(budget, point).length === 0)
    .reduce<Point | undefined>(
      (best, point) => (best && compareBy(objective, best, point) <= 0 ? best : point),
      undefined,
    );
}

function outOfReach({ graph }: SearchGround, points: readonly Point[], budget: Budget): NibbleError {
  const nearest = points.reduce<Point | undefined>(
    (best, point) =>
      best && brokenBounds(budget, best).length <= brokenBounds(budget, point).length ? best : point,
    undefined,
  );
  const broken = nearest ? brokenBounds(budget, nearest).join("; ") : "no model could be made";
  return new NibbleError(
    "unsupported",
    `graph "${graph.name}": none of ${points.length} models keeps to the budget; the nearest has ${broken}; give more room, or other --candidates`,
  );
}

/** One after another, so that nothing runs beside what is timed. */
async function measureCosts({ units, ground, state, pool, keep, onProgress }: SearchSettings): Promise<void> {
  /** Layers of the same shapes take the same time; the first of them is timed. */
  const times = new Map<string, number>();
  const total = units.reduce((sum, { candidates }) => sum + candidates.length, 0);
  let done = 0;
  for (const { name, nodes, candidates } of units) {
    const costs = (state.costs[name] ??= {});
    for (const candidate of candidates) {
      const shape = JSON.stringify([nodes.map(shapeOf), candidate.scheme]);
      if (!(candidate.name in costs)) {
        const numbers = nodes.map((node) => ground.graph.nodes.indexOf(node));
        const task = { nodes: numbers, scheme: candidate.scheme, micros: times.get(shape) };
        costs[candidate.name] = await pool.run("cost", task);
        keep();
      }
      const cost = costs[candidate.name];
      if (cost) times.set(shape, cost.micros);
      onProgress?.("layer costs", ++done, total);
    }
  }
}

const shapeOf = ({ op, inputs, outputs, attributes }: Unit["nodes"][number]): unknown => [
  op,
  [...inputs, ...outputs].map((tensor) => tensor?.shape),
  JSON.stringify(attributes, (_, value) => (typeof value === "number" ? String(value) : value)),
];

async function measureSensitivity(settings: SearchSettings): Promise<void> {
  const { units, state, pool, keep, onProgress } = settings;
  let done = 0;
  await Promise.all(
    units.map(async ({ name, candidates }) => {
      if (!state.sensitivity[name]) {
        state.sensitivity[name] = await pool.run("sensitivity", { unit: name, candidates });
        keep();
      }
      onProgress?.("sensitivity", ++done, units.length);
    }),
  );
}

async function measurePoints(settings: SearchSettings, assignments: readonly Assignment[]): Promise<void> {
  const { ground, units, state, pool, keep, onProgress } = settings;
  let done = 0;
  await Promise.all(
    assignments.map(async (assignment) => {
      const key = keyOf(assignment);
      if (!(key in state.points)) {
        state.points[key] = await pool.run("point", { recipe: recipeOf(ground.graph, units, assignment) });
        keep();
      }
      onProgress?.("models     ", ++done, assignments.length);
    }),
  );
}

/** One after another: nothing runs beside what is timed. */
async function measureLatencies(
  { ground, units, state, pool, keep, onProgress }: SearchSettings,
  assignments: readonly Assignment[],
): Promise<void> {
  for (const [i, assignment] of assignments.entries()) {
    const key = keyOf(assignment);
    if (!(key in state.latency) && state.points[key]) {
      state.latency[key] = await pool.run("latency", { recipe: recipeOf(ground.graph, units, assignment) });
      keep();
    }
    onProgress?.("latency    ", i + 1, assignments.length);
  }
}

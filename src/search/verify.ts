/** Which models of the promised front to make next: those that the budget may choose. */

import { type Assignment, keyOf } from "./assignment.ts";
import { type Budget, brokenBounds, objectiveOf } from "./budget.ts";
import type { Promised } from "./front.ts";
import type { Known, Model } from "./promise.ts";

export function nextToVerify(
  model: Model,
  known: readonly Known[],
  budget: Budget,
  seen: ReadonlySet<string>,
  count: number,
): Assignment[] {
  const isFresh = ({ assignment }: Promised): boolean => !seen.has(keyOf(assignment));
  const fits = ({ assignment }: Promised): boolean =>
    model.bytesOf(assignment) <= (budget.size ?? Infinity) &&
    model.microsOf(assignment) <= (budget.latency ?? Infinity);
  const open = model.fronts().flatMap((front) => front.filter(isFresh).filter(fits));
  if (budget.loss === undefined && budget.sqnr === undefined)
    return open
      .sort((a, b) => a.error - b.error)
      .slice(0, count)
      .map(({ assignment }) => assignment);

  // Losses are only known of what was made: the bound lies between the worst that keeps it and the best that does not.
  const quality = {
    ...(budget.loss !== undefined && { loss: budget.loss }),
    ...(budget.sqnr !== undefined && { sqnr: budget.sqnr }),
  };
  const errors = (isKept: boolean): number[] =>
    known
      .filter((point) => (brokenBounds(quality, point).length === 0) === isKept)
      .map(({ assignment }) => model.errorOf(assignment));
  const kept = Math.max(0, ...errors(true));
  const broken = Math.min(Infinity, ...errors(false).filter((error) => error > kept));
  const between = open
    .filter(({ error }) => error > kept && error < broken)
    .sort((a, b) => a.error - b.error);
  // What is sure to keep it may still be larger or slower than need be.
  const cost = objectiveOf(budget) === "latency" ? model.microsOf : model.bytesOf;
  const sure = open
    .filter(({ error }) => error <= kept)
    .sort((a, b) => cost(a.assignment) - cost(b.assignment) || a.error - b.error);
  const least = sure.slice(0, Math.max(Math.floor(count / 2), count - between.length));
  return [...evenly(between, count - least.length), ...least].map(({ assignment }) => assignment);
}

/** `count` of a list, spread over all of it. */
function evenly<T>(list: readonly T[], count: number): T[] {
  if (list.length <= count) return [...list];
  return Array.from({ length: count }, (_, i) => list[Math.floor(((i + 0.5) * list.length) / count)]!);
}

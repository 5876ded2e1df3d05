/** Models next to one that was measured: one layer changed, or two exchanged. */

import { type Assignment, keyOf } from "./assignment.ts";
import { type Budget, objectiveOf } from "./budget.ts";
import type { Known, Model } from "./promise.ts";

/** The `count` most promising that keep to the budget's size and time, without those in `seen`. */
export function neighbours(
  model: Model,
  best: Known,
  budget: Budget,
  seen: ReadonlySet<string>,
  count: number,
): Assignment[] {
  const objective = objectiveOf(budget);
  const { size = Infinity, latency = Infinity } = budget;
  const single = best.assignment.flatMap((_, unit) =>
    model.choices(unit).flatMap((choice) => {
      const changed = withChoice(best.assignment, unit, choice);
      return choice === best.assignment[unit] ? [] : [{ unit, assignment: changed }];
    }),
  );
  // Exchanges of two begin with the changes that promise most: all pairs would be too many.
  const promising = [...single].sort((a, b) => gain(b.assignment) - gain(a.assignment)).slice(0, 60);
  const pairs = promising.flatMap(({ unit, assignment }) =>
    single
      .filter((other) => other.unit > unit)
      .map((other) => withChoice(assignment, other.unit, other.assignment[other.unit]!)),
  );

  /** What a change brings: error where that is to be small, otherwise error for what it saves. */
  function gain(assignment: Assignment): number {
    const worse = model.errorOf(assignment) - model.errorOf(best.assignment);
    if (objective === "loss") return -worse;
    const saved =
      objective === "size"
        ? best.bytes - model.bytesOf(assignment)
        : (best.micros ?? 0) - model.microsOf(assignment);
    if (saved <= 0) return -Infinity;
    // What costs nothing comes first, the larger saving before the smaller.
    return worse <= 0 ? 1e15 + saved : saved / worse;
  }

  const scored = [...single.map(({ assignment }) => assignment), ...pairs]
    .filter((assignment) => !seen.has(keyOf(assignment)))
    .filter((assignment) => model.bytesOf(assignment) <= size && model.microsOf(assignment) <= latency)
    .map((assignment) => ({ assignment, gain: gain(assignment) }))
    .filter((entry) => entry.gain > -Infinity);
  return scored
    .sort((a, b) => b.gain - a.gain)
    .slice(0, count)
    .map(({ assignment }) => assignment);
}

const withChoice = (assignment: Assignment, unit: number, choice: number): Assignment =>
  assignment.map((known, i) => (i === unit ? choice : known));

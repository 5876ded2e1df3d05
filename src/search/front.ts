/** The best assignments that costs and errors of single layers promise, where both add up. */

import type { Assignment } from "./assignment.ts";

export interface Choice {
  /** Bytes, microseconds, or a mixture. */
  cost: number;
  error: number;
}

export interface Promised {
  assignment: Assignment;
  cost: number;
  error: number;
}

interface Sum {
  cost: number;
  error: number;
  last: number;
  before: Sum | undefined;
}

/** Sums kept between two layers: one for each of so many equal steps of cost. */
const steps = 4096;

/**
 * No other assignment has a lower error at a lower or equal cost, up to the steps of `steps`. From the cheapest to the
 * most exact; layers with `undefined` choices leave those out.
 */
export function promisedFront(layers: readonly (readonly (Choice | undefined)[])[]): Promised[] {
  let sums: Sum[] = [{ cost: 0, error: 0, last: -1, before: undefined }];
  for (const choices of layers) {
    const next = sums.flatMap((before) =>
      choices.flatMap((choice, last) =>
        choice ? [{ cost: before.cost + choice.cost, error: before.error + choice.error, last, before }] : [],
      ),
    );
    sums = thinned(undominated(next));
  }
  return sums.map((sum) => ({ assignment: assignmentOf(sum), cost: sum.cost, error: sum.error }));
}

function undominated(sums: Sum[]): Sum[] {
  sums.sort((a, b) => a.cost - b.cost || a.error - b.error);
  let least = Infinity;
  return sums.filter(({ error }) => {
    if (error >= least) return false;
    least = error;
    return true;
  });
}

/** The last of each step of cost, which has its least error. */
function thinned(sums: Sum[]): Sum[] {
  if (sums.length <= steps) return sums;
  const [low, high] = [sums[0]!.cost, sums.at(-1)!.cost];
  const stepOf = ({ cost }: Sum): number => Math.floor(((cost - low) / (high - low)) * steps);
  return sums.filter((sum, i) => i === 0 || i === sums.length - 1 || stepOf(sums[i + 1]!) !== stepOf(sum));
}

function assignmentOf(sum: Sum): Assignment {
  const found: number[] = [];
  for (let at: Sum | undefined = sum; at && at.last >= 0; at = at.before) found.push(at.last);
  return found.reverse();
}

/** `count` of a front, evenly spaced along it: by cost at its cheap end, by the error's logarithm at the exact one. */
export function spread(front: readonly Promised[], count: number): Promised[] {
  if (front.length <= count) return [...front];
  const logs = front.map(({ error }) => Math.log10(Math.max(error, 1e-9)));
  const [cheap, dear] = [front[0]!.cost, front.at(-1)!.cost];
  const [worst, best] = [logs[0]!, logs.at(-1)!];
  const placeOf = (i: number): number =>
    (front[i]!.cost - cheap) / (dear - cheap || 1) + (worst - logs[i]!) / (worst - best || 1);
  const chosen = new Set<number>();
  for (let k = 0, i = 0; k < count; k++) {
    while (i + 1 < front.length && placeOf(i) < (2 * k) / (count - 1) - 1e-12) i++;
    chosen.add(i);
  }
  return [...chosen].map((i) => front[i]!);
}

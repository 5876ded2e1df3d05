/** What the figures of single layers promise of whole models, set right by the models that were measured. */

import { type Assignment, keyOf } from "./assignment.ts";
import type { Measured } from "./budget.ts";
import type { Unit } from "./candidates.ts";
import { type Choice, type Promised, promisedFront, spread } from "./front.ts";
import type { SearchState } from "./state.ts";

/** A model that was measured. */
export interface Known extends Measured {
  assignment: Assignment;
}

export interface Model {
  /** Every candidate given to all layers that can have it; others have their first. */
  uniform(): Assignment[];
  /** `count` along the promised front. */
  along(count: number): Assignment[];
  /** The promised fronts by size, and by time where that counts. */
  fronts(): Promised[][];
  /** Sum of the layers' errors. */
  errorOf(assignment: Assignment): number;
  bytesOf(assignment: Assignment): number;
  microsOf(assignment: Assignment): number;
  /** How many candidates unit `i` has; and which of them it can have. */
  choices(unit: number): number[];
  learn(known: readonly Known[]): void;
}

interface Figures {
  bytes: number;
  micros: number;
  error: number;
}

/** Layers whose candidates all fell out keep their first. */
export function makeModel(units: readonly Unit[], state: SearchState, isTimed: boolean): Model {
  const table = units.map(({ name, candidates }) => {
    const found = candidates.map(({ name: candidate }): Figures | undefined => {
      const cost = state.costs[name]?.[candidate];
      const error = state.sensitivity[name]?.[candidate];
      return cost && typeof error === "number" ? { ...cost, error } : undefined;
    });
    return found.some(Boolean)
      ? found
      : found.map((_, i) => (i === 0 ? { bytes: 0, micros: 0, error: 0 } : undefined));
  });
  /** What the measured models have beside their layers. */
  let known: Record<"bytes" | "micros", { own: number; rest: number }[]> = { bytes: [], micros: [] };
  const sum = (assignment: Assignment, field: keyof Figures): number =>
    assignment.reduce((total, choice, i) => total + (table[i]![choice]?.[field] ?? 0), 0);
  /** What is beside the layers is taken from the measured model whose layers come nearest. */
  const corrected = (assignment: Assignment, field: "bytes" | "micros"): number => {
    const own = sum(assignment, field);
    let [rest, distance] = [0, Infinity];
    for (const model of known[field]) {
      if (Math.abs(model.own - own) >= distance) continue;
      [rest, distance] = [model.rest, Math.abs(model.own - own)];
    }
    return own + rest;
  };
  const frontBy = (costOf: (figures: Figures) => number): Promised[] =>
    promisedFront(
      table.map((choices) =>
        choices.map(
          (figures): Choice | undefined => figures && { cost: costOf(figures), error: figures.error },
        ),
      ),
    );
  const mean = (field: "bytes" | "micros"): number =>
    table.reduce((total, choices) => total + (choices.find(Boolean)?.[field] ?? 0), 0) || 1;
  const made = [frontBy(({ bytes }) => bytes)];
  if (isTimed) {
    const [bytes, micros] = [mean("bytes"), mean("micros")];
    made.push(
      frontBy((figures) => figures.micros),
      frontBy((figures) => figures.bytes / bytes + figures.micros / micros),
    );
  }
  return {
    uniform: () => {
      const names = new Set(units.flatMap(({ candidates }) => candidates.map(({ name }) => name)));
      const all = [...names].map((name) =>
        units.map(({ candidates }, i) => {
          const at = candidates.findIndex((candidate) => candidate.name === name);
          return at >= 0 && table[i]![at] ? at : table[i]!.findIndex(Boolean);
        }),
      );
      return all.filter((a, i) => all.findIndex((b) => keyOf(a) === keyOf(b)) === i);
    },
    along: (count) =>
      made.flatMap((front) =>
        spread(front, Math.ceil(count / made.length)).map(({ assignment }) => assignment),
      ),
    fronts: () => made,
    errorOf: (assignment) => sum(assignment, "error"),
    bytesOf: (assignment) => corrected(assignment, "bytes"),
    microsOf: (assignment) => corrected(assignment, "micros"),
    choices: (unit) => table[unit]!.flatMap((figures, i) => (figures ? [i] : [])),
    learn: (models) => {
      const restsOf = (field: "bytes" | "micros") =>
        models.flatMap((model) => {
          const own = sum(model.assignment, field);
          return model[field] === undefined ? [] : [{ own, rest: model[field] - own }];
        });
      known = { bytes: restsOf("bytes"), micros: restsOf("micros") };
    },
  };
}

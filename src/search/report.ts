/** A search as plain JSON, for the report. */

import type { Proportion } from "../quantize/accuracy.ts";
import { keyOf, recipeOf, summaryOf } from "./assignment.ts";
import { type Budget, type Objective, objectiveOf } from "./budget.ts";
import type { SearchResult, SearchSettings } from "./search.ts";

export interface SearchReport {
  budget: Budget;
  objective: Objective;
  /** What `points` are: of accuracy, or of samples that change class; undefined for models that name no class. */
  loss?: "accuracy" | "disagreement";
  /** Samples that every model was judged on. */
  samples: number;
  /** In the order of their sizes. */
  models: {
    /** "6 × int4, 2 × int8" */
    layers: string;
    bytes: number;
    /** Of one inference where the search ran. */
    micros?: number;
    points?: number;
    /** Divergence of the scores in nats, or noise over power. */
    error: number;
    sqnr: number | null;
    accuracy?: { float: Proportion; quantized: Proportion };
    agreement?: Proportion;
    /** No other model is as good in everything and better in something. */
    onFront: boolean;
    chosen: boolean;
  }[];
  /** What was measured of each layer by itself. */
  layers: {
    node: string;
    op: string;
    chosen: string;
    candidates: { name: string; bytes: number | null; micros: number | null; error: number | null }[];
  }[];
  /** Makes the chosen model again: `--recipe` reads it. */
  recipe: ReturnType<typeof recipeOf>;
}

export function searchReport(
  { ground, units, budget, state }: Pick<SearchSettings, "ground" | "units" | "budget" | "state">,
  { chosen, points, front }: SearchResult,
): SearchReport {
  const isLabelled = points.some(({ accuracy }) => accuracy);
  return {
    budget,
    objective: objectiveOf(budget),
    ...(ground.kind !== "values" && { loss: isLabelled ? "accuracy" : "disagreement" }),
    samples: ground.judged.length,
    models: points.map(({ assignment, samples: _, ...measured }) => ({
      layers: summaryOf(units, assignment),
      ...measured,
      onFront: front.some((point) => keyOf(point.assignment) === keyOf(assignment)),
      chosen: keyOf(assignment) === keyOf(chosen.assignment),
    })),
    layers: units.map(({ name, nodes, candidates }, i) => ({
      node: name,
      op: nodes[0]!.op,
      chosen: candidates[chosen.assignment[i]!]!.name,
      candidates: candidates.map((candidate) => {
        const cost = state.costs[name]?.[candidate.name];
        return {
          name: candidate.name,
          bytes: cost?.bytes ?? null,
          micros: cost?.micros ?? null,
          error: state.sensitivity[name]?.[candidate.name] ?? null,
        };
      }),
    })),
    recipe: recipeOf(ground.graph, units, chosen.assignment),
  };
}

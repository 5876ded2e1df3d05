/** What a search has measured: plain JSON, kept in a file, so that a search that was stopped goes on where it was. */

import { NibbleError } from "../runtime/errors.ts";
import type { LayerCost } from "./cost.ts";
import type { PointResult } from "./point.ts";
import type { Sensitivity } from "./sensitivity.ts";

export interface SearchState {
  format: 1;
  /** Digest of everything that decides the figures: model, samples, options, candidates. */
  key: string;
  /** Of layers by themselves: by unit, then by candidate. */
  costs: Record<string, Record<string, LayerCost | null>>;
  /** By unit. */
  sensitivity: Record<string, Sensitivity>;
  /** By assignment. */
  points: Record<string, PointResult | null>;
  /** Microseconds of whole models: by assignment. */
  latency: Record<string, number>;
}

export const emptyState = (key: string): SearchState => ({
  format: 1,
  key,
  costs: {},
  sensitivity: {},
  points: {},
  latency: {},
});

/**
 * The state in the file's text.
 *
 * @throws NibbleError "bad-input" where the text is no such state, or one of another search.
 */
export function parseState(text: string, key: string, file: string): SearchState {
  const remedy = "remove it, or name another with --search";
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new NibbleError("bad-input", `${file}: expected the JSON of a search; ${remedy}`, { cause });
  }
  const state = parsed as Partial<SearchState> | null;
  const parts = [state?.costs, state?.sensitivity, state?.points, state?.latency];
  if (state?.format !== 1 || parts.some((part) => typeof part !== "object" || part === null))
    throw new NibbleError("bad-input", `${file}: expected a search of this version; ${remedy}`);
  if (state.key !== key)
    throw new NibbleError(
      "bad-input",
      `${file}: is of another search: its model, samples, options or candidates differ; ${remedy}`,
    );
  return state as SearchState;
}

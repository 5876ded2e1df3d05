import type { LayerReport, Report } from "./report.ts";

/** Layers that the summary keeps. */
const kept = 3;

const short = (value: number): number => (Number.isInteger(value) ? value : Number(value.toPrecision(4)));

/** Every fraction of a plain JSON value to four digits; counts stay whole. */
function rounded<T>(value: T): T {
  if (typeof value === "number") return short(value) as T;
  if (Array.isArray(value)) return value.map(rounded) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, rounded(inner)])) as T;
}

/** Exact layers, whose SQNR is null, come last. */
const noise = ({ sqnr }: LayerReport): number => sqnr ?? Infinity;

/**
 * What a packed file carries of a report: all but the layers that matter least, error
 * histograms, times, names of samples and what a search tried, four digits a number. The whole
 * report of a small model would weigh as much as one of its layers.
 */
export function summarize(report: Report): Report {
  const layers = [...report.layers]
    .sort((a, b) => noise(a) - noise(b))
    .slice(0, kept)
    .map(({ errors: _, micros: __, sensitivity: ___, ...layer }) => layer);
  const { disagreements: _, search: __, ...rest } = report;
  return rounded({ ...rest, layers });
}

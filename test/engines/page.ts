import type { Result } from "./subject/check.ts";

/** One line of the table. */
export interface Row {
  engine: string;
  version?: string;
  /** Why it did not run. */
  notRun?: string;
  /** Tiers that ran: how many models, how many of them differ from the reference, µs per keyword inference. */
  tiers: { tier: string; models: number; wrong: number; latency: number }[];
  /** Tiers the engine can't have, and why. */
  refused: string[];
  /** What the package picks by itself. */
  auto?: string;
  /** ms. */
  cold?: number;
  faults: string[];
  /** What its examples and refusals showed. */
  extras: string[];
}

export const notRun = (engine: string, reason: string): Row => ({
  engine,
  notRun: reason,
  tiers: [],
  refused: [],
  faults: [],
  extras: [],
});

export function summary(row: Row): string {
  const { engine, version, auto, cold, faults } = row;
  if (row.notRun) return `${engine.padEnd(28)} not run: ${row.notRun}`;
  const tiers = row.tiers.map((t) => `${t.tier} ${t.models - t.wrong}/${t.models}`).join(", ");
  return `${engine.padEnd(28)} ${version?.padEnd(16)} ${tiers}; auto ${auto ?? "–"}, cold ${ms(cold)}${faults.length ? `; ${faults.length} FAULTS` : ""}`;
}

const ms = (value?: number): string => (value === undefined ? "–" : `${value.toFixed(1)} ms`);

/** docs/engines.md. Cold start and latency are this machine's; everything else must not change between runs. */
export function renderPage(rows: readonly Row[], reference: Result, notes: readonly string[]): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const line = (cells: string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  const body = rows.map((row) => {
    if (row.notRun) return line([row.engine, "", `not run: ${row.notRun}`, "", "", "", ""]);
    const ran = row.tiers.map((t) => t.tier).join(", ") || "none";
    const exact = row.tiers.every((t) => t.wrong === 0) && row.faults.length === 0 && row.tiers.length > 0;
    const ratios = row.tiers.map((t) => `${t.tier} ${(t.latency / reference.latency).toFixed(2)}`).join(", ");
    return line([
      row.engine,
      row.version ?? "",
      ran,
      exact ? `yes, ${Math.max(...row.tiers.map((t) => t.models))} models` : `**no** (${row.faults.length})`,
      row.auto ?? "–",
      ms(row.cold),
      ratios,
    ]);
  });
  const refused = rows.flatMap((row) => row.refused.map((text) => `- ${row.engine}: ${text}.`));
  const extras = rows.flatMap((row) => row.extras.map((text) => `- ${row.engine}: ${text}`));
  const faults = rows.flatMap((row) => row.faults.map((text) => `- ${text}`));
  const section = (title: string, lines: string[]): string[] =>
    lines.length ? ["", `## ${title}`, "", ...lines] : [];
  return [
    "# Engines",
    "",
    "Written by `npm run engines -- --all`. The same packed files run on the built package, installed as npm would, in every",
    "engine that can be had; a hash over all outputs of three inferences on reproducible inputs is compared with what the",
    `plain SIMD build gives in Node ${process.versions.node}. *Exact* means that no byte differs in any model and tier.`,
    `Models: ${Object.keys(reference.outputs).length}.`,
    "",
    "*Auto* is the tier that the package picks. *Cold start* runs from bytes in memory, the package imported, to the end of",
    "the first keyword inference: median of five fresh processes or pages. *Latency* is that of one keyword inference, as a",
    `multiple of plain SIMD in Node ${process.versions.node.split(".")[0]} in the same run; shared cores, so read the order of magnitude.`,
    "",
    line(["engine", "version", "tiers run", "exact", "auto", "cold start", "latency"]),
    line(Array(7).fill("---")),
    ...body,
    ...section("Faults", faults),
    ...section("Shown besides", extras),
    ...section("Tiers an engine can't have", refused),
    ...section(
      "Models",
      notes.map((note) => `- ${note}`),
    ),
    "",
  ].join("\n");
}

/** `quantize --budget`: which scheme each layer gets is searched for, on all cores, and kept in a file meanwhile. */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { extname } from "node:path";
import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import type { Graph } from "../graph/graph.ts";
import type { Recipe } from "../quantize/recipe.ts";
import { NibbleError } from "../runtime/errors.ts";
import { type Budget, parseBudget } from "../search/budget.ts";
import { defaultCandidates, parseCandidate, unitsOf } from "../search/candidates.ts";
import { type SearchReport, searchReport } from "../search/report.ts";
import { search } from "../search/search.ts";
import { emptyState, parseState, type SearchState } from "../search/state.ts";
import { openPool } from "../threads/pool.ts";
import { usageError } from "./errors.ts";
import { checkOutput, jsonBytes, readFile, writeFiles } from "./files.ts";
import type { GroundTask } from "./ground-task.ts";
import type { MethodOptions } from "./methods.ts";
import { positiveInteger } from "./options.ts";
import type { ProgressBar } from "./progress.ts";
import type { SchemeOptions } from "./schemes.ts";

export interface SearchOptions {
  budget?: Budget;
  candidates?: string[];
  search?: string;
  threads?: number;
}

export const addSearchOptions = (command: Command): Command =>
  command
    .addOption(
      new Option(
        "--budget <bound>",
        "search schemes for every layer under size=60kB, latency=200us, loss=0.5 (points) or sqnr=25dB; may be given again",
      ).argParser(parseBound),
    )
    .addOption(
      new Option(
        "--candidates <list>",
        `what the search gives to layers, as scheme/field=value,… (default: ${defaultCandidates.join(",")})`,
      ).argParser((text) => text.split(",")),
    )
    .option("--search <file>", "keeps what a search measured (default: the output's name with .search.json)")
    .option("--threads <n>", "that the search runs on (default: all cores)", positiveInteger);

function parseBound(text: string, known?: Budget): Budget {
  try {
    return parseBudget(text, known);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

/** Options that a search has no place for, and what to do instead. */
const contradicting = [
  [
    ["scheme", "prune", "pruneBlock", "blockSize", "asymmetric"],
    "name what layers may become with --candidates, and single layers with --layer",
  ],
  [
    ["smooth", "lowRank", "pruneChannels", "recover"],
    "what a search measures is made without it; give the recipe that it finds to --recipe",
  ],
] as const;

/** Where the search is kept; undefined where there is none. @throws a usage error for options that contradict it. */
export function searchFileOf(
  options: SearchOptions & SchemeOptions & MethodOptions & { output: string },
): string | undefined {
  const { budget, output } = options;
  if (!budget) {
    for (const name of ["candidates", "search", "threads"] as const)
      if (options[name] !== undefined) throw usageError(`option '--${name}' needs '--budget <bound>'`);
    return undefined;
  }
  for (const [names, remedy] of contradicting)
    for (const name of names) {
      if (options[name] === undefined) continue;
      const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      throw usageError(`option '--${flag}' contradicts '--budget': ${remedy}`);
    }
  const file = options.search ?? `${output.slice(0, output.length - extname(output).length)}.search.json`;
  checkOutput(file, [output]);
  return file;
}

export interface SearchWork {
  /** As it was read; and what is searched, whose convolutions among float operators are matrix multiplies. */
  source: Graph;
  graph: Graph;
  task: Omit<GroundTask, "graph">;
  options: SearchOptions & SchemeOptions & { exclude?: string[] };
  /** Layers that are not searched for. */
  recipe: Recipe;
  file: string;
  /** Digest of the source. */
  digest: string;
  metadata: unknown;
  signal: AbortSignal;
  bar: ProgressBar;
}

/** Milliseconds between two states in the file. */
const between = 1000;

/** The recipe that a search chooses, which is kept in `file` while it runs and afterwards. */
export async function searchRecipe(work: SearchWork): Promise<{ recipe: Recipe; report: SearchReport }> {
  const { options, file, signal, bar } = work;
  const budget = options.budget!;
  const candidates = (options.candidates ?? defaultCandidates).map((text) =>
    parseCandidate(text, options.method),
  );
  const threads = options.threads ?? availableParallelism();

  const first = await openPool({ threads: 1, signal });
  const laid = await first
    .run("ground", { graph: work.graph, ...work.task }, bar.update)
    .finally(first.close);
  const ground = { ...laid.ground, metadata: work.metadata };
  const units = unitsOf(ground.graph, candidates, work.recipe, options.exclude);
  const parts = [
    packageJson.version,
    process.version,
    work.digest,
    laid.digests,
    ground.build,
    units.map((unit) => [unit.name, unit.candidates]),
  ];
  const key = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  const state: SearchState = existsSync(file)
    ? parseState(new TextDecoder().decode(readFile(file)), key, file)
    : emptyState(key);

  let saved = performance.now();
  const save = (): void => {
    saved = performance.now();
    writeFiles([{ path: file, bytes: jsonBytes(state) }]);
  };
  const pool = await openPool({ threads, shared: ground, signal });
  try {
    const settings = {
      ...{ ground, units, budget, pool, state },
      keep: () => {
        if (performance.now() - saved > between) save();
      },
      onProgress: bar.update,
    };
    const result = await search(settings);
    const report = searchReport(settings, result);
    const { layers = [], ...rest } = report.recipe;
    // Parts of what is unfolded have no name in the source.
    const named = layers.filter(({ match }) => work.source.nodes.some(({ name }) => name === match));
    return { recipe: report.recipe, report: { ...report, recipe: { ...rest, layers: named } } };
  } catch (error) {
    if (!(error instanceof NibbleError) || error.code !== "interrupted") throw error;
    throw new NibbleError(
      "interrupted",
      `interrupted: what was measured is kept in ${file}; the same command goes on from there`,
    );
  } finally {
    await pool.close();
    save();
  }
}

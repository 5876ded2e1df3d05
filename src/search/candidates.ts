/** What each layer of a search may become. */

import type { Graph, Node } from "../graph/graph.ts";
import { applicable } from "../quantize/layers/index.ts";
import { type LayerMatrix, matrixOf } from "../quantize/layers/matrix.ts";
import { assignSchemes, checkedScheme, type Recipe } from "../quantize/recipe.ts";
import { bitsOf, defaultScheme, type LayerScheme, type Method, type Scheme } from "../quantize/schemes.ts";
import { NibbleError } from "../runtime/errors.ts";

export interface Candidate {
  /** As it is written: "int4", "int8/prune=0.5". */
  name: string;
  scheme: LayerScheme;
}

/** The layers of one name, which change together, and what they may become. */
export interface Unit {
  name: string;
  nodes: Node[];
  /** The first is what the others are compared with. */
  candidates: Candidate[];
}

export const defaultCandidates: readonly string[] = [
  "int8",
  "float32",
  "float16",
  "int4",
  "int2",
  "codebook",
  "int8/prune=0.5",
  "int8/prune=0.5/pruneBlock=1x1",
  "codebook/prune=0.5/pruneBlock=1x1",
  "dynamic-int8",
  "weight-int4",
];

/**
 * Reads "scheme/field=value/field=value", with the fields of a recipe.
 *
 * @param method of what is rounded to fewer than 8 bits or pruned, where the text names none
 * @throws NibbleError "bad-input" naming what is not understood.
 */
export function parseCandidate(name: string, method: Method = "gptq"): Candidate {
  const [scheme, ...fields] = name.split("/");
  const settings: Record<string, unknown> = {};
  for (const field of fields) {
    const [, key, value] = /^(\w+)=(.+)$/.exec(field) ?? [];
    if (key === undefined || key === "scheme" || !(key in defaultScheme))
      throw new NibbleError(
        "bad-input",
        `candidate "${name}": expected a scheme, then /field=value with ${Object.keys(defaultScheme).slice(1).join(", ")}, found "${field}"`,
      );
    settings[key] = parsedValue(value!);
  }
  const isCoarse = (bitsOf(scheme as Scheme) ?? 8) < 8 || Number(settings.prune ?? 0) > 0;
  const rounding = isCoarse ? method : "rtn";
  const wanted = { ...defaultScheme, method: rounding, ...settings, scheme } as LayerScheme;
  return { name, scheme: checkedScheme(wanted, `candidate "${name}"`) };
}

function parsedValue(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  if (/^\d+x\d+$/.test(text)) return text.split("x").map(Number);
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/**
 * Every layer with weights, in execution order. Those that a pattern of `recipe` names, or `exclude`, have one candidate:
 * what is asked for them. Candidates that come to the same for a layer are one.
 *
 * @throws NibbleError "bad-input" where no layer has a choice.
 */
export function unitsOf(
  graph: Graph,
  candidates: readonly Candidate[],
  { layers = [] }: Recipe,
  exclude: readonly string[] = [],
): Unit[] {
  // What patterns say is found by asking twice: only what they touch differs from neither default.
  const asked = (["float32", "float16"] as const).map((scheme) =>
    assignSchemes(graph, { default: { scheme }, layers }),
  );
  const units = new Map<string, Unit>();
  for (const node of graph.nodes) {
    const matrix = matrixOf(node);
    if (!matrix) continue;
    const known = units.get(node.name);
    if (known) {
      known.nodes.push(node);
      continue;
    }
    const [one, other] = asked.map((schemes) => schemes.get(node)!);
    const isAsked = exclude.includes(node.name) || one!.scheme === other!.scheme;
    const scheme = exclude.includes(node.name)
      ? ({ ...one, scheme: "float32", prune: 0 } as LayerScheme)
      : one!;
    const own = isAsked ? [{ name: scheme.scheme, scheme }] : candidates;
    units.set(node.name, { name: node.name, nodes: [node], candidates: distinct(matrix, own) });
  }
  const found = [...units.values()];
  if (found.some((unit) => unit.candidates.length > 1)) return found;
  throw new NibbleError(
    "bad-input",
    `graph "${graph.name}": expected layers with weights that may become one thing or another, found ${found.length} without a choice; leave out --layer and --exclude, or the budget`,
  );
}

/** What the schemes come to for one layer, each once. */
function distinct(matrix: LayerMatrix, candidates: readonly Candidate[]): Candidate[] {
  const found = new Map<string, Candidate>();
  for (const { name, scheme } of candidates) {
    const real = applicable(matrix, scheme);
    const { blockSize, asymmetric, pruneBlock, ...rest } = real;
    const isByBlock = real.scheme.startsWith("weight-");
    const key = JSON.stringify([rest, isByBlock && [blockSize, asymmetric], real.prune > 0 && pruneBlock]);
    // A name that says something else than what the layer becomes would mislead.
    const isSame = real.scheme === scheme.scheme && real.prune === scheme.prune;
    if (!found.has(key)) found.set(key, { name: isSame ? name : real.scheme, scheme: real });
  }
  return [...found.values()];
}

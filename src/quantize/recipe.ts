/** Which scheme each layer gets: a default, and patterns of names, the last that matches winning. */

import type { Graph, Node } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { amongFloats, defaultSchemes } from "./defaults.ts";
import { defaultScheme, isDynamic, type LayerScheme, methods, schemes } from "./schemes.ts";

export interface Recipe {
  default?: Partial<LayerScheme>;
  layers?: (Partial<LayerScheme> & { match: string })[];
}

/**
 * The scheme of every operator. Without a default, layers among float operators become dynamic int8; layers that are
 * float by their nature become float16. A pattern overrides either; convolutions among float operators are unfolded for
 * the dynamic schemes wherever these come from.
 *
 * @throws NibbleError "bad-input" for settings that make no sense, and for patterns that match nothing.
 */
export function assignSchemes(graph: Graph, recipe: Recipe): Map<Node, LayerScheme> {
  const base = checkedScheme({ ...defaultScheme, ...recipe.default }, "default");
  const mayBeDynamic = recipe.default?.scheme === undefined;
  const assigned = defaultSchemes(graph, base, mayBeDynamic);
  const plain = mayBeDynamic ? new Map(assigned) : defaultSchemes(graph, defaultScheme, true);
  for (const { match, ...settings } of recipe.layers ?? []) {
    const pattern = glob(match);
    const exact = graph.nodes.filter(({ name }) => name === match);
    const nodes = exact.length > 0 ? exact : graph.nodes.filter(({ name }) => pattern.test(name));
    if (nodes.length === 0) {
      const names = graph.nodes.map(({ name }) => `"${name}"`).join(", ");
      throw new NibbleError("bad-input", `layer "${match}": no operator has such a name; there are ${names}`);
    }
    for (const node of nodes) {
      const { reason: _, ...before } = assigned.get(node)!;
      const layer = checkedScheme({ ...before, ...settings }, `layer "${match}"`);
      const isUnfolded = plain.get(node)!.reason === amongFloats && isDynamic(layer.scheme);
      assigned.set(node, isUnfolded ? { ...layer, reason: amongFloats } : layer);
    }
  }
  return assigned;
}

/** * stands for any characters, ? for one; a name that is there stands for itself alone. */
function glob(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s");
}

/** @throws NibbleError "bad-input" naming the setting that makes no sense. */
export function checkedScheme(layer: LayerScheme, place: string): LayerScheme {
  const refuse = (what: string, expected: string, found: unknown): never => {
    throw new NibbleError(
      "bad-input",
      `${place}: ${what} expected ${expected}, found ${JSON.stringify(found)}`,
    );
  };
  const { scheme, method, blockSize, asymmetric, prune, pruneBlock } = layer;
  if (!schemes.includes(scheme)) refuse("scheme", `one of ${schemes.join(", ")}`, scheme);
  if (!methods.includes(method)) refuse("method", `one of ${methods.join(", ")}`, method);
  if (!Number.isInteger(blockSize) || blockSize < 8 || blockSize > 32768 || blockSize % 8 !== 0)
    refuse("blockSize", "a multiple of 8 from 8 to 32768", blockSize);
  if (typeof asymmetric !== "boolean") refuse("asymmetric", "true or false", asymmetric);
  if (!(prune >= 0 && prune < 1)) refuse("prune", "a share from 0 to below 1", prune);
  const isBlock =
    Array.isArray(pruneBlock) &&
    pruneBlock.length === 2 &&
    pruneBlock.every((d) => Number.isInteger(d) && d >= 1);
  if (!isBlock) refuse("pruneBlock", "two whole numbers from 1 up", pruneBlock);
  return layer;
}

const known = ["scheme", "method", "blockSize", "asymmetric", "prune", "pruneBlock"];

/**
 * A recipe read from JSON.
 *
 * @throws NibbleError "bad-input" naming what is not understood.
 */
export function parseRecipe(text: string, file: string): Recipe {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new NibbleError("bad-input", `${file}: expected JSON: ${(cause as Error).message}`, { cause });
  }
  const recipe = fieldsOf(parsed, ["default", "layers"], file);
  if (recipe.default !== undefined) fieldsOf(recipe.default, known, `${file}: default`);
  const { layers = [] } = recipe;
  if (!Array.isArray(layers)) throw new NibbleError("bad-input", `${file}: "layers" expected a list`);
  for (const [i, layer] of layers.entries()) {
    const fields = fieldsOf(layer, ["match", ...known], `${file}: layers[${i}]`);
    if (typeof fields.match !== "string")
      throw new NibbleError("bad-input", `${file}: layers[${i}]: "match" expected a pattern of names`);
  }
  return recipe as Recipe;
}

function fieldsOf(value: unknown, names: string[], place: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new NibbleError("bad-input", `${place}: expected an object with ${names.join(", ")}`);
  const stranger = Object.keys(value).find((key) => !names.includes(key));
  if (stranger === undefined) return value as Record<string, unknown>;
  throw new NibbleError("bad-input", `${place}: unknown field "${stranger}"; there are ${names.join(", ")}`);
}

/** One point of a search: which candidate each layer has, and the recipe that makes it. */

import type { Graph, Node, Tensor } from "../graph/graph.ts";
import type { Recipe } from "../quantize/recipe.ts";
import { isStatic, type LayerScheme } from "../quantize/schemes.ts";
import type { Unit } from "./candidates.ts";

/** The candidate of each unit, by its number. */
export type Assignment = readonly number[];

export const keyOf = (assignment: Assignment): string => assignment.join(",");

/**
 * The recipe of an assignment. Operators without weights are int8 where all that feeds them is, else float32: what a
 * float layer gives is not rounded before something asks for it.
 */
export function recipeOf(graph: Graph, units: readonly Unit[], assignment: Assignment): Recipe {
  const chosen = new Map<Node, LayerScheme>();
  for (const [i, { nodes, candidates }] of units.entries())
    for (const node of nodes) chosen.set(node, candidates[assignment[i]!]!.scheme);
  const layers = units.map(({ name, candidates }, i) => ({
    match: name,
    ...candidates[assignment[i]!]!.scheme,
  }));
  const isInteger = [...chosen.values()].some(({ scheme }) => isStatic(scheme));
  if (!isInteger) return { default: { scheme: "float32" }, layers };
  const floats = new Set<Tensor>();
  for (const node of graph.nodes) {
    const scheme = chosen.get(node)?.scheme;
    const isFloat = scheme ? !isStatic(scheme) : node.inputs.some((t) => t && floats.has(t));
    if (!isFloat) continue;
    for (const output of node.outputs) floats.add(output);
    if (!scheme) layers.push({ match: node.name, scheme: "float32" } as (typeof layers)[number]);
  }
  return { default: { scheme: "int8" }, layers };
}

/** "6 × int4, 2 × int8": what the layers are, the most frequent first. */
export function summaryOf(units: readonly Unit[], assignment: Assignment): string {
  const counts = new Map<string, number>();
  for (const [i, { nodes, candidates }] of units.entries()) {
    const { name } = candidates[assignment[i]!]!;
    counts.set(name, (counts.get(name) ?? 0) + nodes.length);
  }
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([name, count]) => `${count} × ${name}`)
    .join(", ");
}

/** Schemes that suit operators better than the one asked for: known from the graph alone. */

import type { Graph, Node } from "../graph/graph.ts";
import { floatByNature } from "./integer.ts";
import { matrixOf } from "./layers/matrix.ts";
import { isUnfoldable } from "./layers/unfold.ts";
import { hasWeights, neighboursOf } from "./operators.ts";
import { floatNodes } from "./plan.ts";
import type { LayerScheme } from "./schemes.ts";

/** Why a layer is dynamic by default; convolutions are unfolded for it. */
export const amongFloats = "among float operators";

/**
 * The scheme of every operator where no pattern names one: `base`, but float16 for layers that are float by their
 * nature, and, where `mayBeDynamic`, dynamic int8 for those that only float operators surround. Static activations would
 * be converted there and back, and lose more.
 */
export function defaultSchemes(
  graph: Graph,
  base: LayerScheme,
  mayBeDynamic: boolean,
): Map<Node, LayerScheme> {
  const natural = base.scheme.startsWith("float") ? new Map<Node, string>() : floatByNature(graph);
  const halves = new Map([...natural].filter(([node]) => hasWeights(node)));
  const dynamic = mayBeDynamic ? betweenFloats(graph, halves) : new Set<Node>();
  return new Map(
    graph.nodes.map((node): [Node, LayerScheme] => {
      const reason = halves.get(node);
      if (reason !== undefined) return [node, { ...base, scheme: "float16", prune: 0, reason }];
      return [node, dynamic.has(node) ? { ...base, scheme: "dynamic-int8", reason: amongFloats } : base];
    }),
  );
}

/** Layers that multiply matrices, or can be made to, next to each other and to float operators alone, one of these at least. */
function betweenFloats(graph: Graph, halves: ReadonlyMap<Node, string>): Set<Node> {
  const float = floatNodes(graph, [], halves);
  const neighbours = neighboursOf(graph);
  const dynamic = new Set<Node>();
  const seen = new Set<Node>();
  for (const first of graph.nodes) {
    if (float.has(first) || seen.has(first)) continue;
    const island = new Set([first]);
    let isBeside = false;
    for (const node of island)
      for (const next of neighbours(node)) {
        if (float.has(next)) isBeside = true;
        else island.add(next);
      }
    for (const node of island) seen.add(node);
    if (isBeside && [...island].every((node) => matrixOf(node)?.isMatmul || isUnfoldable(node)))
      for (const node of island) dynamic.add(node);
  }
  return dynamic;
}

/** Which layers are measured in one walk over the samples, and how much of the graph such a walk runs. */

import type { Graph, Tensor } from "../../graph/graph.ts";
import type { LayerMatrix } from "./matrix.ts";

/** Layers are measured together as long as their moments stay below this. */
const budget = 256 * 2 ** 20;

const bytesOf = ({ groups, k }: LayerMatrix): number => groups * k * k * 16;

/**
 * `layers`, which are in the graph's order, cut into walks. No layer follows from another of its walk: it would see
 * inputs on which nothing of what the other is about to make up for is made up for yet, and make up for it again.
 */
export function walksOf(graph: Graph, layers: readonly LayerMatrix[]): LayerMatrix[][] {
  const byNode = new Map(layers.map((layer) => [layer.node as Graph["nodes"][number], layer]));
  const walks: LayerMatrix[][] = [];
  /** What follows from the last walk. */
  const behind = new Set<Tensor>();
  let filled = Infinity;
  for (const node of graph.nodes) {
    const layer = byNode.get(node);
    const follows = node.inputs.some((tensor) => tensor && behind.has(tensor));
    if (layer && (follows || filled + bytesOf(layer) > budget)) {
      walks.push([]);
      behind.clear();
      filled = 0;
    }
    if (layer) {
      walks.at(-1)!.push(layer);
      filled += bytesOf(layer);
    }
    if (layer || follows) for (const tensor of node.outputs) behind.add(tensor);
  }
  return walks;
}

/** `graph` as far as `walk` needs it; all of one that remembers, whose earlier operators read what later ones leave. */
export function upTo(graph: Graph, walk: readonly LayerMatrix[]): Graph {
  if ((graph.states ?? []).length > 0) return graph;
  const { node } = walk.at(-1)!;
  return { ...graph, nodes: graph.nodes.slice(0, graph.nodes.indexOf(node) + 1), outputs: node.outputs };
}

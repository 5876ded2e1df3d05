import type { Graph, Tensor } from "../graph.ts";

/** Removes nodes none of whose results any output needs. Nodes have to be in execution order. */
export function removeDeadCode(graph: Graph): boolean {
  const needed = new Set<Tensor>(graph.outputs);
  const alive = graph.nodes.reduceRight<typeof graph.nodes>((kept, node) => {
    if (!node.outputs.some((output) => needed.has(output))) return kept;
    for (const input of node.inputs) if (input) needed.add(input);
    kept.push(node);
    return kept;
  }, []);
  if (alive.length === graph.nodes.length) return false;
  graph.nodes = alive.reverse();
  return true;
}

import type { Graph } from "../graph.ts";
import { makeNode, movesOnlyUnits } from "./rewrite.ts";

/** A transpose that only moves dimensions of size 1 leaves the elements in place: it becomes a reshape. */
export function transposeToReshape(graph: Graph): boolean {
  let changed = false;
  graph.nodes = graph.nodes.map((node) => {
    if (node.op !== "transpose" || !movesOnlyUnits(node.inputs[0]!.shape, node.attributes.perm)) return node;
    changed = true;
    return makeNode("reshape", node.name, node.inputs, node.outputs[0], {});
  });
  return changed;
}

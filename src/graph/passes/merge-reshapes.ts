import type { Graph } from "../graph.ts";
import { removeCopy, sameQuantization, sameShape, usesOf } from "./rewrite.ts";

/** reshape(reshape(x)) reads x directly; a reshape to the shape its operand has disappears. */
export function mergeReshapes(graph: Graph): boolean {
  let changed = false;
  const uses = usesOf(graph);
  for (const node of graph.nodes) {
    if (node.op !== "reshape") continue;
    const before = uses.producer(node.inputs[0]);
    if (before?.op !== "reshape" || !sameQuantization(before.inputs[0]!, before.outputs[0])) continue;
    node.inputs = [before.inputs[0]];
    changed = true;
  }
  for (const node of [...graph.nodes]) {
    if (node.op !== "reshape") continue;
    const [from, to] = [node.inputs[0]!, node.outputs[0]];
    if (!from.data && sameShape(from.shape, to.shape) && sameQuantization(from, to)) {
      changed = removeCopy(graph, node) || changed;
    }
  }
  return changed;
}

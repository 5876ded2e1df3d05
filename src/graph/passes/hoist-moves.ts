import type { Graph, Node } from "../graph.ts";
import { makeNode, tensorLike, usesOf } from "./rewrite.ts";

/** Operators that hand on elements of their first operand as they are. */
const moves = new Set<Node["op"]>([
  "dilate",
  "expand",
  "gather",
  "gatherNd",
  "reshape",
  "slice",
  "transpose",
]);

function step(graph: Graph): boolean {
  const uses = usesOf(graph);
  for (const node of graph.nodes) {
    if (!moves.has(node.op)) continue;
    const dequantize = uses.producer(node.inputs[0]);
    const source = dequantize?.op === "dequantize" ? dequantize.inputs[0] : undefined;
    if (source?.quantization?.scale.length !== 1) continue;
    const [output] = node.outputs;
    const moved = tensorLike(source, `${output.name}/moved`, output.shape);
    node.inputs = [source, ...node.inputs.slice(1)];
    node.outputs = [moved];
    const after = makeNode("dequantize", `${node.name}/dequantize`, [moved], output, {});
    graph.nodes.splice(graph.nodes.indexOf(node) + 1, 0, after);
    return true;
  }
  return false;
}

/**
 * An operator that moves elements behind a dequantize goes in front of it: it then moves integers, and the operators
 * behind find the dequantize they fold with. Exact.
 */
export function hoistMoves(graph: Graph): boolean {
  let changed = false;
  while (step(graph)) changed = true;
  return changed;
}

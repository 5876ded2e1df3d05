import type { Graph } from "../graph.ts";
import { makeNode, tensorLike, usesOf } from "./rewrite.ts";

function step(graph: Graph): boolean {
  const uses = usesOf(graph);
  for (const node of graph.nodes) {
    if (node.op !== "transpose" && node.op !== "reshape" && node.op !== "dilate") continue;
    const dequantize = uses.producer(node.inputs[0]);
    const source = dequantize?.op === "dequantize" ? dequantize.inputs[0] : undefined;
    if (source?.quantization?.scale.length !== 1) continue;
    const [output] = node.outputs;
    const moved = tensorLike(source, `${output.name}/moved`, output.shape);
    node.inputs = [source];
    node.outputs = [moved];
    const after = makeNode("dequantize", `${node.name}/dequantize`, [moved], output, {});
    graph.nodes.splice(graph.nodes.indexOf(node) + 1, 0, after);
    return true;
  }
  return false;
}

/**
 * A transpose, a reshape or zeros between elements behind a dequantize go in front of it: they then move integers, and
 * the operators behind find the dequantize they fold with. Exact, since a zero has an integer.
 */
export function hoistMoves(graph: Graph): boolean {
  let changed = false;
  while (step(graph)) changed = true;
  return changed;
}

import type { Graph, Node, NodeOf } from "../graph.ts";
import { floatConstant, isFloatConstant } from "./constant.ts";
import { isFloat, makeNode, type Uses, usesOf } from "./rewrite.ts";

const isWeighted = (node: Node | undefined): boolean =>
  node?.op === "conv2d" || node?.op === "depthwiseConv2d" || node?.op === "fullyConnected";

/** Whether a factor in place of the divisor could go into weights: a neighbour has some, and nothing else reads. */
function meetsWeights(node: NodeOf<"binary">, uses: Uses): boolean {
  const x = node.inputs[0]!;
  if (isWeighted(uses.producer(x)) && uses.onlyConsumer(x) === node) return true;
  return isWeighted(uses.onlyConsumer(node.outputs[0]));
}

/**
 * Division by a float constant next to a convolution or fullyConnected becomes multiplication by its
 * reciprocal, which the passes behind fold into weights. Results differ by the reciprocal's rounding.
 */
export function divideToMultiply(graph: Graph): boolean {
  let changed = false;
  for (const [i, node] of graph.nodes.entries()) {
    if (node.op !== "binary" || node.attributes.kind !== "div") continue;
    const [x, divisor] = node.inputs;
    const [y] = node.outputs;
    if (!isFloatConstant(divisor) || !isFloat(x, y) || !meetsWeights(node, usesOf(graph))) continue;
    const reciprocal = divisor.data.map((v) => 1 / v);
    if (reciprocal.some((r) => !Number.isFinite(r) || r === 0)) continue;
    const factor = floatConstant(`${divisor.name}/reciprocal`, divisor.shape, reciprocal);
    graph.nodes[i] = makeNode("mul", node.name, [x, factor], y, { activation: node.attributes.activation });
    changed = true;
  }
  return changed;
}

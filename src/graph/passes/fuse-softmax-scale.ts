import { type Graph, isUnbounded, type Node, type Tensor } from "../graph.ts";
import { isFloatConstant } from "./constant.ts";
import { isFloat, sameShape, type Uses, usesOf } from "./rewrite.ts";

interface Scaled {
  node: Node;
  x: Tensor;
  factor: number;
}

/** x times one number above 0, if that is what the node gives. */
function scaledBy(node: Node): Scaled | undefined {
  if (node.op !== "mul" && (node.op !== "binary" || node.attributes.kind !== "div")) return undefined;
  if (!isUnbounded(node.attributes.activation)) return undefined;
  const isDivision = node.op === "binary";
  const at = !isDivision && isFloatConstant(node.inputs[0]) ? 0 : 1;
  const [x, number] = [node.inputs[1 - at]!, node.inputs[at]];
  if (!isFloatConstant(number) || number.data.length !== 1) return undefined;
  const factor = isDivision ? 1 / number.data[0] : number.data[0];
  const fits = factor > 0 && Number.isFinite(factor) && sameShape(x.shape, node.outputs[0].shape);
  return fits && isFloat(x, node.outputs[0]) ? { node, x, factor } : undefined;
}

/** The scaling in front of `tensor`, behind nodes that only move elements; nothing else may read what is between. */
function scalingOf(uses: Uses, tensor: Tensor): Scaled | undefined {
  const node = uses.producer(tensor);
  if (!node || !uses.onlyConsumer(tensor)) return undefined;
  return node.op === "reshape" || node.op === "transpose" ? scalingOf(uses, node.inputs[0]!) : scaledBy(node);
}

/**
 * A number above 0 that all operands of a softmax are multiplied with, or divided by, as attention does, becomes the
 * softmax's beta. Results differ by the rounding of the products.
 */
export function fuseSoftmaxScale(graph: Graph): boolean {
  let changed = false;
  for (const node of [...graph.nodes]) {
    if (node.op !== "softmax" || !isFloat(node.inputs[0], node.outputs[0])) continue;
    const uses = usesOf(graph);
    const scaling = scalingOf(uses, node.inputs[0]!);
    if (!scaling) continue;
    const { node: removed, x, factor } = scaling;
    const reader = uses.onlyConsumer(removed.outputs[0])!;
    reader.inputs = reader.inputs.map((tensor) => (tensor === removed.outputs[0] ? x : tensor));
    graph.nodes.splice(graph.nodes.indexOf(removed), 1);
    node.attributes = { beta: Math.fround(node.attributes.beta * factor) };
    changed = true;
  }
  return changed;
}

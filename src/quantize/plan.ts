import type { Graph, Node, OperatorName, Tensor } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";

/** Operators whose int8 output is made of input values, or means of them: input and output share parameters. */
const valueKeeping: ReadonlySet<OperatorName> = new Set([
  "averagePool2d",
  "expand",
  "maxPool2d",
  "pad",
  "reshape",
  "slice",
  "transpose",
]);

export const keepsValues = (node: Node): boolean => valueKeeping.has(node.op);

/** Operators with constant weights as second and bias as third input. */
export const hasWeights = (node: Node): boolean =>
  node.op === "conv2d" || node.op === "depthwiseConv2d" || node.op === "fullyConnected";

/**
 * Why each node stays float; nodes that are not in the map become int8. An operator that keeps values
 * follows its producer: behind a float node it stays float.
 *
 * @throws NibbleError "bad-input" where `exclude` names no node of the graph.
 */
export function floatNodes(graph: Graph, exclude: readonly string[]): Map<Node, string> {
  const excluded = new Set(exclude);
  for (const name of excluded) {
    if (graph.nodes.some((node) => node.name === name)) continue;
    const names = graph.nodes.map((node) => `"${node.name}"`).join(", ");
    throw new NibbleError("bad-input", `exclude: the graph has no operator "${name}"; it has ${names}`);
  }
  const reasons = new Map<Node, string>();
  const producers = new Map<Tensor, Node>();
  for (const node of graph.nodes) {
    const reason = excluded.has(node.name) ? "excluded" : floatReason(node);
    const producer = producers.get(node.inputs[0]!);
    if (reason !== undefined) {
      reasons.set(node, reason);
    } else if (keepsValues(node) && producer && reasons.has(producer)) {
      reasons.set(node, `follows "${producer.name}"`);
    }
    for (const output of node.outputs) producers.set(output, node);
  }
  return reasons;
}

function floatReason(node: Node): string | undefined {
  if (node.op === "quantize" || node.op === "dequantize") return "already quantized";
  for (const tensor of [...node.inputs, ...node.outputs]) {
    if (tensor && tensor.dtype !== "float32") return `"${tensor.name}" is ${tensor.dtype}`;
  }
  if (!hasWeights(node)) return undefined;
  const [, weights, bias] = node.inputs;
  if (!weights?.data) return "its weights are not constant";
  if (bias && !bias.data) return "its bias is not constant";
  return undefined;
}

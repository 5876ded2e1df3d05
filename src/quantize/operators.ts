/** What the quantizer has to know of operators. */

import type { Graph, Node, OperatorName } from "../graph/graph.ts";
import { usesOf } from "../graph/passes/rewrite.ts";

/** Operators whose int8 output is made of input values, or means of them: input and output share parameters. */
const valueKeeping: ReadonlySet<OperatorName> = new Set([
  "averagePool2d",
  "dilate",
  "expand",
  "maxPool2d",
  "pad",
  "reshape",
  "resize2d",
  "slice",
  "transpose",
]);

export const keepsValues = (node: Node): boolean =>
  valueKeeping.has(node.op) ||
  (node.op === "reduce" && (node.attributes.kind === "max" || node.attributes.kind === "min"));

/** Operators with constant weights as second and bias as third input. */
export const hasWeights = (node: Node): boolean =>
  node.op === "conv2d" || node.op === "depthwiseConv2d" || node.op === "fullyConnected";

/** The operators that make what a node reads, and those that read what it makes. */
export function neighboursOf(graph: Graph): (node: Node) => Node[] {
  const { producer, consumers } = usesOf(graph);
  return ({ inputs, outputs }) => [
    ...inputs.flatMap((tensor) => producer(tensor) ?? []),
    ...outputs.flatMap(consumers),
  ];
}

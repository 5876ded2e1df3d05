/** What the quantizer has to know of operators. */

import type { Node, OperatorName } from "../graph/graph.ts";

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

/** How an operator's columns along time follow from its inputs' columns. */
import type { Node, Tensor } from "../graph/graph.ts";

/**
 * Output column p reads the input columns p · stride − before … + span of every input that has time. Columns
 * outside the input are padding.
 */
export interface Rule {
  /** Where time is in the output's shape. */
  axis: number;
  span: number;
  stride: number;
  before: number;
  /** The node's attributes where it is given a part of the columns, with so much padding along time. */
  attributes(padBefore: number, padAfter: number): Node["attributes"];
}

/** A copy of `list` with another value at `index`. */
export const replaced = (list: readonly number[], index: number, value: number): number[] =>
  list.map((old, i) => (i === index ? value : old));

/** Where time is in a tensor's shape; undefined for what does not depend on it. */
export type AxisOf = (tensor: Tensor) => number | undefined;

/** The rule, or in words why the operator needs all columns at once; "pooled" where their number does not matter. */
export function ruleOf(node: Node, axisOf: AxisOf): Rule | string {
  switch (node.op) {
    case "conv2d":
    case "depthwiseConv2d":
    case "integerConv2d":
    case "averagePool2d":
    case "maxPool2d":
      return windowRule(node, axisOf);
    case "slice":
      return sliceRule(node, axisOf);
    case "reshape":
      return reshapeRule(node, axisOf);
    case "spectrum":
      return spectrumRule(node, axisOf);
    default:
      return pointwise(node, axisOf);
  }
}

type WindowNode = Extract<
  Node,
  { op: "conv2d" | "depthwiseConv2d" | "integerConv2d" | "averagePool2d" | "maxPool2d" }
>;

function windowRule(node: WindowNode, axisOf: AxisOf): Rule | string {
  const [x, weights] = node.inputs;
  const axis = axisOf(x!);
  if (axis === undefined || (weights && axisOf(weights) !== undefined))
    return "its weights depend on the audio";
  if (axis !== 1 && axis !== 2) return "time is not a direction in which it moves";
  const i = axis - 1;
  const { attributes } = node;
  const size = "kernel" in attributes ? attributes.kernel[i] : weights!.shape[1 + i];
  const dilation = "dilation" in attributes ? attributes.dilation[i] : 1;
  const { padding } = attributes;
  const [first, last] = i === 0 ? (["top", "bottom"] as const) : (["left", "right"] as const);
  const span = (size - 1) * dilation + 1;
  const before = padding[first];
  if (Math.max(before, padding[last]) >= span) return "it has columns of nothing but padding";
  return {
    axis,
    span,
    stride: attributes.stride[i],
    before,
    attributes: (padBefore, padAfter) => ({
      ...attributes,
      padding: { ...padding, [first]: padBefore, [last]: padAfter },
    }),
  };
}

function sliceRule(node: Extract<Node, { op: "slice" }>, axisOf: AxisOf): Rule | string {
  const axis = axisOf(node.inputs[0]!)!;
  const { begin, stride } = node.attributes;
  if (stride[axis] < 1) return "it turns time round";
  const attributes = { ...node.attributes, begin: replaced(begin, axis, 0) };
  return { axis, span: 1, stride: stride[axis], before: -begin[axis], attributes: () => attributes };
}

/** Columns are samples in, frames out. */
function spectrumRule(node: Extract<Node, { op: "spectrum" }>, axisOf: AxisOf): Rule | string {
  const [x, window] = node.inputs as [Tensor, Tensor];
  const axis = axisOf(x)!;
  if (axis !== x.shape.length - 1) return columnwise(node, axis);
  const { hop } = node.attributes;
  return { axis, span: window.shape[0], stride: hop, before: 0, attributes: () => node.attributes };
}

function reshapeRule(node: Node, axisOf: AxisOf): Rule | string {
  const { shape } = node.inputs[0]!;
  const from = axisOf(node.inputs[0]!)!;
  const before = shape.slice(0, from).reduce((n, d) => n * d, 1);
  let product = 1;
  for (const [axis, size] of node.outputs[0].shape.entries()) {
    if (product === before && size === shape[from]) return columnwise(node, axis);
    product *= size;
  }
  return "it mixes time with other dimensions";
}

const columnwise = (node: Node, axis: number): Rule => ({
  axis,
  span: 1,
  stride: 1,
  before: 0,
  attributes: () => node.attributes,
});

/** Operators that make each column of the same columns of their inputs. */
function pointwise(node: Node, axisOf: AxisOf): Rule | string {
  const [x] = node.inputs;
  const axis = x ? axisOf(x) : undefined;
  const rank = x?.shape.length ?? 0;
  switch (node.op) {
    case "unary":
    case "cast":
    case "quantize":
    case "dequantize":
      return columnwise(node, axis!);
    case "add":
    case "sub":
    case "mul":
    case "binary":
    case "select":
      return broadcastRule(node, axisOf);
    case "softmax":
    case "normalize":
    case "fullyConnected":
    case "dynamicFullyConnected":
      if (axis === rank - 1) return "it runs along time";
      if (node.inputs.slice(1).some((input) => input && axisOf(input) !== undefined))
        return "its weights depend on the audio";
      return columnwise(node, axis!);
    case "transpose":
      return columnwise(node, node.attributes.perm.indexOf(axis!));
    case "concat": {
      const axes = new Set(node.inputs.map((input) => axisOf(input!)));
      if (axes.size !== 1) return "its inputs differ in where time is";
      return axis === node.attributes.axis ? "it joins columns" : columnwise(node, axis!);
    }
    case "pad":
      return node.attributes.before[axis!] || node.attributes.after[axis!]
        ? "it pads time by itself"
        : columnwise(node, axis!);
    case "mean":
    case "reduce": {
      const { axes, keepDims } = node.attributes;
      if (axes.includes(axis!)) return "pooled";
      return columnwise(node, keepDims ? axis! : axis! - axes.filter((a) => a < axis!).length);
    }
    default:
      return "it is not known column by column";
  }
}

/** Operands without time are of one value along it, in order that any part of the columns may be taken. */
function broadcastRule(node: Node, axisOf: AxisOf): Rule | string {
  const rank = node.outputs[0].shape.length;
  const timed = node.inputs.filter((input) => input && axisOf(input) !== undefined) as Tensor[];
  const axes = timed.map((input) => axisOf(input)! + rank - input.shape.length);
  const [axis] = axes;
  if (axes.some((a) => a !== axis)) return "its inputs differ in where time is";
  for (const input of node.inputs) {
    if (!input || axisOf(input) !== undefined) continue;
    const at = axis + input.shape.length - rank;
    if (at >= 0 && input.shape[at] !== 1) return "a constant of it changes along time";
  }
  return columnwise(node, axis);
}

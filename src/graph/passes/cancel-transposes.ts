import type { Graph, Node, NodeOf, Tensor } from "../graph.ts";
import { type Constant, isConstant, permuteConstant, reshapeConstant } from "./constant.ts";
import { padShape, reshapeBefore, transposeAfter, wideDimensions } from "./layout.ts";
import { inversePerm, movesOnlyUnits, removeCopy, sameShape, type Uses, usesOf } from "./rewrite.ts";

type Transpose = NodeOf<"transpose">;

/** Rewrites `node` so that `moved`, the transposes it reads, come after it; false when it can't. */
type Push = (graph: Graph, node: Node, moved: (Transpose | undefined)[]) => boolean;

const isPerTensor = (tensor: Tensor): boolean => (tensor.quantization?.scale.length ?? 1) === 1;

/** The shape that a transpose by `perm` turns into `shape`. */
const shapeBefore = (shape: readonly number[], perm: readonly number[]): number[] =>
  inversePerm(perm).map((p) => shape[p]);

/** Elementwise operators with one operand. */
const pushThroughUnary: Push = (graph, node, [moved]) => {
  if (!moved) return false;
  const { perm } = moved.attributes;
  node.inputs = [moved.inputs[0]];
  transposeAfter(graph, node, shapeBefore(node.outputs[0].shape, perm), perm);
  return true;
};

/** The operand that stands beside a transposed one, brought into the layout in front of the transposes. */
function otherOperand(graph: Graph, node: Node, tensor: Tensor, perm: number[]): Tensor | null {
  if (tensor.shape.length > perm.length) return null;
  if (isConstant(tensor)) {
    if (tensor.data.length === 1) return tensor;
    const padded = reshapeConstant(tensor, padShape(tensor.shape, perm.length));
    return padded && permuteConstant(padded, inversePerm(perm));
  }
  const shape = padShape(tensor.shape, perm.length);
  if (!movesOnlyUnits(shape, inversePerm(perm))) return null;
  return reshapeBefore(graph, node, tensor, shapeBefore(shape, perm));
}

const pushThroughBinary: Push = (graph, node, moved) => {
  const transposed = moved.find((t) => t !== undefined);
  if (!transposed) return false;
  const { perm } = transposed.attributes;
  if (perm.length !== node.outputs[0].shape.length) return false;
  const fits = moved.every((t) => !t || sameShape(t.attributes.perm, perm));
  if (!fits) return false;
  const inputs = node.inputs.map(
    (tensor, i) => moved[i]?.inputs[0] ?? otherOperand(graph, node, tensor!, perm),
  );
  if (inputs.includes(null)) return false;
  node.inputs = inputs;
  transposeAfter(graph, node, shapeBefore(node.outputs[0].shape, perm), perm);
  return true;
};

const pushThroughConcat: Push = (graph, node, moved) => {
  const perm = moved.find((t) => t !== undefined)?.attributes.perm;
  if (node.op !== "concat" || !perm) return false;
  const fits = moved.every((t, i) => (t ? sameShape(t.attributes.perm, perm) : isConstant(node.inputs[i])));
  if (!fits) return false;
  node.inputs = node.inputs.map(
    (tensor, i) => moved[i]?.inputs[0] ?? permuteConstant(tensor as Constant, inversePerm(perm)),
  );
  node.attributes = { ...node.attributes, axis: perm[node.attributes.axis] };
  transposeAfter(graph, node, shapeBefore(node.outputs[0].shape, perm), perm);
  return true;
};

const pushThroughPad: Push = (graph, node, [moved]) => {
  if (node.op !== "pad" || !moved) return false;
  const { perm } = moved.attributes;
  const { before, after, value } = node.attributes;
  node.inputs = [moved.inputs[0]];
  node.attributes = { before: shapeBefore(before, perm), after: shapeBefore(after, perm), value };
  transposeAfter(graph, node, shapeBefore(node.outputs[0].shape, perm), perm);
  return true;
};

const pushThroughSlice: Push = (graph, node, [moved]) => {
  if (node.op !== "slice" || !moved) return false;
  const { perm } = moved.attributes;
  const { begin, stride } = node.attributes;
  node.inputs = [moved.inputs[0]];
  node.attributes = { begin: shapeBefore(begin, perm), stride: shapeBefore(stride, perm) };
  transposeAfter(graph, node, shapeBefore(node.outputs[0].shape, perm), perm);
  return true;
};

/** A broadcast that adds no dimension. */
const pushThroughExpand: Push = (graph, node, [moved]) => {
  if (moved?.attributes.perm.length !== node.outputs[0].shape.length) return false;
  return pushThroughUnary(graph, node, [moved]);
};

/** A list of indices picks along the same dimension, wherever that lies. */
const pushThroughGather: Push = (graph, node, [moved, ...others]) => {
  if (node.op !== "gather" || !moved || others.some((t) => t !== undefined)) return false;
  const { axis, batchDims } = node.attributes;
  if (batchDims !== 0 || node.inputs[1]!.shape.length !== 1) return false;
  const { perm } = moved.attributes;
  node.inputs = [moved.inputs[0], node.inputs[1]];
  node.attributes = { ...node.attributes, axis: perm[axis] };
  transposeAfter(graph, node, shapeBefore(node.outputs[0].shape, perm), perm);
  return true;
};

/** A mean or another reduction takes the same values; only the order of its float additions may differ. */
const pushThroughMean: Push = (graph, node, [moved]) => {
  if ((node.op !== "mean" && node.op !== "reduce") || !moved) return false;
  const { perm } = moved.attributes;
  const { axes, keepDims } = node.attributes;
  const movedAxes = axes.map((axis) => perm[axis]).sort((a, b) => a - b);
  const left = perm.filter((_, i) => !axes.includes(i));
  const order = [...left].sort((a, b) => a - b);
  const outPerm = keepDims ? perm : left.map((d) => order.indexOf(d));
  node.inputs = [moved.inputs[0]];
  node.attributes = { ...node.attributes, axes: movedAxes };
  transposeAfter(graph, node, shapeBefore(node.outputs[0].shape, outPerm), outPerm);
  return true;
};

/** Operators along one axis, which keep the rank. */
const pushThroughAxis: Push = (graph, node, [moved]) => {
  if (node.op !== "cumsum" || !moved) return false;
  const { perm } = moved.attributes;
  node.inputs = [moved.inputs[0]];
  node.attributes = { ...node.attributes, axis: perm[node.attributes.axis] };
  transposeAfter(graph, node, shapeBefore(node.outputs[0].shape, perm), perm);
  return true;
};

/** Both resampled dimensions have to stay neighbours in their order. */
const pushThroughResize: Push = (graph, node, [moved]) => {
  if (node.op !== "resize2d" || !moved) return false;
  const { perm } = moved.attributes;
  const { axis } = node.attributes;
  if (perm[axis + 1] !== perm[axis] + 1) return false;
  node.inputs = [moved.inputs[0]];
  node.attributes = { ...node.attributes, axis: perm[axis] };
  transposeAfter(graph, node, shapeBefore(node.outputs[0].shape, perm), perm);
  return true;
};

/** Operators along the last dimension, when the transpose leaves it last. */
const pushThroughLastAxis: Push = (graph, node, [moved, ...others]) => {
  if (!moved || others.some((t) => t !== undefined)) return false;
  const { perm } = moved.attributes;
  if (perm[perm.length - 1] !== perm.length - 1) return false;
  node.inputs = [moved.inputs[0], ...node.inputs.slice(1)];
  transposeAfter(graph, node, shapeBefore(node.outputs[0].shape, perm), perm);
  return true;
};

/**
 * A reshape that only adds or removes dimensions of size 1: in front of the transposed operand it can do the
 * same, with these dimensions first.
 */
const pushThroughReshape: Push = (graph, node, [moved]) => {
  if (!moved) return false;
  const from = moved.inputs[0]!;
  const to = node.outputs[0];
  const wideBefore = wideDimensions(moved.outputs[0].shape);
  const wideAfter = wideDimensions(to.shape);
  const isUnit =
    wideBefore.length === wideAfter.length &&
    wideBefore.every((d, i) => moved.outputs[0].shape[d] === to.shape[wideAfter[i]]);
  if (!isUnit) return false;
  const wideFrom = wideDimensions(from.shape);
  const units = to.shape.length - wideAfter.length;
  const perm = new Array<number>(to.shape.length).fill(-1);
  wideAfter.forEach((d, i) => {
    perm[d] = units + wideFrom.indexOf(moved.attributes.perm[wideBefore[i]]);
  });
  let unit = 0;
  for (let d = 0; d < perm.length; d++) if (perm[d] < 0) perm[d] = unit++;
  node.inputs = [from];
  transposeAfter(graph, node, shapeBefore(to.shape, perm), perm);
  return true;
};

const pushes: Partial<Record<Node["op"], Push>> = {
  unary: pushThroughUnary,
  quantize: pushThroughUnary,
  add: pushThroughBinary,
  sub: pushThroughBinary,
  mul: pushThroughBinary,
  binary: pushThroughBinary,
  select: pushThroughBinary,
  cast: pushThroughUnary,
  concat: pushThroughConcat,
  pad: pushThroughPad,
  slice: pushThroughSlice,
  expand: pushThroughExpand,
  gather: pushThroughGather,
  mean: pushThroughMean,
  reduce: pushThroughMean,
  cumsum: pushThroughAxis,
  resize2d: pushThroughResize,
  normalize: pushThroughLastAxis,
  softmax: pushThroughLastAxis,
  fullyConnected: pushThroughLastAxis,
  reshape: pushThroughReshape,
};

/** transpose(transpose(x)) as one; an identity disappears. */
function simplify(graph: Graph, node: Transpose, uses: Uses): boolean {
  const before = uses.producer(node.inputs[0]);
  if (before?.op === "transpose") {
    const first = before.attributes.perm;
    node.attributes = { perm: node.attributes.perm.map((p) => first[p]) };
    node.inputs = [before.inputs[0]];
    return true;
  }
  return node.attributes.perm.every((p, i) => p === i) && removeCopy(graph, node);
}

function step(graph: Graph): boolean {
  const uses = usesOf(graph);
  for (const node of graph.nodes) {
    if (node.op === "transpose") {
      if (simplify(graph, node, uses)) return true;
      continue;
    }
    const push = pushes[node.op];
    if (!push) continue;
    const moved = node.inputs.map((input) => {
      const producer = uses.producer(input);
      return producer?.op === "transpose" ? producer : undefined;
    });
    if (!moved.some((t) => t !== undefined)) continue;
    if (![...node.inputs, ...node.outputs].every((t) => !t || isConstant(t) || isPerTensor(t))) continue;
    if (push(graph, node, moved)) return true;
  }
  return false;
}

/**
 * Moves transposes towards the outputs, through every operator that can work in either layout, until inverse
 * pairs meet and cancel. Values are exactly the same, except that a float mean may add in another order.
 * Quantized tensors keep their parameters, so their stored values only move.
 */
export function cancelTransposes(graph: Graph): boolean {
  let changed = false;
  while (step(graph)) changed = true;
  return changed;
}

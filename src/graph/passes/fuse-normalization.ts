import { type Graph, isUnbounded, type Node, type Tensor } from "../graph.ts";
import { isFloatConstant } from "./constant.ts";
import { isFloat, makeNode, sameShape, tensorLike, type Uses, usesOf } from "./rewrite.ts";

/** Division by a deviation, as found: of which rows, and what was added to their variance. */
interface Spread {
  x: Tensor;
  centered: boolean;
  epsilon: number;
}

/** A normalization and the two vectors that follow it. */
interface Found extends Spread {
  scale: Tensor | null;
  bias: Tensor | null;
}

const unbounded = (node: Node): boolean =>
  !("activation" in node.attributes) || isUnbounded(node.attributes.activation);

type Of<K extends Node["op"]> = Extract<Node, { op: K }>;

const isUnary = (node: Node | undefined, kind: string): node is Of<"unary"> =>
  node?.op === "unary" && node.attributes.kind === kind;

const isBinary = (node: Node | undefined, kind: string): node is Of<"binary"> =>
  node?.op === "binary" && node.attributes.kind === kind && unbounded(node);

const isArithmetic = <K extends "add" | "sub" | "mul">(node: Node | undefined, op: K): node is Of<K> =>
  node?.op === op && unbounded(node);

/** The only dimension of more than one element from `axis` on is `axis` itself. */
const isInnermost = (shape: readonly number[], axis: number): boolean =>
  shape.slice(axis + 1).every((d) => d === 1);

/** What `tensor` is the mean of, over the innermost dimension of at least two elements. */
function meanOf(uses: Uses, tensor: Tensor): Tensor | undefined {
  const node = uses.producer(tensor);
  if (node?.op !== "mean" || !node.attributes.keepDims || node.attributes.axes.length !== 1) return undefined;
  const [x] = node.inputs;
  return x && isInnermost(x.shape, node.attributes.axes[0]) ? x : undefined;
}

/** x where `tensor` is x less its own mean. */
function deviationOf(uses: Uses, tensor: Tensor): Tensor | undefined {
  const node = uses.producer(tensor);
  if (!isArithmetic(node, "sub")) return undefined;
  const [x, mean] = node.inputs as Tensor[];
  return meanOf(uses, mean) === x ? x : undefined;
}

/** What is squared to give `tensor`, and whether its mean was taken away before. */
function squareOf(uses: Uses, tensor: Tensor): Omit<Spread, "epsilon"> | undefined {
  const node = uses.producer(tensor);
  if (isBinary(node, "squaredDifference")) {
    const [a, b] = node.inputs as Tensor[];
    if (meanOf(uses, b) === a) return { x: a, centered: true };
    return meanOf(uses, a) === b ? { x: b, centered: true } : undefined;
  }
  const isSquare =
    isUnary(node, "square") || (isArithmetic(node, "mul") && node.inputs[0] === node.inputs[1]);
  if (!isSquare) return undefined;
  const root = node.inputs[0]!;
  const x = deviationOf(uses, root);
  return x ? { x, centered: true } : { x: root, centered: false };
}

/** `tensor` as mean square plus epsilon. */
function varianceOf(uses: Uses, tensor: Tensor): Spread | undefined {
  const node = uses.producer(tensor);
  if (!isArithmetic(node, "add")) return undefined;
  for (const [variance, constant] of [node.inputs, [...node.inputs].reverse()] as Tensor[][]) {
    if (!isFloatConstant(constant) || constant.data.length !== 1 || !(constant.data[0] >= 0)) continue;
    const square = meanOf(uses, variance);
    const found = square && squareOf(uses, square);
    if (found) return { ...found, epsilon: constant.data[0] };
  }
  return undefined;
}

/** `tensor` as 1 / √(mean square + epsilon). */
function inverseOf(uses: Uses, tensor: Tensor): Spread | undefined {
  const node = uses.producer(tensor);
  if (node?.op !== "unary") return undefined;
  const [x] = node.inputs as Tensor[];
  if (node.attributes.kind === "rsqrt") return varianceOf(uses, x);
  return node.attributes.kind === "reciprocal" ? rootOf(uses, x) : undefined;
}

function rootOf(uses: Uses, tensor: Tensor): Spread | undefined {
  const node = uses.producer(tensor);
  return isUnary(node, "sqrt") ? varianceOf(uses, node.inputs[0]!) : undefined;
}

/** `tensor` is what the spread belongs to: the rows, or the rows less their mean. */
const belongs = (uses: Uses, tensor: Tensor, { x, centered }: Spread): boolean =>
  centered ? deviationOf(uses, tensor) === x : tensor === x;

/** (x − mean) / deviation, or x / deviation. */
function plainForm(uses: Uses, node: Node): Found | undefined {
  if (isBinary(node, "div")) {
    const [a, b] = node.inputs as Tensor[];
    const spread = rootOf(uses, b);
    return spread && belongs(uses, a, spread) ? { ...spread, scale: null, bias: null } : undefined;
  }
  if (!isArithmetic(node, "mul")) return undefined;
  for (const [a, b] of [node.inputs, [...node.inputs].reverse()] as Tensor[][]) {
    const spread = inverseOf(uses, b);
    if (spread && belongs(uses, a, spread)) return { ...spread, scale: null, bias: null };
  }
  return undefined;
}

/** One value for every element of a row of `depth`, as a vector; a scalar is repeated. */
function rowConstant(tensor: Tensor, shape: readonly number[], axis: number): Tensor | null {
  if (!isFloatConstant(tensor)) return null;
  const depth = shape[axis];
  const at = tensor.shape.length - (shape.length - axis);
  const isRow = tensor.data.length === depth && tensor.shape[at] === depth;
  if (isRow) return { ...tensor, shape: [depth] };
  if (tensor.data.length !== 1) return null;
  return { ...tensor, shape: [depth], data: new Float32Array(depth).fill(tensor.data[0]) };
}

/** The innermost dimension of more than one element; the last where there is none. */
const innermost = (shape: readonly number[]): number => {
  let axis = shape.length - 1;
  while (axis > 0 && shape[axis] === 1) axis--;
  return shape[axis] === 1 ? shape.length - 1 : axis;
};

/** x·g + (bias − mean·g) with g = scale / deviation, as TensorFlow writes it. */
function affineForm(uses: Uses, node: Node): Found | undefined {
  if (!isArithmetic(node, "add")) return undefined;
  for (const [first, second] of [node.inputs, [...node.inputs].reverse()] as Tensor[][]) {
    const [product, rest] = [uses.producer(first), uses.producer(second)];
    if (!isArithmetic(product, "mul") || !isArithmetic(rest, "sub")) continue;
    const shift = uses.producer(rest.inputs[1]);
    if (!isArithmetic(shift, "mul")) continue;
    for (const [x, gain] of [product.inputs, [...product.inputs].reverse()] as Tensor[][]) {
      const mean = shift.inputs.find((t) => t !== gain);
      if (!shift.inputs.includes(gain) || !mean || meanOf(uses, mean) !== x) continue;
      const found = gainOf(uses, gain, x);
      const bias = rowConstant(rest.inputs[0]!, x.shape, innermost(x.shape));
      if (found && bias && found.x === x && found.centered) return { ...found, bias };
    }
  }
  return undefined;
}

/** 1 / deviation, times a constant vector or not. */
function gainOf(uses: Uses, gain: Tensor, x: Tensor): Found | undefined {
  const plain = inverseOf(uses, gain);
  if (plain) return { ...plain, scale: null, bias: null };
  const node = uses.producer(gain);
  if (!isArithmetic(node, "mul")) return undefined;
  for (const [inverse, constant] of [node.inputs, [...node.inputs].reverse()] as Tensor[][]) {
    const spread = inverseOf(uses, inverse);
    const scale = rowConstant(constant, x.shape, innermost(x.shape));
    if (spread && scale) return { ...spread, scale, bias: null };
  }
  return undefined;
}

/** Constant factors and addends behind a normalization that nothing else reads. */
function absorb(graph: Graph, node: Node): boolean {
  if (node.op !== "normalize") return false;
  const uses = usesOf(graph);
  const [y] = node.outputs;
  const next = uses.onlyConsumer(y);
  if (!next || !sameShape(next.outputs[0].shape, y.shape)) return false;
  const other = next.inputs.find((t) => t !== y);
  const vector = other && rowConstant(other, y.shape, y.shape.length - 1);
  if (!vector) return false;
  if (isArithmetic(next, "mul") && !node.inputs[1] && !node.inputs[2]) node.inputs[1] = vector;
  else if (isArithmetic(next, "add") && !node.inputs[2]) node.inputs[2] = vector;
  else return false;
  node.outputs = next.outputs;
  graph.nodes.splice(graph.nodes.indexOf(next), 1);
  return true;
}

/** One normalize node in place of `node`, between reshapes where the rows are not the last dimension. */
function replace(graph: Graph, node: Node, { x, centered, epsilon, scale, bias }: Found): void {
  const [y] = node.outputs;
  const attributes = { centered, isSum: false, floor: false, epsilon };
  const at = graph.nodes.indexOf(node);
  const axis = innermost(x.shape);
  if (axis === x.shape.length - 1) {
    graph.nodes.splice(at, 1, makeNode("normalize", node.name, [x, scale, bias], y, attributes));
    return;
  }
  const shape = x.shape.slice(0, axis + 1);
  const [rows, normal] = [`${y.name}/rows`, `${y.name}/normalize`].map((name) => tensorLike(y, name, shape));
  graph.nodes.splice(
    at,
    1,
    makeNode("reshape", rows.name, [x], rows, {}),
    makeNode("normalize", node.name, [rows, scale, bias], normal, attributes),
    makeNode("reshape", `${normal.name}/reshape`, [normal], y, {}),
  );
}

/**
 * Layer and RMS normalizations that an exporter wrote out (mean, difference, square, mean, epsilon, root, quotient,
 * scale, bias), as one node. Float results differ by the order of sums and by a reciprocal in place of a quotient.
 */
export function fuseNormalization(graph: Graph): boolean {
  let changed = false;
  for (const node of [...graph.nodes]) {
    if (!isFloat(...node.inputs, ...node.outputs)) continue;
    const uses = usesOf(graph);
    const found = affineForm(uses, node) ?? plainForm(uses, node);
    if (!found || !sameShape(found.x.shape, node.outputs[0].shape)) continue;
    replace(graph, node, found);
    changed = true;
  }
  for (const node of [...graph.nodes])
    while (graph.nodes.includes(node) && absorb(graph, node)) changed = true;
  return changed;
}

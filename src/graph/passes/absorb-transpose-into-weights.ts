import { elementCount, type Graph, type NodeOf, type Tensor } from "../graph.ts";
import { gather, isConstant, stridesOf, walk } from "./constant.ts";
import { makeNode, movesOnlyUnits, sameQuantization, tensorLike, type Uses, usesOf } from "./rewrite.ts";

/** Index of the first dimension that flattens into the operand's last one; −1 when it is no such flattening. */
function flattenedFrom(shape: readonly number[], depth: number): number {
  let count = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    count *= shape[d];
    if (count === depth) return d;
    if (count > depth) return -1;
  }
  return -1;
}

interface Flattening {
  transpose: NodeOf<"transpose">;
  reshape: NodeOf<"reshape">;
  /** The transposed dimensions from here on are one row of the operand. */
  start: number;
}

function flatteningBefore(uses: Uses, x: Tensor): Flattening | null {
  const reshape = uses.producer(x);
  if (reshape?.op !== "reshape" || x.shape.length === 0) return null;
  const transpose = uses.producer(reshape.inputs[0]);
  if (transpose?.op !== "transpose") return null;
  const source = transpose.inputs[0]!;
  const isPlain = sameQuantization(source, x) && (source.quantization?.scale.length ?? 1) === 1;
  const { perm } = transpose.attributes;
  const start = flattenedFrom(transpose.outputs[0].shape, x.shape[x.shape.length - 1]);
  if (!isPlain || start < 0) return null;
  // Rows must stay rows: dimensions before `start` keep their order and their place in front.
  const rows = perm.slice(0, start);
  const columns = perm.slice(start).sort((a, b) => a - b);
  return movesOnlyUnits(source.shape, [...rows, ...columns]) ? { transpose, reshape, start } : null;
}

/** The constant with its last dimension, seen as `dimensions`, in the order before the transpose by `perm`. */
function reorderColumns(weights: Tensor, dimensions: readonly number[], perm: readonly number[]): Tensor {
  const data = weights.data!;
  const depth = elementCount(dimensions);
  const inverse = perm.map((_, i) => perm.indexOf(i));
  const strides = stridesOf(dimensions);
  const at = walk(
    inverse.map((i) => dimensions[i]),
    inverse.map((i) => strides[i]),
  );
  const order = Array.from({ length: depth }, (_, i) => at(i));
  return { ...weights, data: gather(data, data.length, (i) => i - (i % depth) + order[i % depth]) };
}

/**
 * fullyConnected(reshape(transpose(x))) with constant weights: the columns of the weights are put into the
 * order of x, and the transpose goes. Float sums add in another order; integer sums are the same.
 */
export function absorbTransposeIntoWeights(graph: Graph): boolean {
  const uses = usesOf(graph);
  let changed = false;
  for (const node of [...graph.nodes]) {
    if (node.op !== "fullyConnected") continue;
    const [x, weights] = node.inputs as Tensor[];
    const found = flatteningBefore(uses, x);
    const isMatrix = isConstant(weights) && weights.shape.length === 2;
    const isPerRow = (weights.quantization?.scale.length ?? 1) === 1 || weights.quantization?.axis === 0;
    if (!found || !isMatrix || !isPerRow) continue;
    const { transpose, start } = found;
    const source = transpose.inputs[0]!;
    const columns = transpose.attributes.perm.slice(start);
    const ranks = [...columns].sort((a, b) => a - b);
    const relative = columns.map((p) => ranks.indexOf(p));
    const dimensions = transpose.outputs[0].shape.slice(start);
    const flat = tensorLike(source, `${x.name}/moved`, x.shape);
    graph.nodes.splice(
      graph.nodes.indexOf(node),
      0,
      makeNode("reshape", found.reshape.name, [source], flat, {}),
    );
    node.inputs = [flat, reorderColumns(weights, dimensions, relative), ...node.inputs.slice(2)];
    changed = true;
  }
  return changed;
}

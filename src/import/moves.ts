/** Operators that move elements, as both file formats have them, made of the graph's own few. */
import {
  type Attributes,
  elementCount,
  noActivation,
  type OperatorName,
  type Tensor,
} from "../graph/graph.ts";
import { sameShape } from "../graph/passes/rewrite.ts";

/** Appends a node and gives its result, which has the type and quantization of the first input. */
export type Mover = <K extends OperatorName>(
  op: K,
  inputs: Tensor[],
  attributes: Attributes[K],
  shape: number[],
) => Tensor;

export const reshape = (move: Mover, x: Tensor, shape: number[]): Tensor =>
  sameShape(x.shape, shape) ? x : move("reshape", [x], {}, shape);

export const transpose = (move: Mover, x: Tensor, perm: number[]): Tensor =>
  perm.every((p, i) => p === i)
    ? x
    : move(
        "transpose",
        [x],
        { perm },
        perm.map((p) => x.shape[p]),
      );

const concat = (move: Mover, parts: Tensor[], axis: number): Tensor =>
  parts.length === 1
    ? parts[0]
    : move(
        "concat",
        parts,
        { axis, activation: noActivation },
        parts[0].shape.map((d, i) => (i === axis ? parts.reduce((n, part) => n + part.shape[axis], 0) : d)),
      );

/** `size` elements from `begin` on, `stride` apart, along each dimension. */
export function slice(move: Mover, x: Tensor, begin: number[], size: number[], stride: number[]): Tensor {
  // A single element is reached in any stride.
  const strides = stride.map((n, i) => (size[i] === 1 ? 1 : n));
  const isWhole = sameShape(x.shape, size) && begin.every((n) => n === 0) && strides.every((n) => n === 1);
  return isWhole ? x : move("slice", [x], { begin, stride: strides }, size);
}

/** A slice along one dimension. */
export function sliceAxis(
  move: Mover,
  x: Tensor,
  axis: number,
  begin: number,
  size: number,
  stride = 1,
): Tensor {
  const along = (value: number, others: readonly number[]) => others.map((n, i) => (i === axis ? value : n));
  const zeros = x.shape.map(() => 0);
  const ones = x.shape.map(() => 1);
  return slice(move, x, along(begin, zeros), along(size, x.shape), along(stride, ones));
}

/** Consecutive parts of the given sizes. */
export function split(move: Mover, x: Tensor, axis: number, sizes: readonly number[]): Tensor[] {
  let begin = 0;
  return sizes.map((size) => {
    const part = sliceAxis(move, x, axis, begin, size);
    begin += size;
    return part;
  });
}

/** Tensors of one shape behind each other along a new dimension. */
export function stack(move: Mover, parts: readonly Tensor[], axis: number): Tensor {
  const shape = [...parts[0].shape];
  shape.splice(axis, 0, 1);
  return concat(
    move,
    parts.map((part) => reshape(move, part, shape)),
    axis,
  );
}

/** numpy's broadcast to `shape`, which the caller has checked. */
export const expand = (move: Mover, x: Tensor, shape: number[]): Tensor =>
  sameShape(x.shape, shape) ? x : move("expand", [x], {}, shape);

/** The whole repeated along each dimension; one dimension at a time, as few loops nest in the engine. */
export const tile = (move: Mover, x: Tensor, repeats: readonly number[]): Tensor =>
  repeats.reduceRight((tensor, count, axis) => {
    if (count === 1) return tensor;
    const { shape } = tensor;
    const [outer, inner] = [elementCount(shape.slice(0, axis)), elementCount(shape.slice(axis))];
    const repeated = expand(move, reshape(move, tensor, [outer, 1, inner]), [outer, count, inner]);
    return reshape(
      move,
      repeated,
      shape.map((d, i) => (i === axis ? d * count : d)),
    );
  }, x);

export const reverse = (move: Mover, x: Tensor, axes: readonly number[]): Tensor =>
  slice(
    move,
    x,
    x.shape.map((d, i) => (axes.includes(i) ? d - 1 : 0)),
    x.shape,
    x.shape.map((_, i) => (axes.includes(i) ? -1 : 1)),
  );

/** The elements of x in `from` dimensions, these in another order, as `to`: what blocks and shuffles are. */
export const rearrange = (
  move: Mover,
  x: Tensor,
  from: number[],
  perm: number[],
  to: readonly number[],
): Tensor => reshape(move, transpose(move, reshape(move, x, from), perm), [...to]);

/** How padding repeats the elements inside. */
export type Mirror = "reflect" | "symmetric" | "edge" | "wrap";

/** How many elements a mirror can take from a dimension of size `d`. */
export const mirrorReach: Record<Mirror, (d: number) => number> = {
  reflect: (d) => d - 1,
  symmetric: (d) => d,
  edge: () => Number.POSITIVE_INFINITY,
  wrap: (d) => d,
};

/** Padding one dimension after the other with what lies inside; amounts are within `mirrorReach`. */
export const mirrorPad = (
  move: Mover,
  x: Tensor,
  before: readonly number[],
  after: readonly number[],
  mode: Mirror,
): Tensor =>
  x.shape.reduce((tensor, d, axis) => {
    const [low, high] = [before[axis], after[axis]];
    const part = (begin: number, size: number, stride: number) =>
      size === 0 ? [] : [sliceAxis(move, tensor, axis, begin, size, stride)];
    const edge = (begin: number, size: number) =>
      part(begin, Math.min(size, 1), 1).map((one) =>
        expand(
          move,
          one,
          one.shape.map((n, i) => (i === axis ? size : n)),
        ),
      );
    if (low + high === 0) return tensor;
    if (mode === "edge") return concat(move, [...edge(0, low), tensor, ...edge(d - 1, high)], axis);
    if (mode === "wrap") return concat(move, [...part(d - low, low, 1), tensor, ...part(0, high, 1)], axis);
    const skip = mode === "reflect" ? 1 : 0;
    return concat(move, [...part(low - 1 + skip, low, -1), tensor, ...part(d - 1 - skip, high, -1)], axis);
  }, x);

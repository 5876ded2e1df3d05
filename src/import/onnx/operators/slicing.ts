/** Operators that take parts of a tensor, and those that pick or place slices by indices. */
import { elementCount, type Tensor } from "../../../graph/graph.ts";
import { isConstant } from "../../../graph/passes/constant.ts";
import { inversePerm } from "../../../graph/passes/rewrite.ts";
import { expand, reshape, slice, sliceAxis, split, transpose } from "../../moves.ts";
import type { Scope } from "../scope.ts";
import { normalAxis } from "../shape.ts";
import { indicesOf, moverOf, sliceParts } from "./moves.ts";

function sliced(scope: Scope): Tensor {
  const x = scope.input(0);
  const { begin, size, stride } = sliceParts(scope, x.shape);
  return slice(moverOf(scope), x, begin, size, stride);
}

/** Split: sizes are an attribute before opset 13 and an input since; without them the parts are equal. */
function splits(scope: Scope): Tensor[] {
  const x = scope.input(0);
  const axis = normalAxis(scope.intAttribute("axis", 0), x.shape.length, scope.where);
  const total = x.shape[axis];
  const count = scope.intAttribute("num_outputs", scope.node.outputs.length);
  if (count !== scope.node.outputs.length)
    throw scope.bad(`expected ${count} outputs, found ${scope.node.outputs.length}`);
  const given =
    scope.opset < 13 ? scope.intsAttribute("split") : scope.has(1) ? scope.integers(1, "sizes") : undefined;
  const part = Math.ceil(total / count);
  const sizes = given ?? Array.from({ length: count }, (_, i) => Math.min(part, total - i * part));
  const sum = sizes.reduce((n, size) => n + size, 0);
  if (sizes.length !== count || sizes.some((size) => size < 0) || sum !== total) {
    throw scope.bad(`expected ${count} parts of ${total} elements, found [${sizes.join(", ")}]`);
  }
  return split(moverOf(scope), x, axis, sizes);
}

/** A single constant index is a slice, which the layout passes move through. */
function gather(scope: Scope): Tensor {
  const x = scope.input(0);
  const indices = indicesOf(scope, 1);
  const axis = normalAxis(scope.intAttribute("axis", 0), x.shape.length, scope.where);
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const size = x.shape[axis];
  const move = moverOf(scope);
  if (isConstant(indices)) {
    const outside = Array.from(indices.data as ArrayLike<number | bigint>, Number).find(
      (i) => i < -size || i >= size,
    );
    if (outside !== undefined) throw scope.bad(`expected indices below ${size}, found ${outside}`);
    if (indices.data.length === 1) {
      const index = Number(indices.data[0]);
      return reshape(move, sliceAxis(move, x, axis, index < 0 ? index + size : index, 1), shape);
    }
  }
  return move("gather", [x, indices], { axis, batchDims: 0, fromEnd: true }, shape);
}

/** Dimension `axis` moved to the end, the others folded into one: [everything else, axis]. */
function rowsAlong(scope: Scope, tensor: Tensor, axis: number) {
  const order = tensor.shape.map((_, i) => i).filter((i) => i !== axis);
  const perm = [...order, axis];
  const moved = transpose(moverOf(scope), tensor, perm);
  const rows = elementCount(moved.shape.slice(0, -1));
  const flat = reshape(moverOf(scope), moved, [rows, tensor.shape[axis]]);
  /** Rows of `flat`'s kind back in the order of dimensions. */
  const back = (result: Tensor, shape: readonly number[]): Tensor => {
    const move = moverOf(scope);
    const wide = reshape(
      move,
      result,
      perm.map((d) => shape[d]),
    );
    return transpose(move, wide, inversePerm(perm));
  };
  return { flat, back };
}

function sameRank(scope: Scope, x: Tensor, indices: Tensor): void {
  const fits =
    x.shape.length === indices.shape.length && x.shape.length > 0 && elementCount(indices.shape) > 0;
  if (!fits) {
    throw scope.bad(
      `expected indices of ${x.shape.length} dimensions like the data [${x.shape.join(", ")}], ` +
        `found [${indices.shape.join(", ")}]`,
    );
  }
}

function gatherElements(scope: Scope): Tensor {
  const x = scope.input(0);
  const indices = indicesOf(scope, 1);
  sameRank(scope, x, indices);
  const axis = normalAxis(scope.intAttribute("axis", 0), x.shape.length, scope.where);
  const needed = indices.shape.map((d, i) => (i === axis ? x.shape[i] : d));
  if (needed.some((d, i) => d > x.shape[i]))
    throw scope.bad(`expected indices within [${x.shape.join(", ")}], found [${indices.shape.join(", ")}]`);
  const move = moverOf(scope);
  const zeros = needed.map(() => 0);
  const ones = needed.map(() => 1);
  const rows = rowsAlong(scope, slice(move, x, zeros, needed, ones), axis);
  const picks = rowsAlong(scope, indices, axis);
  const attributes = { axis: 1, batchDims: 1, fromEnd: true };
  const picked = move("gather", [rows.flat, picks.flat], attributes, picks.flat.shape);
  return picks.back(picked, indices.shape);
}

/** ScatterElements and the old Scatter, where the indices cover all other dimensions whole. */
function scatterElements(scope: Scope): Tensor {
  noReduction(scope);
  const x = scope.input(0);
  const indices = indicesOf(scope, 1);
  const updates = scope.input(2);
  sameRank(scope, x, indices);
  sameRank(scope, indices, updates);
  const axis = normalAxis(scope.intAttribute("axis", 0), x.shape.length, scope.where);
  if (updates.shape.join() !== indices.shape.join() || updates.dtype !== x.dtype)
    throw scope.bad("expected updates of the data's type and the indices' shape");
  const move = moverOf(scope);
  if (indices.shape.some((d, i) => i !== axis && d !== x.shape[i])) return scatterFlat(scope, x, axis);
  const rows = rowsAlong(scope, x, axis);
  const picks = rowsAlong(scope, indices, axis);
  const values = rowsAlong(scope, updates, axis);
  const places = reshape(move, picks.flat, [...picks.flat.shape, 1]);
  const attributes = { batchDims: 1, fromEnd: true };
  const y = move("scatterNd", [rows.flat, places, values.flat], attributes, rows.flat.shape);
  return rows.back(y, x.shape);
}

/** Constant indices as places in the flattened data. */
function scatterFlat(scope: Scope, x: Tensor, axis: number): Tensor {
  const indices = scope.constant(1, "indices that do not cover the other dimensions");
  const updates = scope.input(2);
  const steps = x.shape.map((_, i) => elementCount(x.shape.slice(i + 1)));
  const own = indices.shape.map((_, i) => elementCount(indices.shape.slice(i + 1)));
  const places = Int32Array.from({ length: indices.data.length }, (_, flat) => {
    const given = Number(indices.data[flat]);
    const along = given < 0 ? given + x.shape[axis] : given;
    return steps.reduce((at, step, d) => {
      const position = Math.floor(flat / own[d]) % indices.shape[d];
      return at + step * (d === axis ? along : position);
    }, 0);
  });
  if (indices.shape.some((d, i) => i !== axis && d > x.shape[i]))
    throw scope.bad(`expected indices within [${x.shape.join(", ")}], found [${indices.shape.join(", ")}]`);
  const move = moverOf(scope);
  const where: Tensor = {
    name: scope.nameFor("places"),
    dtype: "int32",
    shape: [places.length, 1],
    data: places,
  };
  const count = elementCount(x.shape);
  const values = reshape(move, updates, [places.length]);
  const flat = reshape(move, x, [count]);
  const y = move("scatterNd", [flat, where, values], { batchDims: 0, fromEnd: false }, [count]);
  return reshape(move, y, x.shape);
}

function noReduction(scope: Scope): void {
  const reduction = scope.stringAttribute("reduction", "none");
  if (reduction !== "none") throw scope.unsupported(`reduction ${reduction}`);
}

/** The shape of the slices that tuples of indices pick. */
function pickedShape(scope: Scope, x: Tensor, indices: Tensor, batchDims: number): number[] {
  const depth = indices.shape.at(-1) ?? 0;
  const fits =
    batchDims >= 0 &&
    batchDims < indices.shape.length &&
    depth >= 1 &&
    batchDims + depth <= x.shape.length &&
    indices.shape.slice(0, batchDims).every((d, i) => d === x.shape[i]);
  if (!fits) {
    throw scope.bad(
      `expected tuples of indices into [${x.shape.join(", ")}] with ${batchDims} batch dimensions, ` +
        `found [${indices.shape.join(", ")}]`,
    );
  }
  return [...indices.shape.slice(0, -1), ...x.shape.slice(batchDims + depth)];
}

function gatherNd(scope: Scope): Tensor {
  const x = scope.input(0);
  const indices = indicesOf(scope, 1);
  const batchDims = scope.intAttribute("batch_dims", 0);
  const shape = pickedShape(scope, x, indices, batchDims);
  return moverOf(scope)("gatherNd", [x, indices], { batchDims, fromEnd: true }, shape);
}

function scatterNd(scope: Scope): Tensor {
  noReduction(scope);
  const x = scope.input(0);
  const indices = indicesOf(scope, 1);
  const updates = scope.input(2);
  const shape = pickedShape(scope, x, indices, 0);
  if (updates.shape.join() !== shape.join() || updates.dtype !== x.dtype) {
    throw scope.bad(
      `expected updates ${x.dtype} [${shape.join(", ")}], ` +
        `found ${updates.dtype} [${updates.shape.join(", ")}]`,
    );
  }
  return moverOf(scope)("scatterNd", [x, indices, updates], { batchDims: 0, fromEnd: true }, x.shape);
}

/** The second value where the new dimension's position equals the index, the first elsewhere. */
function oneHot(scope: Scope): Tensor {
  const indices = indicesOf(scope, 0);
  const depth = scope.scalar(1, "the depth");
  const values = scope.input(2);
  if (values.shape.join() !== "2") throw scope.bad(`expected two values, found [${values.shape.join(", ")}]`);
  if (!Number.isInteger(depth) || depth < 1) throw scope.bad(`expected a depth from 1 up, found ${depth}`);
  const rank = indices.shape.length;
  const axis = normalAxis(scope.intAttribute("axis", -1), rank + 1, scope.where);
  const count = elementCount(indices.shape);
  const move = moverOf(scope);
  const [off, on] = split(move, values, 0, [1, 1]);
  const blank = expand(move, reshape(move, off, [1, 1]), [count, depth]);
  const marks = expand(move, reshape(move, on, [1, 1]), [count, 1]);
  const places = reshape(move, indices, [count, 1, 1]);
  const attributes = { batchDims: 1, fromEnd: true };
  const hot = move("scatterNd", [blank, places, marks], attributes, [count, depth]);
  const perm = Array.from({ length: rank + 1 }, (_, i) => (i === axis ? rank : i < axis ? i : i - 1));
  return transpose(move, reshape(move, hot, [...indices.shape, depth]), perm);
}

export const slicing: Record<string, (scope: Scope) => Tensor | Tensor[]> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  OneHot: oneHot,
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
  Slice: sliced,
  Split: splits,
};

/** Operators that pick or place slices by indices, and those that make tensors of indices and constants. */
import { arrayOf, elementCount, type Tensor, type TensorData } from "../../graph/graph.ts";
import { sameMeaning } from "../../pack/lowering.ts";
import { expand, reshape, transpose } from "../moves.ts";
import { give, giveConstant, moverOf } from "./move.ts";
import {
  checkAxis,
  checkSameType,
  checkShape,
  emit,
  input,
  integers,
  type Operator,
  optionsOf,
  output,
  refused,
  requiredIndex,
  show,
  wrong,
} from "./operator.ts";
import { readInt32 } from "./reader.ts";
import { options } from "./schema.ts";
import { floatConstantAt } from "./tensors.ts";

function indicesOf(operator: Operator, i: number): Tensor {
  const indices = input(operator, i);
  if (indices.dtype === "int32" || indices.dtype === "int64") return indices;
  throw refused(operator, `indices ${show(indices)}: int32 or int64 was expected`);
}

/** An index outside of the dimension, an error in TFLite, means the nearest slice. */
export function convertGather(operator: Operator): void {
  const ids = options.gather;
  const table = optionsOf(operator, ids.type);
  const x = input(operator, 0);
  const indices = indicesOf(operator, 1);
  const axis = checkAxis(operator, table ? readInt32(table, ids.axis) : 0, x.shape.length);
  const given = table ? readInt32(table, ids.batchDims) : 0;
  const batchDims = given < 0 ? given + indices.shape.length : given;
  const isValid =
    batchDims >= 0 &&
    batchDims <= axis &&
    batchDims <= indices.shape.length &&
    indices.shape.slice(0, batchDims).every((d, i) => d === x.shape[i]);
  if (!isValid) throw wrong(operator, `${given} batch dimensions of ${show(x)} and ${show(indices)}`);
  const shape = [...x.shape.slice(0, axis), ...indices.shape.slice(batchDims), ...x.shape.slice(axis + 1)];
  give(operator, moverOf(operator)("gather", [x, indices], { axis, batchDims, fromEnd: false }, shape));
}

/** Rows of a table; a table of integers may give float32 rows. */
export function convertEmbeddingLookup(operator: Operator): void {
  const ids = indicesOf(operator, 0);
  const y = output(operator);
  const stored = input(operator, 1);
  const isHybrid = y.dtype === "float32" && stored.dtype !== "float32";
  const isPerRow = isHybrid && stored.quantization?.scale.length !== 1;
  const rows = isPerRow ? floatConstantAt(operator.tensors, requiredIndex(operator, 1)) : stored;
  if (rows.shape.length === 0) throw wrong(operator, `table ${show(rows)} is a scalar`);
  const shape = [...ids.shape, ...rows.shape.slice(1)];
  const attributes = { axis: 0, batchDims: 0, fromEnd: false };
  const picked = moverOf(operator)("gather", [rows, ids], attributes, shape);
  if (!isHybrid || isPerRow) {
    give(operator, picked);
    return;
  }
  checkShape(operator, y, shape);
  emit(operator, "dequantize", [picked], {});
}

/** The shape of slices that tuples of indices pick from x. */
function pickedShape(operator: Operator, x: readonly number[], indices: Tensor): number[] {
  const depth = indices.shape.at(-1);
  if (depth === undefined || depth > x.length) {
    throw wrong(operator, `tuples ${show(indices)} for ${x.length} dimensions`);
  }
  return [...indices.shape.slice(0, -1), ...x.slice(depth)];
}

export function convertGatherNd(operator: Operator): void {
  const x = input(operator, 0);
  const indices = indicesOf(operator, 1);
  const shape = pickedShape(operator, x.shape, indices);
  give(operator, moverOf(operator)("gatherNd", [x, indices], { batchDims: 0, fromEnd: false }, shape));
}

export function convertDynamicUpdateSlice(operator: Operator): void {
  const [x, update] = [input(operator, 0), input(operator, 1)];
  const starts = indicesOf(operator, 2);
  checkSameType(operator, x, update);
  checkShape(operator, starts, [x.shape.length]);
  if (update.shape.length !== x.shape.length || update.shape.some((d, i) => d > x.shape[i])) {
    throw wrong(operator, `${show(update)} does not fit into ${show(x)}`);
  }
  if (!sameMeaning(x, update)) throw refused(operator, `scales of ${show(x)} and ${show(update)} differ`);
  give(operator, moverOf(operator)("dynamicUpdateSlice", [x, update, starts], {}, x.shape));
}

/** Whether all tuples of indices, which are constant, lie inside and differ. */
function areDistinct(indices: Tensor, sizes: readonly number[]): boolean {
  const depth = indices.shape.at(-1)!;
  const values = Array.from(indices.data as ArrayLike<number | bigint>, Number);
  const places = new Set<string>();
  for (let i = 0; i < values.length; i += depth) {
    const tuple = values.slice(i, i + depth);
    if (tuple.some((n, d) => n < 0 || n >= sizes[d])) return false;
    places.add(tuple.join());
  }
  return places.size === values.length / depth;
}

/** Zeros with updates at given places. TFLite adds what goes to one place, so the places have to be distinct. */
export function convertScatterNd(operator: Operator): void {
  const indices = indicesOf(operator, 0);
  const updates = input(operator, 1);
  const y = output(operator);
  checkShape(operator, y, integers(operator, 2, 8));
  checkShape(operator, updates, pickedShape(operator, y.shape, indices));
  if (!indices.data || !areDistinct(indices, y.shape)) {
    throw refused(operator, `indices ${show(indices)} have to be constant, inside ${show(y)} and distinct`);
  }
  if (updates.quantization) throw refused(operator, `updates ${show(updates)} are quantized`);
  const zero = constantLike(operator, updates, "zero", [1], [0]);
  const move = moverOf(operator);
  const blank = expand(move, zero, y.shape);
  give(operator, move("scatterNd", [blank, indices, updates], { batchDims: 0, fromEnd: false }, y.shape));
}

function constantLike(
  operator: Operator,
  like: Tensor,
  part: string,
  shape: number[],
  values: number[],
): Tensor {
  const name = operator.tensors.uniqueName(`${output(operator).name}/${part}`);
  return { name, dtype: like.dtype, shape, data: numbersOf(like, values) };
}

function numbersOf({ dtype }: Tensor, values: readonly number[]): TensorData {
  return dtype === "int64"
    ? BigInt64Array.from(values, BigInt)
    : (arrayOf(dtype) as Float32ArrayConstructor).from(values);
}

/** `on` where the new dimension's position equals the index, `off` elsewhere; no position for indices outside. */
export function convertOneHot(operator: Operator): void {
  const indices = indicesOf(operator, 0);
  const y = output(operator);
  const [depth] = integers(operator, 1, 1);
  const [on, off] = [input(operator, 2), input(operator, 3)];
  for (const value of [on, off]) {
    checkSameType(operator, value, y);
    if (elementCount(value.shape) !== 1) throw wrong(operator, `${show(value)} is no single value`);
  }
  const ids = options.oneHot;
  const table = optionsOf(operator, ids.type);
  const rank = indices.shape.length;
  const axis = checkAxis(operator, table ? readInt32(table, ids.axis, -1) : -1, rank + 1);
  const count = elementCount(indices.shape);
  const move = moverOf(operator);
  const blank = expand(move, reshape(move, off, [1, 1]), [count, depth]);
  const marks = expand(move, reshape(move, on, [1, 1]), [count, 1]);
  const places = reshape(move, indices, [count, 1, 1]);
  const attributes = { batchDims: 1, fromEnd: false };
  const hot = move("scatterNd", [blank, places, marks], attributes, [count, depth]);
  const perm = Array.from({ length: rank + 1 }, (_, i) => (i === axis ? rank : i < axis ? i : i - 1));
  give(operator, transpose(move, reshape(move, hot, [...indices.shape, depth]), perm));
}

export function convertShape(operator: Operator): void {
  giveConstant(operator, numbersOf(output(operator), input(operator, 0).shape));
}

/** FILL and ZEROS_LIKE: one value everywhere. */
function fillWith(operator: Operator, value: Tensor): void {
  const y = output(operator);
  checkSameType(operator, value, y);
  if (elementCount(value.shape) !== 1) throw wrong(operator, `${show(value)} is no single value`);
  const move = moverOf(operator);
  give(
    operator,
    expand(
      move,
      reshape(
        move,
        value,
        y.shape.map(() => 1),
      ),
      y.shape,
    ),
  );
}

export function convertFill(operator: Operator): void {
  checkShape(operator, output(operator), integers(operator, 0, 8));
  fillWith(operator, input(operator, 1));
}

export function convertZerosLike(operator: Operator): void {
  const y = output(operator);
  const x = input(operator, 0);
  checkShape(operator, y, x.shape);
  if (y.quantization) throw refused(operator, `${show(y)} is quantized`);
  fillWith(operator, constantLike(operator, y, "zero", [], [0]));
}

/** start, start + delta, … below limit, of constants. */
export function convertRange(operator: Operator): void {
  const y = output(operator);
  const [start, limit, delta] = [0, 1, 2].map((i) => {
    const { data, name } = input(operator, i);
    if (data?.length !== 1) throw refused(operator, `operand "${name}" has to be one constant number`);
    return Number(data[0]);
  });
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  if (count !== elementCount(y.shape)) {
    throw wrong(operator, `${start} to ${limit} by ${delta} does not fill ${show(y)}`);
  }
  // TFLite adds step by step, which float32 shows.
  const round = y.dtype === "float32" ? Math.fround : (v: number) => v;
  const values: number[] = [];
  for (let value = start; values.length < count; value = round(value + delta)) values.push(value);
  giveConstant(operator, numbersOf(y, values));
}

import type { ReduceKind, Tensor } from "../../graph/graph.ts";
import {
  type Conversion,
  checkActivation,
  checkAxis,
  checkSameType,
  checkShape,
  emit,
  input,
  integers,
  isQuantized,
  type Operator,
  optionsOf,
  output,
  refused,
  show,
  wrong,
} from "./operator.ts";
import { readBool, readFloat32 } from "./reader.ts";
import { options } from "./schema.ts";

/** The axes of a reduction, whose result has to be of the shape that follows from them. */
function readReduction(operator: Operator, x: Tensor): { axes: number[]; keepDims: boolean } {
  const rank = x.shape.length;
  const listed = integers(operator, 1, Math.max(1, rank)).map((axis) => checkAxis(operator, axis, rank));
  const axes = [...new Set(listed)].sort((a, b) => a - b);
  const table = optionsOf(operator, options.reducer.type);
  const keepDims = table !== undefined && readBool(table, options.reducer.keepDims);
  const kept = x.shape.map((d, i) => (axes.includes(i) ? 1 : d));
  checkShape(operator, output(operator), keepDims ? kept : x.shape.filter((_, i) => !axes.includes(i)));
  return { axes, keepDims };
}

export function convertMean(operator: Operator): void {
  const x = input(operator, 0);
  const y = output(operator);
  checkActivation(operator, x);
  checkActivation(operator, y);
  checkSameType(operator, x, y);
  emit(operator, "mean", [x], readReduction(operator, x));
}

export function convertReduce(kind: ReduceKind): Conversion {
  return (operator) => {
    const x = input(operator, 0);
    const y = output(operator);
    for (const tensor of [x, y]) if (tensor.dtype !== "int32") checkActivation(operator, tensor);
    checkSameType(operator, x, y);
    if (kind === "prod" && isQuantized(x.dtype)) throw refused(operator, `a product of ${x.dtype}`);
    emit(operator, "reduce", [x], { kind, ...readReduction(operator, x) });
  };
}

/** Indices along one axis, which the result does not have any more; the first of equal elements counts. */
export function convertArgExtreme(kind: "max" | "min"): Conversion {
  return (operator) => {
    const x = input(operator, 0);
    const y = output(operator);
    if (x.dtype !== "int32") checkActivation(operator, x);
    if (y.dtype !== "int32" && y.dtype !== "int64")
      throw refused(operator, `output ${show(y)}: expected int32 or int64`);
    const [axis] = integers(operator, 1, 1).map((a) => checkAxis(operator, a, x.shape.length));
    checkShape(operator, y, [...x.shape.slice(0, axis), ...x.shape.slice(axis + 1)]);
    emit(operator, "argExtreme", [x], { kind, axis, keepDims: false, last: false });
  };
}

export function convertCumsum(operator: Operator): void {
  const x = input(operator, 0);
  const y = output(operator);
  if (x.dtype !== "float32" && x.dtype !== "int32")
    throw refused(operator, `operand ${show(x)}: expected float32 or int32`);
  checkSameType(operator, x, y);
  checkShape(operator, y, x.shape);
  const [axis] = integers(operator, 1, 1).map((a) => checkAxis(operator, a, x.shape.length));
  const table = optionsOf(operator, options.cumsum.type);
  const flag = (id: number): boolean => table !== undefined && readBool(table, id);
  emit(operator, "cumsum", [x], {
    axis,
    exclusive: flag(options.cumsum.exclusive),
    reverse: flag(options.cumsum.reverse),
  });
}

export function convertSoftmax(operator: Operator): void {
  const x = input(operator, 0);
  const y = output(operator);
  checkActivation(operator, x);
  checkActivation(operator, y);
  checkSameType(operator, x, y);
  checkShape(operator, y, x.shape);
  if (x.shape.length === 0) throw refused(operator, `tensor ${show(x)} is a scalar`);
  const table = optionsOf(operator, options.softmax.type);
  const beta = table ? readFloat32(table, options.softmax.beta) : 1;
  if (!Number.isFinite(beta)) throw wrong(operator, `beta ${beta}`);
  emit(operator, "softmax", [x], { beta });
}

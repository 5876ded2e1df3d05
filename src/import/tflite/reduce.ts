import {
  checkActivation,
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
  show,
  wrong,
} from "./operator.ts";
import { readBool, readFloat32 } from "./reader.ts";
import { options } from "./schema.ts";

export function convertMean(operator: Operator): void {
  const x = input(operator, 0);
  const y = output(operator);
  checkActivation(operator, x);
  checkActivation(operator, y);
  checkSameType(operator, x, y);
  const rank = x.shape.length;
  const listed = integers(operator, 1, Math.max(1, rank)).map((axis) => checkAxis(operator, axis, rank));
  const axes = [...new Set(listed)].sort((a, b) => a - b);
  const table = optionsOf(operator, options.reducer.type);
  const keepDims = table !== undefined && readBool(table, options.reducer.keepDims);
  const kept = x.shape.map((d, i) => (axes.includes(i) ? 1 : d));
  checkShape(operator, y, keepDims ? kept : x.shape.filter((_, i) => !axes.includes(i)));
  emit(operator, "mean", [x], { axes, keepDims });
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

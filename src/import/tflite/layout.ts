/** Operators that move elements without computing: they take every type. */
import { elementCount, type Tensor } from "../../graph/graph.ts";
import {
  activationOf,
  checkActivation,
  checkAxis,
  checkSameType,
  checkShape,
  emit,
  input,
  integers,
  isQuantized,
  type Operator,
  operandIndex,
  optionsOf,
  output,
  refused,
  requiredIndex,
  show,
  withInt16,
  wrong,
} from "./operator.ts";
import { readInt32 } from "./reader.ts";
import { options } from "./schema.ts";
import { isConstant } from "./tensors.ts";

/** RESHAPE, SQUEEZE and EXPAND_DIMS: the file states the resulting shape. */
export function convertReshape(operator: Operator): void {
  const x = input(operator, 0);
  const y = output(operator);
  const shape = operandIndex(operator, 1);
  if (shape !== undefined && !isConstant(operator.tensors, shape)) {
    throw refused(
      operator,
      "the new shape is computed at run time; convert the model with fixed input shapes",
    );
  }
  checkSameType(operator, x, y);
  if (elementCount(x.shape) !== elementCount(y.shape)) {
    throw wrong(operator, `${show(x)} and ${show(y)} differ in their number of elements`);
  }
  emit(operator, "reshape", [x], {});
}

export function convertTranspose(operator: Operator): void {
  const x = input(operator, 0);
  const y = output(operator);
  const rank = x.shape.length;
  const perm = integers(operator, 1, Math.max(1, rank)).map((axis) => checkAxis(operator, axis, rank));
  if (perm.length !== rank || new Set(perm).size !== rank) {
    throw wrong(operator, `[${perm.join()}] is no permutation of the dimensions of ${show(x)}`);
  }
  checkSameType(operator, x, y);
  checkShape(
    operator,
    y,
    perm.map((axis) => x.shape[axis]),
  );
  emit(operator, "transpose", [x], { perm });
}

/** PADV2's value in real units; PAD pads with real 0. */
function padValue(operator: Operator, x: Tensor): number {
  if (operandIndex(operator, 2) === undefined) return 0;
  const constant = input(operator, 2);
  if (constant.data?.length !== 1)
    throw refused(operator, `pad value ${show(constant)} has to be one constant`);
  checkSameType(operator, x, constant);
  const stored = Number(constant.data[0]);
  const quantization = x.quantization && (constant.quantization ?? x.quantization);
  return quantization ? quantization.scale[0] * (stored - quantization.zeroPoint[0]) : stored;
}

export function convertPad(operator: Operator): void {
  const x = input(operator, 0);
  const y = output(operator);
  const rank = x.shape.length;
  const amounts = integers(operator, 1, Math.max(1, 2 * rank));
  if (amounts.length !== 2 * rank || amounts.some((n) => n < 0)) {
    throw wrong(operator, `padding [${amounts.join()}]: expected ${rank} pairs of numbers from 0 up`);
  }
  const before = x.shape.map((_, i) => amounts[2 * i]);
  const after = x.shape.map((_, i) => amounts[2 * i + 1]);
  checkSameType(operator, x, y);
  if (isQuantized(x.dtype)) checkActivation(operator, x, withInt16);
  checkShape(
    operator,
    y,
    x.shape.map((d, i) => before[i] + d + after[i]),
  );
  emit(operator, "pad", [x], { before, after, value: padValue(operator, x) });
}

export function convertConcatenation(operator: Operator): void {
  const ids = options.concatenation;
  const table = optionsOf(operator, ids.type);
  const y = output(operator);
  const inputs = operator.record.inputs.map((_, i) => {
    requiredIndex(operator, i);
    return input(operator, i);
  });
  if (inputs.length === 0) throw wrong(operator, "has no operands");
  const axis = checkAxis(operator, table ? readInt32(table, ids.axis) : 0, y.shape.length);
  let extent = 0;
  for (const x of inputs) {
    checkSameType(operator, x, y);
    if (y.quantization) checkActivation(operator, x, withInt16);
    checkShape(
      operator,
      x,
      y.shape.map((d, i) => (i === axis ? (x.shape[axis] ?? 0) : d)),
    );
    extent += x.shape[axis];
  }
  if (extent !== y.shape[axis]) {
    throw wrong(operator, `operands add up to ${extent} along axis ${axis}, ${show(y)} was expected`);
  }
  emit(operator, "concat", inputs, { axis, activation: activationOf(operator, table, ids.activation) });
}

import type { Tensor } from "../../graph/graph.ts";
import {
  activationOf,
  checkShape,
  emit,
  input,
  type Operator,
  operandIndex,
  output,
  refused,
  requiredIndex,
  requiredOptions,
  show,
  wrong,
} from "./operator.ts";
import { readBool, readFloat32, readInt8 } from "./reader.ts";
import { activations, options } from "./schema.ts";
import { floatConstantAt, tensorAt } from "./tensors.ts";
import { ownState } from "./variables.ts";

/** Operands of UNIDIRECTIONAL_SEQUENCE_LSTM; the gates are in the order input, forget, cell, output. */
const operands = {
  inputWeights: [1, 2, 3, 4],
  recurrentWeights: [5, 6, 7, 8],
  peephole: [9, 10, 11],
  biases: [12, 13, 14, 15],
  projection: [16, 17],
  h: 18,
  c: 19,
  normalization: [20, 21, 22, 23],
} as const;

function refuseExtras(operator: Operator): void {
  const extras = {
    peephole: "peephole weights",
    projection: "a projection",
    normalization: "layer normalization",
  };
  for (const [role, name] of Object.entries(extras) as [keyof typeof extras, string][]) {
    if (operands[role].some((i) => operandIndex(operator, i) !== undefined)) {
      throw refused(operator, `an LSTM with ${name}`);
    }
  }
  if (operandIndex(operator, operands.inputWeights[0]) === undefined) {
    throw refused(operator, "an LSTM whose input gate is coupled to its forget gate");
  }
}

/** The gates' constants one below the other; quantized ones keep a scale per gate, as one per row. */
function stacked(operator: Operator, indices: readonly number[], name: string, asFloat: boolean): Tensor {
  const parts = indices.map((i) => {
    const index = requiredIndex(operator, i);
    return asFloat ? floatConstantAt(operator.tensors, index) : tensorAt(operator.tensors, index);
  });
  const [first] = parts;
  for (const part of parts) {
    if (!part.data) throw refused(operator, `${show(part)}: expected a constant`);
    checkShape(operator, part, first.shape);
    if (part.dtype !== first.dtype) throw wrong(operator, `types of ${show(first)} and ${show(part)} differ`);
  }
  const rows = first.shape[0];
  const type = first.data!.constructor as Float32ArrayConstructor;
  const length = first.data!.length;
  const data = new type(length * parts.length);
  parts.forEach((part, gate) => {
    data.set(part.data as Float32Array, gate * length);
  });
  const tensor: Tensor = {
    name: operator.tensors.uniqueName(`${output(operator).name}/${name}`),
    dtype: first.dtype,
    shape: [rows * parts.length, ...first.shape.slice(1)],
    data,
  };
  if (first.dtype !== "int8") return tensor;
  const perRow = (of: (part: Tensor) => ArrayLike<number>): number[] =>
    parts.flatMap((part) => Array.from({ length: rows }, (_, n) => of(part)[of(part).length === 1 ? 0 : n]));
  for (const part of parts) if (!part.quantization) throw wrong(operator, `${show(part)} has no scale`);
  tensor.quantization = {
    scale: Float32Array.from(perRow((part) => part.quantization!.scale)),
    zeroPoint: Int32Array.from(perRow((part) => part.quantization!.zeroPoint)),
    axis: 0,
  };
  return tensor;
}

/** [batch, time, …] ↔ [time, batch, …]: the same elements in the same order where one of the two is 1. */
function swapTime(operator: Operator, from: Tensor, to: Tensor): void {
  const movesNothing = from.shape[0] === 1 || from.shape[1] === 1;
  if (movesNothing) emit(operator, "reshape", [from], {}, to);
  else emit(operator, "transpose", [from], { perm: [1, 0, 2] }, to);
}

/** A tensor like `like` with its first two dimensions changed round. */
function swapped(operator: Operator, like: Tensor): Tensor {
  const [a, b, c] = like.shape;
  const { data: _, ...rest } = like;
  return { ...rest, name: operator.tensors.uniqueName(`${like.name}/time`), shape: [b, a, c] };
}

function checkOptions(operator: Operator): { isTimeMajor: boolean; cellClip: number } {
  const ids = options.sequenceLstm;
  const table = requiredOptions(operator, ids.type);
  const activation = activations[readInt8(table, ids.activation)];
  if (activation !== "TANH") {
    activationOf(operator, undefined, ids.activation);
    throw refused(operator, `cell activation ${activation ?? "of unknown code"}; TANH was expected`);
  }
  const cellClip = readFloat32(table, ids.cellClip);
  if (!(cellClip >= 0)) throw wrong(operator, `a cell bound of ${cellClip}`);
  return { isTimeMajor: readBool(table, ids.timeMajor), cellClip: cellClip === 0 ? Infinity : cellClip };
}

/** Float, float on int8 weights (which become float32), or int8 with an int16 cell. */
export function convertSequenceLstm(operator: Operator): void {
  refuseExtras(operator);
  const { isTimeMajor, cellClip } = checkOptions(operator);
  const x = input(operator, 0);
  const y = output(operator);
  if (x.dtype !== "float32" && x.dtype !== "int8")
    throw refused(operator, `input ${show(x)}: float32 or int8 expected`);
  if (x.shape.length !== 3) throw refused(operator, `input ${show(x)}: expected 3 dimensions`);
  const isFloat = x.dtype === "float32";
  const weights = stacked(operator, operands.inputWeights, "weights", isFloat);
  const recurrent = stacked(operator, operands.recurrentWeights, "recurrent", isFloat);
  const bias = stacked(operator, operands.biases, "bias", isFloat);
  const hidden = recurrent.shape[1];
  const batch = x.shape[isTimeMajor ? 1 : 0];
  checkShape(operator, weights, [4 * hidden, x.shape[2]]);
  checkShape(operator, recurrent, [4 * hidden, hidden]);
  checkShape(operator, bias, [4 * hidden]);
  checkShape(operator, y, [x.shape[0], x.shape[1], hidden]);
  const h = ownState(operator, operands.h);
  const c = ownState(operator, operands.c);
  checkShape(operator, h.value, [batch, hidden]);
  checkShape(operator, c.value, [batch, hidden]);
  const types = isFloat ? ["float32", "float32", "float32", "float32"] : ["int8", "int8", "int32", "int16"];
  [h.value, weights, bias, c.value].forEach((tensor, i) => {
    if (tensor.dtype !== types[i]) throw refused(operator, `${show(tensor)}: ${types[i]} was expected`);
  });
  const [from, to] = isTimeMajor ? [x, y] : [swapped(operator, x), swapped(operator, y)];
  if (from !== x) swapTime(operator, x, from);
  emit(
    operator,
    "recurrent",
    [from, weights, recurrent, bias, null, h.value, c.value],
    { cell: "lstm", reverse: false, cellClip },
    [to, h.next, c.next],
  );
  if (to !== y) swapTime(operator, to, y);
}

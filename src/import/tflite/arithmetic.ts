import {
  type BinaryKind,
  type DType,
  isComparison,
  isUnbounded,
  noActivation,
  type Tensor,
} from "../../graph/graph.ts";
import { isConstant } from "../../graph/passes/constant.ts";
import { sameQuantization } from "../../graph/passes/rewrite.ts";
import {
  activationOf,
  broadcast,
  type Conversion,
  checkSameType,
  checkShape,
  emit,
  input,
  isQuantized,
  type Operator,
  optionsOf,
  output,
  refused,
  show,
  wrong,
} from "./operator.ts";
import { options } from "./schema.ts";

/** Types whose values are plain numbers unless a scale says otherwise. */
const whole: readonly DType[] = ["int8", "uint8", "int16", "int32", "int64"];

/** The operand; a scale on int32 constants means nothing here. */
function plainInput(operator: Operator, i: number): Tensor {
  const tensor = input(operator, i);
  if (isQuantized(tensor.dtype) || !tensor.quantization) return tensor;
  const { quantization: _, ...plain } = tensor;
  return isConstant(tensor) ? plain : tensor;
}

/** Kinds that mean the same on stored values as on real ones, when all share one scale and zero point. */
const onStored = (kind: BinaryKind): boolean =>
  kind === "maximum" || kind === "minimum" || isComparison(kind);

function checkTypes(operator: Operator, kind: BinaryKind, types: readonly DType[], tensors: Tensor[]): void {
  const [a, b, y] = tensors;
  checkSameType(operator, b, a);
  if (!types.includes(a.dtype))
    throw refused(operator, `tensor ${show(a)}: ${types.join(", ")} was expected`);
  if (y.dtype !== (isComparison(kind) ? "bool" : a.dtype))
    throw wrong(operator, `result ${show(y)} of ${show(a)}`);
  const scaled = tensors.filter((t) => t.quantization);
  if (scaled.length === 0) return;
  if (!onStored(kind)) throw refused(operator, `tensor ${show(scaled[0])}: only float32 has a kernel`);
  const other = tensors.find((t) => t.dtype === a.dtype && !sameQuantization(t, a));
  if (other)
    throw refused(operator, `${show(a)} and ${show(other)} differ in scale or zero point; convert with one`);
}

function convertWith(kind: BinaryKind, types: readonly DType[]): Conversion {
  return (operator) => {
    const [a, b] = [plainInput(operator, 0), plainInput(operator, 1)];
    const y = output(operator);
    checkTypes(operator, kind, types, [a, b, y]);
    checkShape(operator, y, broadcast(operator, a, b));
    const activation =
      kind === "div"
        ? activationOf(operator, optionsOf(operator, options.div.type), options.div.activation)
        : { ...noActivation };
    if (y.dtype !== "float32" && !isUnbounded(activation))
      throw refused(operator, `a fused activation of ${y.dtype}`);
    emit(operator, "binary", [a, b], { kind, activation });
  };
}

export const convertArithmetic = (kind: BinaryKind): Conversion => convertWith(kind, ["float32", ...whole]);

export const convertFloatArithmetic = (kind: BinaryKind): Conversion => convertWith(kind, ["float32"]);

/** Kinds that float32 lacks. */
export const convertWholeArithmetic = (kind: BinaryKind): Conversion => convertWith(kind, whole);

export const convertComparison = (kind: BinaryKind): Conversion =>
  convertWith(kind, ["float32", "bool", ...whole]);

export const convertLogic = (kind: BinaryKind): Conversion => convertWith(kind, ["bool"]);

/** As exclusive or with true. */
export function convertNot(operator: Operator): void {
  const x = input(operator, 0);
  const y = output(operator);
  if (x.dtype !== "bool" || y.dtype !== "bool")
    throw refused(operator, `tensor ${show(x)}: bool was expected`);
  checkShape(operator, y, x.shape);
  const name = operator.tensors.uniqueName(`${y.name}/true`);
  const truth: Tensor = { name, dtype: "bool", shape: [], data: Uint8Array.of(1) };
  emit(operator, "binary", [x, truth], { kind: "xor", activation: { ...noActivation } });
}

/** SELECT's condition may be a list, which then runs along the first dimension. */
function conditionOf(operator: Operator, y: Tensor): Tensor {
  const condition = input(operator, 0);
  if (condition.dtype !== "bool") throw refused(operator, `tensor ${show(condition)}: bool was expected`);
  const isList = condition.shape.length === 1 && y.shape.length > 1;
  if (operator.record.name !== "SELECT" || !isList || condition.shape[0] === 1) return condition;
  const column: Tensor = {
    name: operator.tensors.uniqueName(`${condition.name}/column`),
    dtype: "bool",
    shape: [condition.shape[0], ...y.shape.slice(1).fill(1)],
  };
  if (isConstant(condition)) return { ...column, data: condition.data };
  emit(operator, "reshape", [condition], {}, column);
  return column;
}

/** SELECT and SELECT_V2. */
export function convertSelect(operator: Operator): void {
  const [a, b] = [plainInput(operator, 1), plainInput(operator, 2)];
  const y = output(operator);
  checkSameType(operator, a, y);
  checkSameType(operator, b, y);
  const hasScale = [a, b, y].some((t) => t.quantization);
  if (hasScale && !(sameQuantization(a, y) && sameQuantization(b, y)))
    throw refused(operator, `${show(a)} and ${show(b)} differ in scale or zero point; convert with one`);
  const condition = conditionOf(operator, y);
  const both = { ...y, shape: broadcast(operator, a, b) };
  checkShape(operator, y, broadcast(operator, condition, both));
  emit(operator, "select", [condition, a, b], {});
}

export function convertCast(operator: Operator): void {
  const x = plainInput(operator, 0);
  const y = output(operator);
  checkShape(operator, y, x.shape);
  for (const t of [x, y])
    if (t.quantization) throw refused(operator, `tensor ${show(t)}: a quantized value has no cast`);
  emit(operator, "cast", [x], {});
}

/** NEG of whole numbers, as 0 − x. */
export function negateWhole(operator: Operator, x: Tensor): void {
  const data = x.dtype === "int64" ? BigInt64Array.of(0n) : Int32Array.of(0);
  const zero: Tensor = { name: operator.tensors.uniqueName(`${x.name}/0`), dtype: x.dtype, shape: [], data };
  emit(operator, "sub", [zero, x], { activation: { ...noActivation } });
}

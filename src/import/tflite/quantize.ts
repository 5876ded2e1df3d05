import type { DType } from "../../graph/graph.ts";
import {
  checkActivation,
  checkShape,
  emit,
  input,
  isQuantized,
  type Operator,
  output,
  refused,
  requiredIndex,
  show,
  withInt16,
} from "./operator.ts";
import { readQuantization } from "./quantization.ts";
import { floatConstantAt, isConstant, tensorAt } from "./tensors.ts";

/** float32 → quantized, or quantized → quantized by other parameters. */
export function convertQuantize(operator: Operator): void {
  const x = input(operator, 0);
  const y = output(operator);
  const types: DType[] = [...withInt16, "int32"];
  for (const [tensor, index] of [
    [x, requiredIndex(operator, 0)],
    [y, operator.record.outputs[0]],
  ] as const) {
    // A computed int32 has a scale for this operator alone.
    const quantization = tensor.dtype === "int32" && readQuantization(operator.tensors.records[index]);
    if (quantization) tensor.quantization = quantization;
    checkActivation(operator, tensor, types);
  }
  if (y.dtype === "float32" || (x.dtype === "float32" && y.dtype === "int32"))
    throw refused(operator, `output ${show(y)} of ${show(x)}: expected int8, uint8 or int16`);
  checkShape(operator, y, x.shape);
  emit(operator, "quantize", [x], {});
}

/** DENSIFY makes a sparse constant dense, which it became when it was read. float16 is float32 from here on. */
export function convertDensify(operator: Operator): void {
  const { tensors, record } = operator;
  const index = requiredIndex(operator, 0);
  if (!isConstant(tensors, index)) throw refused(operator, "an operand that is no constant");
  const [from, to] = [tensors.records[index], tensors.records[record.outputs[0]]];
  if (from.type !== to.type || from.shape.join() !== to.shape.join()) {
    throw refused(operator, `${from.type}[${from.shape}] made dense as ${to.type}[${to.shape}]`);
  }
  if (from.type === "float16") {
    tensors.floats.set(record.outputs[0], floatConstantAt(tensors, index));
    return;
  }
  const x = tensorAt(tensors, index);
  const y = output(operator);
  y.data = x.data!;
  if (x.quantization && !y.quantization) y.quantization = x.quantization;
}

/** DEQUANTIZE of a constant (float16 or quantized weights) becomes a float32 constant and no node. */
export function convertDequantize(operator: Operator): void {
  const index = requiredIndex(operator, 0);
  const y = output(operator);
  if (y.dtype !== "float32") throw refused(operator, `output ${show(y)}: expected float32`);
  if (isConstant(operator.tensors, index) || operator.tensors.floats.has(index)) {
    const folded = floatConstantAt(operator.tensors, index);
    checkShape(operator, y, folded.shape);
    y.data = folded.data!;
    return;
  }
  const x = input(operator, 0);
  checkActivation(operator, x, withInt16);
  if (!isQuantized(x.dtype)) throw refused(operator, `input ${show(x)}: expected int8, uint8 or int16`);
  checkShape(operator, y, x.shape);
  emit(operator, "dequantize", [x], {});
}

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
} from "./operator.ts";
import { floatConstantAt, isConstant } from "./tensors.ts";

/** float32 → quantized, or quantized → quantized by other parameters. */
export function convertQuantize(operator: Operator): void {
  const x = input(operator, 0);
  const y = output(operator);
  checkActivation(operator, x);
  checkActivation(operator, y);
  if (!isQuantized(y.dtype)) throw refused(operator, `output ${show(y)}: expected int8 or uint8`);
  checkShape(operator, y, x.shape);
  emit(operator, "quantize", [x], {});
}

/** DEQUANTIZE of a constant (float16 or quantized weights) becomes a float32 constant and no node. */
export function convertDequantize(operator: Operator): void {
  const index = requiredIndex(operator, 0);
  const y = output(operator);
  if (y.dtype !== "float32") throw refused(operator, `output ${show(y)}: expected float32`);
  if (isConstant(operator.tensors, index)) {
    const folded = floatConstantAt(operator.tensors, index);
    checkShape(operator, y, folded.shape);
    y.data = folded.data!;
    return;
  }
  const x = input(operator, 0);
  checkActivation(operator, x);
  if (!isQuantized(x.dtype)) throw refused(operator, `input ${show(x)}: expected int8 or uint8`);
  checkShape(operator, y, x.shape);
  emit(operator, "dequantize", [x], {});
}

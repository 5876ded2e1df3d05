import type { Tensor } from "../../../graph/graph.ts";
import { type Constant, isConstant } from "../../../graph/passes/constant.ts";
import type { Scope } from "../scope.ts";

/** A constant operand that may be stored quantized, and how a rearranged copy of it becomes an operand. */
export interface SharedConstant {
  tensor: Constant;
  use(rearranged: Constant): Tensor;
}

/** The operand at `index` is one that sharedConstant() takes. */
export function hasSharedConstant(scope: Scope, index: number): boolean {
  const operand = scope.float(index);
  return isConstant(operand) || scope.quantizedConstant(operand) !== undefined;
}

/** The float32 constant at `index`, or the quantized constant behind a DequantizeLinear. */
export function sharedConstant(scope: Scope, index: number, role: string): SharedConstant {
  const operand = scope.float(index);
  if (isConstant(operand)) return { tensor: operand, use: (rearranged) => rearranged };
  const quantized = scope.quantizedConstant(operand);
  if (!quantized) throw scope.unsupported(`${role} computed at run time ("${operand.name}")`);
  return {
    tensor: quantized,
    use: (rearranged) => scope.emit("dequantize", [rearranged], {}, rearranged.shape),
  };
}

/** How conversions of operators that move elements append their nodes: src/import/moves.ts in ONNX's terms. */
import { type Attributes, elementCount, type OperatorName, type Tensor } from "../../../graph/graph.ts";
import { type Constant, isConstant, maxFoldedElements, newData } from "../../../graph/passes/constant.ts";
import { moveConstants } from "../../../graph/passes/move-constants.ts";
import { makeNode } from "../../../graph/passes/rewrite.ts";
import type { Mover } from "../../moves.ts";
import type { Scope } from "../scope.ts";
import { checkedCount, normalAxis } from "../shape.ts";

/**
 * Appends nodes typed as their first input; what needs only constants is computed at once, and so is what has no
 * elements, which only a Concat may read.
 */
export const moverOf =
  (scope: Scope): Mover =>
  <K extends OperatorName>(op: K, inputs: Tensor[], attributes: Attributes[K], shape: number[]) => {
    const [like] = inputs;
    const isEmpty = elementCount(shape) === 0;
    if (isEmpty || (inputs.every(isConstant) && checkedCount(shape, scope.where) <= maxFoldedElements)) {
      if (op !== "reshape") scope.checkRoom(elementCount(shape));
      const y: Tensor = { name: scope.nameFor(op), dtype: like.dtype, shape };
      if (like.quantization) y.quantization = like.quantization;
      const data = isEmpty
        ? newData(y.dtype, 0)
        : moveConstants(makeNode(op, y.name, inputs, y, attributes), inputs as Constant[]);
      if (data) return { ...y, data };
    }
    return scope.emit(op, inputs, attributes, shape, like);
  };

/** An operand of indices. */
export function indicesOf(scope: Scope, index: number): Tensor {
  const indices = scope.input(index);
  if (indices.dtype === "int32" || indices.dtype === "int64") return indices;
  throw scope.unsupported(`${indices.dtype} indices "${indices.name}"`);
}

/** What a slice takes of each dimension. */
interface SliceParts {
  begin: number[];
  size: number[];
  stride: number[];
}

/** Slice: starts, ends, axes and steps are attributes before opset 10 and inputs since. */
export function sliceParts(scope: Scope, shape: readonly number[]): SliceParts {
  const fromInputs = scope.opset >= 10;
  const list = (index: number, name: string) =>
    fromInputs ? (scope.has(index) ? scope.integers(index, name) : undefined) : scope.intsAttribute(name);
  const starts = list(1, "starts") ?? [];
  const ends = list(2, "ends") ?? [];
  const axes = list(3, "axes") ?? starts.map((_, i) => i);
  const steps = (fromInputs ? list(4, "steps") : undefined) ?? starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
    throw scope.bad("expected starts, ends, axes and steps of one length");
  }
  const parts: SliceParts = { begin: shape.map(() => 0), size: [...shape], stride: shape.map(() => 1) };
  axes.forEach((given, i) => {
    const axis = normalAxis(given, shape.length, scope.where);
    const size = shape[axis];
    const step = steps[i];
    if (step === 0) throw scope.bad("expected a step other than 0");
    const clamp = (v: number, low: number, high: number) =>
      Math.min(Math.max(v < 0 ? v + size : v, low), high);
    const start = step > 0 ? clamp(starts[i], 0, size) : clamp(starts[i], 0, size - 1);
    const end = step > 0 ? clamp(ends[i], 0, size) : clamp(ends[i], -1, size - 1);
    parts.begin[axis] = start;
    parts.size[axis] = Math.max(0, Math.ceil((end - start) / step));
    parts.stride[axis] = step;
  });
  return parts;
}

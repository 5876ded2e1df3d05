import { elementCount, type Tensor } from "../../../graph/graph.ts";
import { inversePerm } from "../../../graph/passes/rewrite.ts";
import { reshape, type Scope, transpose } from "../scope.ts";
import { normalAxes, normalAxis } from "../shape.ts";

/** ReduceMean: axes are an attribute before opset 18 and an input since; none means all. */
function reduceMean(scope: Scope): Tensor {
  const x = scope.float(0);
  const given =
    scope.opset < 18 ? scope.intsAttribute("axes") : scope.has(1) ? scope.integers(1, "axes") : undefined;
  const isEmpty = !given || given.length === 0;
  if (isEmpty && scope.intAttribute("noop_with_empty_axes", 0) !== 0) return x;
  const axes = isEmpty ? x.shape.map((_, i) => i) : normalAxes(given, x.shape.length, scope.where);
  if (axes.length === 0) return x;
  const keepDims = scope.intAttribute("keepdims", 1) !== 0;
  const shape = x.shape
    .map((d, i) => (axes.includes(i) ? 1 : d))
    .filter((_, i) => keepDims || !axes.includes(i));
  return scope.emit("mean", [x], { axes, keepDims }, shape);
}

const lastAxisSoftmax = (scope: Scope, x: Tensor): Tensor => scope.emit("softmax", [x], { beta: 1 }, x.shape);

/** Softmax along one axis since opset 13; before, over all dimensions from `axis` on, flattened. */
function softmax(scope: Scope): Tensor {
  const x = scope.float(0);
  const rank = x.shape.length;
  const axis = normalAxis(scope.intAttribute("axis", scope.opset < 13 ? 1 : -1), rank, scope.where);
  if (axis === rank - 1) return lastAxisSoftmax(scope, x);
  if (scope.opset < 13) {
    const flat = reshape(scope, x, [elementCount(x.shape.slice(0, axis)), elementCount(x.shape.slice(axis))]);
    return reshape(scope, lastAxisSoftmax(scope, flat), x.shape);
  }
  const perm = [...x.shape.keys()].filter((d) => d !== axis).concat(axis);
  return transpose(scope, lastAxisSoftmax(scope, transpose(scope, x, perm)), inversePerm(perm));
}

/** The logarithm of Softmax; −∞ where the probability is below the smallest float32. */
function logSoftmax(scope: Scope): Tensor {
  const y = softmax(scope);
  return scope.emit("unary", [y], { kind: "log" }, y.shape);
}

export const reductions: Record<string, (scope: Scope) => Tensor> = {
  LogSoftmax: logSoftmax,
  ReduceMean: reduceMean,
  Softmax: softmax,
};

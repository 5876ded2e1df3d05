import {
  elementCount,
  noActivation,
  type ReduceKind,
  type Tensor,
  type UnaryKind,
} from "../../../graph/graph.ts";
import { inversePerm } from "../../../graph/passes/rewrite.ts";
import { reshape, type Scope, transpose } from "../scope.ts";
import { normalAxes, normalAxis } from "../shape.ts";

/** What a Reduce operator works on; undefined axes leave every element by itself. */
interface Reduction {
  axes: number[];
  keepDims: boolean;
}

/** Axes are an attribute in old operator sets and an input since `inputSince`; none means all, or none at all. */
function reductionOf(scope: Scope, x: Tensor, inputSince: number): Reduction {
  const given =
    scope.opset < inputSince
      ? scope.intsAttribute("axes")
      : scope.has(1)
        ? scope.integers(1, "axes")
        : undefined;
  const isEmpty = !given || given.length === 0;
  const isNone = isEmpty && scope.intAttribute("noop_with_empty_axes", 0) !== 0;
  const all = isNone ? [] : [...x.shape.keys()];
  const axes = isEmpty ? all : normalAxes(given, x.shape.length, scope.where);
  return { axes, keepDims: scope.intAttribute("keepdims", 1) !== 0 };
}

const reducedShape = (x: Tensor, { axes, keepDims }: Reduction): number[] =>
  x.shape.map((d, i) => (axes.includes(i) ? 1 : d)).filter((_, i) => keepDims || !axes.includes(i));

const unary = (scope: Scope, x: Tensor, kind: UnaryKind): Tensor =>
  scope.emit("unary", [x], { kind }, x.shape);

const emitReduce = (scope: Scope, kind: ReduceKind, x: Tensor, how: Reduction): Tensor =>
  how.axes.length === 0 ? x : scope.emit("reduce", [x], { kind, ...how }, reducedShape(x, how), x);

function reduceMean(scope: Scope): Tensor {
  const x = scope.float(0);
  const how = reductionOf(scope, x, 18);
  return how.axes.length === 0 ? x : scope.emit("mean", [x], { ...how }, reducedShape(x, how));
}

/** ReduceSum, ReduceMax, ReduceMin, ReduceProd, of float32 and int32. */
const plainReduce =
  (kind: ReduceKind, inputSince: number) =>
  (scope: Scope): Tensor => {
    const x = scope.input(0);
    if (x.dtype !== "float32" && x.dtype !== "int32")
      throw scope.unsupported(`${x.dtype} operand "${x.name}"`);
    return emitReduce(scope, kind, x, reductionOf(scope, x, inputSince));
  };

/** A sum of a function of each element, and a function of the sum. */
const functionOfSum =
  (before: UnaryKind | null, after: UnaryKind | null) =>
  (scope: Scope): Tensor => {
    const x = scope.float(0);
    const how = reductionOf(scope, x, 18);
    const sum = emitReduce(scope, "sum", before ? unary(scope, x, before) : x, how);
    return after ? unary(scope, sum, after) : sum;
  };

/** log Σ eˣ as m + log Σ e^(x − m) with the greatest x as m, so that nothing overflows. */
function reduceLogSumExp(scope: Scope): Tensor {
  const x = scope.float(0);
  const how = reductionOf(scope, x, 18);
  if (how.axes.length === 0) return x;
  const kept = { ...how, keepDims: true };
  const most = emitReduce(scope, "max", x, kept);
  const below = scope.emit("sub", [x, most], { activation: noActivation }, x.shape);
  const sum = emitReduce(scope, "sum", unary(scope, below, "exp"), kept);
  const y = scope.emit("add", [unary(scope, sum, "log"), most], { activation: noActivation }, most.shape);
  return how.keepDims ? y : reshape(scope, y, reducedShape(x, how));
}

/** (Σ |x|ᵖ)^(1/p) over everything after the channels. */
function globalLpPool(scope: Scope): Tensor {
  const x = scope.float(0);
  const p = scope.intAttribute("p", 2);
  if (x.shape.length < 3) throw scope.bad(`expected at least 3 dimensions, found ${x.shape.length}`);
  if (p !== 1 && p !== 2) throw scope.unsupported(`p ${p} (1 and 2 work)`);
  const how = { axes: [...x.shape.keys()].slice(2), keepDims: true };
  const sum = emitReduce(scope, "sum", unary(scope, x, p === 1 ? "abs" : "square"), how);
  return p === 1 ? sum : unary(scope, sum, "sqrt");
}

const argExtreme =
  (kind: "max" | "min") =>
  (scope: Scope): Tensor => {
    const x = scope.input(0);
    if (x.dtype !== "float32" && x.dtype !== "int32")
      throw scope.unsupported(`${x.dtype} operand "${x.name}"`);
    const axis = normalAxis(scope.intAttribute("axis", 0), x.shape.length, scope.where);
    const keepDims = scope.intAttribute("keepdims", 1) !== 0;
    const last = scope.intAttribute("select_last_index", 0) !== 0;
    const shape = reducedShape(x, { axes: [axis], keepDims });
    return scope.emit("argExtreme", [x], { kind, axis, keepDims, last }, shape, { dtype: "int64" });
  };

function cumSum(scope: Scope): Tensor {
  const x = scope.input(0);
  if (x.dtype !== "float32" && x.dtype !== "int32") throw scope.unsupported(`${x.dtype} operand "${x.name}"`);
  const axis = normalAxis(scope.scalar(1, "the axis"), x.shape.length, scope.where);
  const exclusive = scope.intAttribute("exclusive", 0) !== 0;
  const reverse = scope.intAttribute("reverse", 0) !== 0;
  return scope.emit("cumsum", [x], { axis, exclusive, reverse }, x.shape, x);
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
  ArgMax: argExtreme("max"),
  ArgMin: argExtreme("min"),
  CumSum: cumSum,
  GlobalLpPool: globalLpPool,
  LogSoftmax: logSoftmax,
  ReduceL1: functionOfSum("abs", null),
  ReduceL2: functionOfSum("square", "sqrt"),
  ReduceLogSum: functionOfSum(null, "log"),
  ReduceLogSumExp: reduceLogSumExp,
  ReduceMax: plainReduce("max", 18),
  ReduceMean: reduceMean,
  ReduceMin: plainReduce("min", 18),
  ReduceProd: plainReduce("prod", 18),
  ReduceSum: plainReduce("sum", 13),
  ReduceSumSquare: functionOfSum("square", null),
  Softmax: softmax,
};

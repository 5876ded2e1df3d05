import { elementCount, noActivation, type Tensor } from "../../../graph/graph.ts";
import { type Constant, floatConstant, isConstant, permuteConstant } from "../../../graph/passes/constant.ts";
import { reshape, type Scope, transpose } from "../scope.ts";
import { broadcastShape } from "../shape.ts";
import { fromNhwc, slidingWindow, spatialOf, toNhwc } from "./window.ts";

const reshaped = (scope: Scope, x: Tensor, shape: number[]): Tensor =>
  isConstant(x) ? { ...x, shape } : reshape(scope, x, shape);

/** The parameter at `index` as one number or one per index of `axis` of `shape`; undefined when left out. */
function alongAxis(
  scope: Scope,
  index: number,
  shape: readonly number[],
  axis: number,
  role: string,
): Tensor | undefined {
  const found = scope.optional(index);
  if (!found) return undefined;
  const count = elementCount(found.shape);
  if (count === 1) return reshaped(scope, found, []);
  if (count === shape[axis] && found.shape.filter((d) => d > 1).length === 1)
    return reshaped(scope, found, [count]);
  throw scope.unsupported(
    `${role} of shape [${found.shape.join(", ")}] for [${shape.join(", ")}]: one number or ${shape[axis]} work`,
  );
}

/** x less its zero point: a constant in the narrowest type where both are known, else an operator. */
function centered(scope: Scope, x: Tensor, zero: Tensor | undefined, axis: number): Tensor {
  if (x.dtype !== "int8" && x.dtype !== "uint8") throw scope.unsupported(`${x.dtype} operand "${x.name}"`);
  if (!isConstant(x) || (zero && !isConstant(zero)))
    return scope.emit("center", [x, zero ?? null], { axis }, x.shape, { dtype: "int16" });
  const zeros = (zero as Constant | undefined)?.data as ArrayLike<number> | undefined;
  const inner = elementCount(x.shape.slice(axis + 1));
  const zeroOf = (i: number) => zeros?.[zeros.length === 1 ? 0 : Math.floor(i / inner) % zeros.length] ?? 0;
  const values = Int16Array.from(x.data as ArrayLike<number>, (q, i) => q - zeroOf(i));
  const isNarrow = values.every((v) => v >= -128 && v <= 127);
  return {
    name: scope.nameFor("centered"),
    dtype: isNarrow ? "int8" : "int16",
    shape: x.shape,
    data: isNarrow ? Int8Array.from(values) : values,
  };
}

/** An operand that has to be computed in int16: constants of the narrow type are widened. */
const asInt16 = (x: Tensor): Tensor =>
  isConstant(x) && x.dtype === "int8"
    ? { ...x, dtype: "int16", data: Int16Array.from(x.data as Int8Array) }
    : x;

const permuted = (scope: Scope, x: Tensor, perm: number[]): Tensor =>
  isConstant(x) ? permuteConstant(x, perm, scope.nameFor("weights")) : transpose(scope, x, perm);

interface Operand {
  tensor: Tensor;
  zero: number;
}

/** int32 sums of (a − its zero point) · (b − its zero point), with the vectors' dimensions of 1 still there. */
function sumsOfMatMul(scope: Scope, left: Operand, right: Operand): { sums: Tensor; shape: number[] } {
  const [a, b] = [left.tensor, right.tensor];
  if (a.shape.length === 0 || b.shape.length === 0) throw scope.bad("expected operands with dimensions");
  const aShape = a.shape.length === 1 ? [1, a.shape[0]] : a.shape;
  const bShape = b.shape.length === 1 ? [b.shape[0], 1] : b.shape;
  const [rows, depth] = aShape.slice(-2);
  const [bRows, columns] = bShape.slice(-2);
  if (depth !== bRows) throw scope.bad(`expected a right operand with ${depth} rows, found ${bRows}`);
  const [aBatch, bBatch] = [aShape.slice(0, -2), bShape.slice(0, -2)];
  const batch = broadcastShape(aBatch, bBatch, scope.where);
  /** The operator takes one matrix for all, or one for each: others are repeated. */
  const spread = (t: Tensor): Tensor => {
    const count = elementCount(t.shape.slice(0, -2));
    if (count === 1 || count === elementCount(batch)) return t;
    return scope.emit("expand", [t], {}, [...batch, ...t.shape.slice(-2)], { dtype: t.dtype });
  };
  const aZero = alongAxis(scope, left.zero, aShape, aShape.length - 2, "zero points of the left operand");
  const bZero = alongAxis(scope, right.zero, bShape, bShape.length - 1, "zero points of the right operand");
  const x = asInt16(centered(scope, reshaped(scope, a, aShape), aZero, aShape.length - 2));
  const w = centered(scope, reshaped(scope, b, bShape), bZero, bShape.length - 1);
  const last = bShape.length - 1;
  const swapped = bShape.map((_, d) => (d === last ? last - 1 : d === last - 1 ? last : d));
  const operands = [spread(x), spread(permuted(scope, w, swapped))];
  const sums = scope.emit("integerMatMul", operands, {}, [...batch, rows, columns], { dtype: "int32" });
  const shape = [
    ...batch,
    ...(a.shape.length === 1 ? [] : [rows]),
    ...(b.shape.length === 1 ? [] : [columns]),
  ];
  return { sums, shape };
}

interface ConvolutionOperands extends Record<"x" | "weights", Operand> {
  bias?: number;
}

/** int32 sums of a convolution in NHWC; what lies outside of x counts as its zero point, so as nothing. */
function sumsOfConv(scope: Scope, operands: ConvolutionOperands): { sums: Tensor; rank: number } {
  const { x, weights } = { x: operands.x.tensor, weights: operands.weights.tensor };
  const spatial = spatialOf(scope, x);
  const groups = scope.intAttribute("group", 1);
  const [filters, perGroup, ...kernel] = weights.shape;
  if (
    weights.shape.length !== x.shape.length ||
    !(groups >= 1) ||
    perGroup * groups !== x.shape[1] ||
    filters % groups !== 0
  ) {
    throw scope.bad(
      `expected weights [O, ${x.shape[1]} / ${groups}, …], found [${weights.shape.join(", ")}]`,
    );
  }
  const { stride, padding, dilation, ...window } = slidingWindow(scope, spatial, kernel, false);
  const xZero = alongAxis(scope, operands.x.zero, x.shape, -1, "the zero point of the input");
  const wZero = alongAxis(scope, operands.weights.zero, weights.shape, 0, "zero points of the weights");
  const flat = reshaped(scope, centered(scope, weights, wZero, 0), [filters, perGroup, ...window.kernel]);
  const w = permuted(scope, flat, [0, 2, 3, 1]);
  const bias = operands.bias === undefined ? undefined : scope.optional(operands.bias);
  const sums = scope.emit(
    "integerConv2d",
    [toNhwc(scope, asInt16(centered(scope, x, xZero, 0))), w, bias ?? null],
    { stride, padding, dilation, groups },
    [x.shape[0], ...window.size, filters],
    { dtype: "int32" },
  );
  return { sums, rank: x.shape.length };
}

function matMulInteger(scope: Scope): Tensor {
  const { sums, shape } = sumsOfMatMul(
    scope,
    { tensor: scope.input(0), zero: 2 },
    { tensor: scope.input(1), zero: 3 },
  );
  return shape.length === sums.shape.length ? sums : reshape(scope, sums, shape);
}

function convInteger(scope: Scope): Tensor {
  const x = { tensor: scope.input(0), zero: 2 };
  const { sums, rank } = sumsOfConv(scope, { x, weights: { tensor: scope.input(1), zero: 3 } });
  return fromNhwc(scope, sums, rank);
}

/**
 * Sums to the result's integers: times a · b / y rounded to float32, where all scales are constant; otherwise through
 * the real value, divided by y's scale. a, b and y are the indices of scales, y is followed by its zero point.
 */
function requantized(scope: Scope, sums: Tensor, scales: { a: number; b: number; y: number }): Tensor {
  const axis = sums.shape.length - 1;
  const one = (index: number) => alongAxis(scope, index, [1], 0, "a scale")!;
  const a = one(scales.a);
  const b = alongAxis(scope, scales.b, sums.shape, axis, "scales of the weights")!;
  const y = one(scales.y);
  const zero = alongAxis(scope, scales.y + 1, [1], 0, "the zero point of the result");
  if (!zero || (zero.dtype !== "int8" && zero.dtype !== "uint8"))
    throw scope.unsupported(`a result of ${zero?.dtype ?? "no type"}`);
  const result = { dtype: zero.dtype };
  const layout = { axis, block: 0 };
  if (isConstant(a) && isConstant(b) && isConstant(y)) {
    const f = Math.fround;
    const [sa, sy] = [Number(a.data[0]), Number(y.data[0])];
    const factors = Float32Array.from(b.data as Float32Array, (sb) => f(f(sa * sb) / sy));
    const factor = floatConstant(scope.nameFor("factor"), b.shape, factors);
    return scope.emit(
      "quantizeLinear",
      [sums, factor, zero],
      { ...layout, multiplies: true },
      sums.shape,
      result,
    );
  }
  const product = scope.emit("mul", [b, a], { activation: noActivation }, b.shape);
  const real = scope.emit("dequantizeLinear", [sums, product, null], layout, sums.shape);
  return scope.emit("quantizeLinear", [real, y, zero], { ...layout, multiplies: false }, sums.shape, result);
}

function qLinearMatMul(scope: Scope): Tensor {
  const left = { tensor: scope.input(0), zero: 2 };
  const { sums, shape } = sumsOfMatMul(scope, left, { tensor: scope.input(3), zero: 5 });
  const y = requantized(scope, sums, { a: 1, b: 4, y: 6 });
  return shape.length === y.shape.length ? y : reshape(scope, y, shape);
}

function qLinearConv(scope: Scope): Tensor {
  const x = { tensor: scope.input(0), zero: 2 };
  const weights = { tensor: scope.input(3), zero: 5 };
  const { sums, rank } = sumsOfConv(scope, { x, weights, bias: 8 });
  return fromNhwc(scope, requantized(scope, sums, { a: 1, b: 4, y: 6 }), rank);
}

/** Operators whose operands are integers with zero points of their own, constant or not. */
export const integer: Record<string, (scope: Scope) => Tensor> = {
  ConvInteger: convInteger,
  MatMulInteger: matMulInteger,
  QLinearConv: qLinearConv,
  QLinearMatMul: qLinearMatMul,
};

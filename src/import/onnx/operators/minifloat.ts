/** Quantize- and DequantizeLinear of float8 and float4: their codes are bytes, made and read by float32 operators. */
import { type Attributes, type Minifloat, noActivation, type Tensor } from "../../../graph/graph.ts";
import { type Constant, floatConstant, isConstant } from "../../../graph/passes/constant.ts";
import {
  type MinifloatFormat,
  minifloatLimit,
  minifloats,
  minifloatValues,
} from "../../../numerics/minifloat.ts";
import { reshape } from "../../moves.ts";
import type { Scope } from "../scope.ts";
import { emitBinary, numberLike } from "./arithmetic.ts";
import { moverOf } from "./moves.ts";
import type { Parameters } from "./scales.ts";

/** table[code] for every code of a tensor. */
function lookUp(scope: Scope, table: Float32Array, codes: Tensor): Tensor {
  if (isConstant(codes)) {
    const data = Float32Array.from(codes.data as Uint8Array, (code) => table[code]);
    return floatConstant(scope.nameFor("values"), codes.shape, data);
  }
  const entries = floatConstant(scope.nameFor("table"), [table.length], table);
  const indices = scope.emit("cast", [codes], {}, codes.shape, { dtype: "int32" });
  return scope.emit("gather", [entries, indices], { axis: 0, batchDims: 0, fromEnd: false }, codes.shape);
}

/** Scales or zero points in a shape that broadcasts to x's. */
function alongside(scope: Scope, entries: Tensor, parameters: Parameters, shape: readonly number[]): Tensor {
  const { isPerTensor, axis, block } = parameters;
  const move = moverOf(scope);
  if (isPerTensor) return reshape(move, entries, []);
  const size = shape[axis];
  if (block === 0)
    return reshape(
      move,
      entries,
      shape.map((_, d) => (d === axis ? size : 1)),
    );
  const blocks: Tensor = {
    name: scope.nameFor("blocks"),
    dtype: "int32",
    shape: [size],
    data: Int32Array.from({ length: size }, (_, i) => Math.floor(i / block)),
  };
  return move("gather", [entries, blocks], { axis, batchDims: 0, fromEnd: false }, [...shape]);
}

/** (value of the code − value of the zero point) · scale; `table` has it all where scale and zero point are one constant. */
export function dequantizeCodes(
  scope: Scope,
  codes: Tensor,
  parameters: Parameters,
  table: Constant | undefined,
): Tensor {
  if (table) return lookUp(scope, table.data as Float32Array, codes);
  const { scale, zero } = parameters;
  const values = minifloatValues(minifloats[codes.minifloat!]);
  const { shape } = codes;
  const combine = (op: "sub" | "mul", a: Tensor, b: Tensor) =>
    scope.emit(op, [a, alongside(scope, b, parameters, shape)], { activation: noActivation }, shape);
  const real = lookUp(scope, values, codes);
  return combine("mul", zero ? combine("sub", real, lookUp(scope, values, zero)) : real, scale);
}

/** What to subtract for adding a zero point: −0 stays −0 where that is 0. */
export const negatedValues = (format: MinifloatFormat): Float32Array =>
  minifloatValues(format).map((value) => (value === 0 ? 0 : -value));

const isZero = (zero: Tensor | undefined, values: Float32Array): boolean =>
  zero === undefined || (isConstant(zero) && (zero.data as Uint8Array).every((code) => values[code] === 0));

/**
 * Codes of x / scale + zero point. Every step is exact but for the division, the sum and the one rounding to codes.
 *
 * The power of two u at or below a number p is q − q · (1 − 2⁻²⁴) with q = p · (2²³ + 1), each rounded to float32
 * (Rump, Ogita, Oishi: Accurate floating-point summation). size / u, rounded to a whole number, counts steps of the binade.
 */
export function quantizeToCodes(
  scope: Scope,
  x: Tensor,
  parameters: Parameters,
  minifloat: Minifloat,
): Tensor {
  const { scale, zero } = parameters;
  const format = minifloats[minifloat];
  const { bits, fractionBits, leastExponent, nan, keepsMinusZero } = format;
  const { shape } = x;
  const limit = minifloatLimit(format, scope.intAttribute("saturate", 1) !== 0);
  const steps = 2 ** fractionBits;

  const number = (value: number) => numberLike(scope, x, value);
  const unary = (of: Tensor, attributes: Attributes["unary"]) => scope.emit("unary", [of], attributes, shape);
  const binary = (op: "add" | "sub" | "mul", a: Tensor, b: Tensor) =>
    scope.emit(op, [a, b], { activation: noActivation }, shape);
  const select = (condition: Tensor, a: Tensor, b: Tensor) =>
    scope.emit("select", [condition, a, b], {}, shape);
  const divide = (a: Tensor) => emitBinary(scope, "div", a, alongside(scope, scale, parameters, shape));

  const negated = negatedValues(format);
  // A constant scale is above 0 and divides the size: a pass would take it into the weights of a layer that makes x.
  const isScaled = !isConstant(scale) || !isZero(zero, negated);
  const quotient = isScaled ? divide(x) : x;
  const signed =
    zero && !isZero(zero, negated)
      ? binary("sub", quotient, alongside(scope, lookUp(scope, negated, zero), parameters, shape))
      : quotient;
  const size = unary(signed, { kind: "abs" });
  const scaled = isScaled ? size : divide(size);
  const bounded = unary(scaled, { kind: "clip", min: 0, max: limit });
  const normal = unary(bounded, { kind: "clip", min: 2 ** leastExponent, max: limit });
  const spread = binary("mul", normal, number((2 ** 23 + 1) / steps));
  const step = binary("sub", spread, binary("mul", spread, number(1 - 2 ** -24)));
  const count = unary(emitBinary(scope, "div", bounded, step), { kind: "round" });
  const exponent = unary(binary("mul", unary(step, { kind: "log" }), number(Math.LOG2E)), { kind: "round" });
  const before = binary("mul", binary("add", exponent, number(fractionBits - leastExponent)), number(steps));
  const direction = unary(signed, { kind: "sign" });
  // The reciprocal of −0 is −∞.
  const side = keepsMinusZero ? unary(direction, { kind: "reciprocal" }) : binary("mul", direction, scaled);
  const sign = select(emitBinary(scope, "less", side, number(0)), number(2 ** (bits - 1)), number(0));
  const code = binary("add", binary("add", before, count), sign);
  const whole = select(emitBinary(scope, "notEqual", signed, signed), number(nan), code);
  const y = scope.emit("cast", [whole], {}, shape, { dtype: "uint8" });
  y.minifloat = minifloat;
  return y;
}

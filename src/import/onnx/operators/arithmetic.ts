import {
  type BinaryKind,
  type DType,
  isComparison,
  noActivation,
  type Tensor,
} from "../../../graph/graph.ts";
import { floatConstant, isConstant } from "../../../graph/passes/constant.ts";
import { castElements } from "../../../numerics/cast.ts";
import type { Scope } from "../scope.ts";
import { broadcastShape } from "../shape.ts";
import { dtypeOf, typeName } from "../tensor-data.ts";

const whole: readonly DType[] = ["int32", "int64"];
const everyWhole: readonly DType[] = [...whole, "int8", "uint8", "int16"];

export const isWhole = ({ dtype }: Tensor): boolean => whole.includes(dtype);

/** Operands 0 and 1, of one type out of `types`. */
export function typedPair(scope: Scope, types: readonly DType[]): [Tensor, Tensor] {
  const [a, b] = [scope.input(0), scope.input(1)];
  if (a.dtype !== b.dtype) throw scope.bad(`expected operands of one type, found ${a.dtype} and ${b.dtype}`);
  if (!types.includes(a.dtype)) throw scope.unsupported(`${a.dtype} operands "${a.name}" and "${b.name}"`);
  return [a, b];
}

export const emitBinary = (scope: Scope, kind: BinaryKind, a: Tensor, b: Tensor): Tensor =>
  scope.emit(
    "binary",
    [a, b],
    { kind, activation: noActivation },
    broadcastShape(a.shape, b.shape, scope.where),
    {
      dtype: isComparison(kind) ? "bool" : a.dtype,
    },
  );

/** One number of the operand's type, as a constant. */
export function numberLike(scope: Scope, x: Tensor, value: number): Tensor {
  const data = castElements(Float32Array.of(value), "float32", x.dtype);
  return { name: scope.nameFor("number"), dtype: x.dtype, shape: [], data };
}

const binary =
  (kind: BinaryKind, types: readonly DType[]) =>
  (scope: Scope): Tensor =>
    emitBinary(scope, kind, ...typedPair(scope, types));

/** Mod: the divisor's sign, or with fmod the dividend's. */
function mod(scope: Scope): Tensor {
  const kind = scope.intAttribute("fmod", 0) ? "remainder" : "floorMod";
  return emitBinary(scope, kind, ...typedPair(scope, everyWhole));
}

/** Max and Min of whole numbers, or of several values; from the left. */
export function extreme(scope: Scope, kind: "maximum" | "minimum"): Tensor {
  let result = scope.input(0);
  const types: readonly DType[] = ["float32", ...everyWhole];
  if (!types.includes(result.dtype)) throw scope.unsupported(`${result.dtype} operand "${result.name}"`);
  for (let i = 1; i < scope.node.inputs.length; i++) {
    const next = scope.input(i);
    if (next.dtype !== result.dtype)
      throw scope.bad(`expected operands of one type, found ${result.dtype} and ${next.dtype}`);
    result = emitBinary(scope, kind, result, next);
  }
  return result;
}

function logicalNot(scope: Scope): Tensor {
  const x = scope.input(0);
  if (x.dtype !== "bool") throw scope.unsupported(`${x.dtype} operand "${x.name}"`);
  return emitBinary(scope, "xor", x, numberLike(scope, x, 1));
}

function where(scope: Scope): Tensor {
  const [condition, a, b] = [scope.input(0), scope.input(1), scope.input(2)];
  if (condition.dtype !== "bool") throw scope.bad(`expected a bool condition, found ${condition.dtype}`);
  if (a.dtype !== b.dtype) throw scope.bad(`expected values of one type, found ${a.dtype} and ${b.dtype}`);
  if (a.quantization || b.quantization) throw scope.unsupported("quantized values");
  const shape = broadcastShape(condition.shape, broadcastShape(a.shape, b.shape, scope.where), scope.where);
  return scope.emit("select", [condition, a, b], {}, shape, { dtype: a.dtype });
}

/** float16 and double are computed in float32, without their rounding. */
const computedInFloat32 = [10, 11];

function castTo(scope: Scope, dtype: DType): Tensor {
  const x = scope.input(0);
  if (x.quantization) throw scope.unsupported("a quantized operand");
  return dtype === x.dtype ? x : scope.emit("cast", [x], {}, x.shape, { dtype });
}

function cast(scope: Scope): Tensor {
  const to = scope.intAttribute("to", 0);
  const dtype = computedInFloat32.includes(to) ? "float32" : dtypeOf(to);
  if (!dtype) throw scope.unsupported(`Cast to ${typeName(to)}`);
  return castTo(scope, dtype);
}

/** To the type of the second operand, whose values do not matter. */
function castLike(scope: Scope): Tensor {
  const like = scope.input(1);
  if (like.range || scope.input(0).range)
    throw scope.unsupported(`"${like.name}" of a type that is wider here`);
  return castTo(scope, like.dtype);
}

const isNan = (scope: Scope): Tensor => {
  const x = scope.float(0);
  return emitBinary(scope, "notEqual", x, x);
};

function isInf(scope: Scope): Tensor {
  const x = scope.float(0);
  const isPositive = scope.intAttribute("detect_positive", 1) !== 0;
  const isNegative = scope.intAttribute("detect_negative", 1) !== 0;
  if (!isPositive && !isNegative) throw scope.unsupported("neither sign to detect");
  const size = isPositive && isNegative ? scope.emit("unary", [x], { kind: "abs" }, x.shape) : x;
  return emitBinary(scope, "equal", size, numberLike(scope, x, isPositive ? Infinity : -Infinity));
}

/** x < 0 ? slope · x : x; the slope broadcasts to x only. */
function prelu(scope: Scope): Tensor {
  const [x, slope] = typedPair(scope, ["float32"]);
  if (broadcastShape(x.shape, slope.shape, scope.where).join() !== x.shape.join())
    throw scope.bad(`expected a slope that broadcasts to [${x.shape}], found [${slope.shape}]`);
  return emitBinary(scope, "prelu", x, slope);
}

/** Pow with exponents that have an operator of their own; the others by the general one. */
function pow(scope: Scope): Tensor {
  const x = scope.float(0);
  const given = scope.input(1);
  const unary = (kind: "square" | "sqrt" | "reciprocal"): Tensor =>
    scope.emit("unary", [x], { kind }, x.shape);
  if (isConstant(given) && given.data.length === 1 && given.shape.length <= x.shape.length) {
    const exponent = Number(given.data[0]);
    if (exponent === 2) return unary("square");
    if (exponent === 0.5) return unary("sqrt");
    if (exponent === -1) return unary("reciprocal");
    if (exponent === 3) return scope.emit("mul", [unary("square"), x], { activation: noActivation }, x.shape);
  }
  if (given.dtype === "float32") return emitBinary(scope, "pow", x, given);
  if (!everyWhole.includes(given.dtype)) throw scope.unsupported(`an exponent of ${given.dtype}`);
  const exponent = isConstant(given)
    ? floatConstant(
        scope.nameFor("exponent"),
        given.shape,
        castElements(given.data, given.dtype, "float32") as Float32Array,
      )
    : scope.emit("cast", [given], {}, given.shape);
  return emitBinary(scope, "pow", x, exponent);
}

const plain =
  (kind: "ceil" | "cos" | "erf" | "floor" | "reciprocal" | "round" | "sign" | "sin") =>
  (scope: Scope): Tensor => {
    const x = scope.float(0);
    return scope.emit("unary", [x], { kind }, x.shape);
  };

const multiply = (scope: Scope, x: Tensor, factor: Tensor): Tensor =>
  scope.emit("mul", [x, factor], { activation: noActivation }, x.shape);

/** γ · elu(x, α) */
function selu(scope: Scope): Tensor {
  const x = scope.float(0);
  const alpha = scope.floatAttribute("alpha", Math.fround(1.6732632423543772));
  const gamma = scope.floatAttribute("gamma", Math.fround(1.0507009873554805));
  const bent = scope.emit("unary", [x], { kind: "elu", alpha }, x.shape);
  return multiply(scope, bent, numberLike(scope, x, gamma));
}

/** α · elu(x / α, 1) */
function celu(scope: Scope): Tensor {
  const x = scope.float(0);
  const alpha = scope.floatAttribute("alpha", 1);
  if (alpha === 1) return scope.emit("unary", [x], { kind: "elu", alpha: 1 }, x.shape);
  const scaled = emitBinary(scope, "div", x, numberLike(scope, x, alpha));
  const bent = scope.emit("unary", [scaled], { kind: "elu", alpha: 1 }, x.shape);
  return multiply(scope, bent, numberLike(scope, x, alpha));
}

/** x where it is above α, else 0 */
function thresholdedRelu(scope: Scope): Tensor {
  const x = scope.float(0);
  const above = emitBinary(scope, "greater", x, numberLike(scope, x, scope.floatAttribute("alpha", 1)));
  return scope.emit("select", [above, x, numberLike(scope, x, 0)], {}, x.shape);
}

/** x / (1 + |x|) */
function softsign(scope: Scope): Tensor {
  const x = scope.float(0);
  const size = scope.emit("unary", [x], { kind: "abs" }, x.shape);
  const divisor = scope.emit("add", [size, numberLike(scope, x, 1)], { activation: noActivation }, x.shape);
  return emitBinary(scope, "div", x, divisor);
}

/** x · tanh(softplus(x)) */
function mish(scope: Scope): Tensor {
  const x = scope.float(0);
  const soft = scope.emit("unary", [x], { kind: "softplus" }, x.shape);
  return multiply(scope, x, scope.emit("unary", [soft], { kind: "tanh" }, x.shape));
}

const ordered: readonly DType[] = ["float32", ...everyWhole];

/** Comparisons, logic, choices between types and values, and functions that are made of others. */
export const arithmetic: Record<string, (scope: Scope) => Tensor> = {
  And: binary("and", ["bool"]),
  Or: binary("or", ["bool"]),
  Xor: binary("xor", ["bool"]),
  Not: logicalNot,
  Equal: binary("equal", [...ordered, "bool"]),
  Greater: binary("greater", ordered),
  GreaterOrEqual: binary("greaterEqual", ordered),
  Less: binary("less", ordered),
  LessOrEqual: binary("lessEqual", ordered),
  Cast: cast,
  CastLike: castLike,
  Where: where,
  Mod: mod,
  IsNaN: isNan,
  IsInf: isInf,
  PRelu: prelu,
  Pow: pow,
  Ceil: plain("ceil"),
  Cos: plain("cos"),
  Erf: plain("erf"),
  Floor: plain("floor"),
  Reciprocal: plain("reciprocal"),
  Round: plain("round"),
  Sign: plain("sign"),
  Sin: plain("sin"),
  Celu: celu,
  Mish: mish,
  Selu: selu,
  Softsign: softsign,
  ThresholdedRelu: thresholdedRelu,
};

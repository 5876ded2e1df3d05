import { type Attributes, elementCount, noActivation, type Tensor } from "../../../graph/graph.ts";
import { floatConstant, isConstant, isFloatConstant } from "../../../graph/passes/constant.ts";
import type { Scope } from "../scope.ts";
import { broadcastShape } from "../shape.ts";
import { arithmetic, emitBinary, extreme, isWhole, numberLike, typedPair } from "./arithmetic.ts";

const unary = (scope: Scope, x: Tensor, attributes: Attributes["unary"]): Tensor =>
  scope.emit("unary", [x], attributes, x.shape);

const plain =
  (kind: Attributes["unary"]["kind"]) =>
  (scope: Scope): Tensor =>
    unary(scope, scope.float(0), { kind });

const clamped = (scope: Scope, x: Tensor, min: number, max: number): Tensor =>
  unary(
    scope,
    x,
    min === 0 && max === Number.POSITIVE_INFINITY ? { kind: "relu" } : { kind: "clip", min, max },
  );

/** Clip: bounds are attributes before opset 11 and optional inputs since. */
function clip(scope: Scope): Tensor {
  if (scope.opset < 11)
    return clipped(
      scope,
      scope.float(0),
      scope.floatAttribute("min", Number.NEGATIVE_INFINITY),
      scope.floatAttribute("max", Number.POSITIVE_INFINITY),
    );
  const x = scope.input(0);
  const bounds = [1, 2].filter((i) => scope.has(i)).map((i) => scope.input(i));
  if (x.dtype === "float32" && bounds.every(isFloatConstant)) {
    const bound = (index: number, none: number) => (scope.has(index) ? scope.scalar(index, "a bound") : none);
    return clipped(scope, x, bound(1, Number.NEGATIVE_INFINITY), bound(2, Number.POSITIVE_INFINITY));
  }
  if (x.dtype !== "float32" && !isWhole(x)) throw scope.unsupported(`${x.dtype} operand "${x.name}"`);
  const odd = bounds.find((bound) => bound.dtype !== x.dtype || elementCount(bound.shape) !== 1);
  if (odd) throw scope.bad(`expected bounds of one ${x.dtype}, found ${odd.dtype} [${odd.shape}]`);
  const low = scope.has(1) ? emitBinary(scope, "maximum", x, scope.input(1)) : x;
  return scope.has(2) ? emitBinary(scope, "minimum", low, scope.input(2)) : low;
}

/** Where the bounds cross, the upper one wins. */
function clipped(scope: Scope, x: Tensor, min: number, max: number): Tensor {
  // Before opset 11 the defaults are the largest floats, which bound nothing but infinities.
  const largest = 3.4028234663852886e38;
  const low = min <= -largest ? Number.NEGATIVE_INFINITY : min;
  const high = max >= largest ? Number.POSITIVE_INFINITY : max;
  if (Number.isNaN(low) || Number.isNaN(high)) throw scope.unsupported("a bound that is NaN");
  return clamped(scope, x, Math.min(low, high), high);
}

function gelu(scope: Scope): Tensor {
  const approximate = scope.stringAttribute("approximate", "none");
  if (approximate !== "none" && approximate !== "tanh") throw scope.unsupported(`approximate ${approximate}`);
  return unary(scope, scope.float(0), { kind: "gelu", approximate: approximate === "tanh" });
}

function binary(scope: Scope, op: "add" | "sub" | "mul", a: Tensor, b: Tensor): Tensor {
  const shape = broadcastShape(a.shape, b.shape, scope.where);
  // A constant comes second where the order does not matter, which spares the passes half their cases.
  const inputs = op !== "sub" && isConstant(a) ? [b, a] : [a, b];
  return scope.emit(op, inputs, { activation: noActivation }, shape, { dtype: a.dtype });
}

const wholeOrFloat =
  (op: "add" | "sub" | "mul") =>
  (scope: Scope): Tensor =>
    binary(scope, op, ...typedPair(scope, ["float32", "int32", "int64"]));

/** Division by constant powers of two is multiplication, which passes fold further; the same quotient. */
function div(scope: Scope): Tensor {
  const [a, b] = typedPair(scope, ["float32", "int32", "int64"]);
  if (!isFloatConstant(b)) return emitBinary(scope, "div", a, b);
  const reciprocal = b.data.map((v) => 1 / v);
  const isExact = b.data.every((v, i) => {
    const exponent = Math.log2(Math.abs(v));
    return Number.isInteger(exponent) && Math.abs(exponent) < 127 && reciprocal[i] * v === 1;
  });
  if (!isExact) return emitBinary(scope, "div", a, b);
  return binary(scope, "mul", a, floatConstant(scope.nameFor("reciprocal"), b.shape, reciprocal));
}

/** Max or Min; of one value and constant numbers, a clamp on one side. */
const bound =
  (side: "min" | "max") =>
  (scope: Scope): Tensor => {
    const operands = scope.node.inputs.map((_, i) => scope.input(i));
    const [x, ...others] = operands.filter((operand) => !isConstant(operand));
    const numbers = operands.filter(isConstant);
    const isClamp =
      x?.dtype === "float32" &&
      others.length === 0 &&
      numbers.length > 0 &&
      numbers.every(
        ({ data, shape, dtype }) =>
          dtype === "float32" &&
          data.length === 1 &&
          !Number.isNaN(data[0]) &&
          shape.length <= x.shape.length,
      );
    if (!isClamp) return extreme(scope, side === "min" ? "maximum" : "minimum");
    const limits = numbers.map(({ data }) => Number(data[0]));
    return side === "min"
      ? clamped(scope, x, Math.max(...limits), Number.POSITIVE_INFINITY)
      : clamped(scope, x, Number.NEGATIVE_INFINITY, Math.min(...limits));
  };

/** Abs and Neg of whole numbers by subtraction from 0. */
function whole(scope: Scope, kind: "abs" | "neg"): Tensor {
  const x = scope.input(0);
  if (!isWhole(x)) return unary(scope, scope.float(0), { kind });
  const negative = scope.emit("sub", [numberLike(scope, x, 0), x], { activation: noActivation }, x.shape, {
    dtype: x.dtype,
  });
  return kind === "neg" ? negative : emitBinary(scope, "maximum", x, negative);
}

/** Sum of any number of operands, from the left. */
function sum(scope: Scope): Tensor {
  let total = scope.float(0);
  for (let i = 1; i < scope.node.inputs.length; i++) total = binary(scope, "add", total, scope.float(i));
  return total;
}

export const elementwise: Record<string, (scope: Scope) => Tensor> = {
  ...arithmetic,
  Abs: (scope) => whole(scope, "abs"),
  Exp: plain("exp"),
  HardSwish: plain("hardSwish"),
  Log: plain("log"),
  Neg: (scope) => whole(scope, "neg"),
  Relu: plain("relu"),
  Sigmoid: plain("logistic"),
  Softplus: plain("softplus"),
  Sqrt: plain("sqrt"),
  Tanh: plain("tanh"),
  Elu: (scope) => unary(scope, scope.float(0), { kind: "elu", alpha: scope.floatAttribute("alpha", 1) }),
  HardSigmoid: (scope) =>
    unary(scope, scope.float(0), {
      kind: "hardSigmoid",
      alpha: scope.floatAttribute("alpha", Math.fround(0.2)),
      beta: scope.floatAttribute("beta", 0.5),
    }),
  LeakyRelu: (scope) =>
    unary(scope, scope.float(0), {
      kind: "leakyRelu",
      alpha: scope.floatAttribute("alpha", Math.fround(0.01)),
    }),
  Clip: clip,
  Max: bound("min"),
  Min: bound("max"),
  Gelu: gelu,
  Add: wholeOrFloat("add"),
  Sub: wholeOrFloat("sub"),
  Mul: wholeOrFloat("mul"),
  Div: div,
  Sum: sum,
};

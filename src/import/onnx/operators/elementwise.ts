import { type Attributes, noActivation, type Tensor } from "../../../graph/graph.ts";
import { floatConstant, isConstant, isFloatConstant } from "../../../graph/passes/constant.ts";
import type { Scope } from "../scope.ts";
import { broadcastShape } from "../shape.ts";

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
  const x = scope.float(0);
  const bound = (index: number, name: string, none: number) =>
    scope.opset < 11 ? scope.floatAttribute(name, none) : scope.has(index) ? scope.scalar(index, name) : none;
  const min = bound(1, "min", Number.NEGATIVE_INFINITY);
  const max = bound(2, "max", Number.POSITIVE_INFINITY);
  // Before opset 11 the defaults are the largest floats, which bound nothing but infinities.
  const largest = 3.4028234663852886e38;
  const [low, high] = [
    min <= -largest ? Number.NEGATIVE_INFINITY : min,
    max >= largest ? Number.POSITIVE_INFINITY : max,
  ];
  if (!(low <= high)) throw scope.unsupported(`min ${min} above max ${max}`);
  return clamped(scope, x, low, high);
}

function gelu(scope: Scope): Tensor {
  const approximate = scope.stringAttribute("approximate", "none");
  if (approximate !== "none" && approximate !== "tanh") throw scope.unsupported(`approximate ${approximate}`);
  return unary(scope, scope.float(0), { kind: "gelu", approximate: approximate === "tanh" });
}

/** Pow with the constant exponents that have an operator of their own. */
function pow(scope: Scope): Tensor {
  const x = scope.float(0);
  const { data } = scope.constant(1, "the exponent");
  if (data.length !== 1) throw scope.unsupported("several exponents");
  const exponent = Number(data[0]);
  if (exponent === 2) return unary(scope, x, { kind: "square" });
  if (exponent === 0.5) return unary(scope, x, { kind: "sqrt" });
  throw scope.unsupported(`exponent ${exponent} (2 and 0.5 work)`);
}

function binary(scope: Scope, op: "add" | "sub" | "mul", a: Tensor, b: Tensor): Tensor {
  const shape = broadcastShape(a.shape, b.shape, scope.where);
  // A constant comes second where the order does not matter, which spares the passes half their cases.
  const inputs = op !== "sub" && isConstant(a) ? [b, a] : [a, b];
  return scope.emit(op, inputs, { activation: noActivation }, shape);
}

const arithmetic =
  (op: "add" | "sub" | "mul") =>
  (scope: Scope): Tensor =>
    binary(scope, op, scope.float(0), scope.float(1));

/**
 * Division by a constant, as multiplication with its reciprocal rounded to float32: the quotient itself for
 * powers of two, otherwise at most 1.5 units in the last place from it.
 */
function div(scope: Scope): Tensor {
  const [a, b] = [scope.float(0), scope.float(1)];
  if (!isFloatConstant(b)) throw scope.unsupported("a divisor computed at run time");
  const reciprocal = b.data.map((v) => 1 / v);
  if (reciprocal.some((r) => !Number.isFinite(r) || r === 0))
    throw scope.unsupported("a divisor without reciprocal");
  return binary(scope, "mul", a, floatConstant(scope.nameFor("reciprocal"), b.shape, reciprocal));
}

/** Max or Min of one value and constant numbers: a clamp on one side. */
const bound =
  (side: "min" | "max") =>
  (scope: Scope): Tensor => {
    const operands = scope.node.inputs.map((_, i) => scope.float(i));
    const [x, ...others] = operands.filter((operand) => !isConstant(operand));
    const numbers = operands.filter(isConstant);
    if (!x || others.length > 0 || numbers.some(({ data }) => data.length !== 1)) {
      throw scope.unsupported("operands other than one value and constant numbers");
    }
    if (broadcastShape(x.shape, numbers[0]?.shape ?? [], scope.where).length !== x.shape.length) {
      throw scope.unsupported("a constant with more dimensions than the value");
    }
    const limits = numbers.map(({ data }) => Number(data[0]));
    return side === "min"
      ? clamped(scope, x, Math.max(...limits), Number.POSITIVE_INFINITY)
      : clamped(scope, x, Number.NEGATIVE_INFINITY, Math.min(...limits));
  };

/** Sum of any number of operands, from the left. */
function sum(scope: Scope): Tensor {
  let total = scope.float(0);
  for (let i = 1; i < scope.node.inputs.length; i++) total = binary(scope, "add", total, scope.float(i));
  return total;
}

export const elementwise: Record<string, (scope: Scope) => Tensor> = {
  Abs: plain("abs"),
  Exp: plain("exp"),
  HardSwish: plain("hardSwish"),
  Log: plain("log"),
  Neg: plain("neg"),
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
  Pow: pow,
  Add: arithmetic("add"),
  Sub: arithmetic("sub"),
  Mul: arithmetic("mul"),
  Div: div,
  Sum: sum,
};

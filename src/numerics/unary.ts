import type { Attributes } from "../graph/graph.ts";
import { roundHalfEven } from "./rounding.ts";

export type UnaryAttributes = Attributes["unary"];

/** ONNX's defaults, where a file leaves the coefficient out. */
export const defaultAlpha: Partial<Record<UnaryAttributes["kind"], number>> = {
  elu: 1,
  hardSigmoid: 0.2,
  leakyRelu: 0.01,
};

/** erf by its Maclaurin series below 2.5 and a continued fraction above; error below 1e-15. */
function erf(x: number): number {
  const z = Math.abs(x);
  if (z < 2.5) {
    let term = z;
    let sum = z;
    for (let n = 1; n < 80; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * sum;
  }
  let tail = z;
  for (let n = 60; n > 0; n--) tail = z + n / 2 / tail;
  return Math.sign(x) * (1 - Math.exp(-z * z) / (tail * Math.sqrt(Math.PI)));
}

/** The exact real function, in double precision: what tables are made of. */
export function unaryReal(x: number, attributes: UnaryAttributes): number {
  const { kind, beta, min, max, approximate } = attributes;
  const alpha = attributes.alpha ?? defaultAlpha[kind] ?? 0;
  switch (kind) {
    case "abs":
      return Math.abs(x);
    case "ceil":
      return Math.ceil(x);
    case "clip":
      return Math.min(Math.max(x, min ?? -Infinity), max ?? Infinity);
    case "cos":
      return Math.cos(x);
    case "elu":
      return x < 0 ? alpha * Math.expm1(x) : x;
    case "erf":
      return erf(x);
    case "exp":
      return Math.exp(x);
    case "floor":
      return Math.floor(x);
    case "gelu":
      return approximate
        ? 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
        : 0.5 * x * (1 + erf(x * Math.SQRT1_2));
    case "hardSigmoid":
      return Math.min(Math.max(alpha * x + (beta ?? 0.5), 0), 1);
    case "hardSwish":
      return (x * Math.min(Math.max(x + 3, 0), 6)) / 6;
    case "leakyRelu":
      return x < 0 ? alpha * x : x;
    case "log":
      return Math.log(x);
    case "logistic":
      return 1 / (1 + Math.exp(-x));
    case "neg":
      return -x;
    case "reciprocal":
      return 1 / x;
    case "relu":
      return Math.max(x, 0);
    case "round":
      return roundHalfEven(x);
    case "rsqrt":
      return 1 / Math.sqrt(x);
    case "sign":
      return Math.sign(x);
    case "silu":
      return x / (1 + Math.exp(-x));
    case "sin":
      return Math.sin(x);
    case "softplus":
      return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    case "sqrt":
      return Math.sqrt(x);
    case "square":
      return x * x;
    case "tanh":
      return Math.tanh(x);
  }
}

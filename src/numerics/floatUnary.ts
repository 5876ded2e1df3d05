import { erff } from "./erf.ts";
import { expf } from "./exp.ts";
import { logf } from "./log.ts";
import { clamp, roundHalfEven } from "./rounding.ts";
import { tanhf } from "./tanh.ts";
import { cosf, sinf } from "./trigonometry.ts";
import { defaultAlpha, type UnaryAttributes } from "./unary.ts";

const f = Math.fround;

const sqrtHalf = f(Math.SQRT1_2);
const geluScale = f(Math.sqrt(2 / Math.PI));
const geluCubic = f(0.044715);

function geluf(x: number, approximate: boolean): number {
  const gate = approximate
    ? tanhf(f(geluScale * f(x + f(geluCubic * f(x * f(x * x))))))
    : erff(f(x * sqrtHalf));
  return f(f(0.5 * x) * f(1 + gate));
}

/** A unary operator on one float32, one rounded float32 operation after another. */
export function floatUnary(value: number, attributes: UnaryAttributes): number {
  const x = f(value);
  const alpha = f(attributes.alpha ?? defaultAlpha[attributes.kind] ?? 0);
  const beta = f(attributes.beta ?? 0.5);
  switch (attributes.kind) {
    case "abs":
      return Math.abs(x);
    case "ceil":
      return Math.ceil(x);
    case "clip":
      return clamp(x, f(attributes.min ?? -Infinity), f(attributes.max ?? Infinity));
    case "cos":
      return cosf(x);
    case "elu":
      return x > 0 ? x : f(alpha * f(expf(x) - 1));
    case "erf":
      return erff(x);
    case "exp":
      return expf(x);
    case "floor":
      return Math.floor(x);
    case "gelu":
      return geluf(x, attributes.approximate ?? false);
    case "hardSigmoid":
      return clamp(f(f(alpha * x) + beta), 0, 1);
    case "hardSwish":
      return f(f(x * clamp(f(x + 3), 0, 6)) / 6);
    case "leakyRelu":
      return x < 0 ? f(alpha * x) : x;
    case "log":
      return logf(x);
    case "logistic":
      return f(1 / f(1 + expf(-x)));
    case "neg":
      return -x;
    case "reciprocal":
      return f(1 / x);
    case "relu":
      return clamp(x, 0, Infinity);
    case "round": {
      const rounded = roundHalfEven(x);
      return rounded === 0 && x < 0 ? -0 : rounded;
    }
    case "rsqrt":
      return f(1 / f(Math.sqrt(x)));
    case "sign":
      return Math.sign(x);
    case "silu":
      return f(x / f(1 + expf(-x)));
    case "sin":
      return sinf(x);
    case "softplus":
      return f(clamp(x, 0, Infinity) + logf(f(1 + expf(-Math.abs(x)))));
    case "sqrt":
      return f(Math.sqrt(x));
    case "square":
      return f(x * x);
    case "tanh":
      return tanhf(x);
  }
}

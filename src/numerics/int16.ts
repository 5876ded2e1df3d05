import type { Activation, DType, Rounding } from "../graph/graph.ts";
import { addFactors } from "./add.ts";
import { type FixedPoint, multiplyByFixedPoint, quantizeMultiplier, signedMultiplier } from "./fixed.ts";
import { logistic16, logisticTable, tanh16 } from "./lstm.ts";
import { activationRange, quantizedRange, type Range, type ScalarQuantization } from "./range.ts";
import { clamp, roundHalfAway } from "./rounding.ts";
import type { UnaryAttributes } from "./unary.ts";

const f = Math.fround;

/** A product of int16 and int8 is at most this. */
export const largestProduct = 2 ** 22;

/** Sums up to here, times a factor's 16 bits, are exact in double precision. */
export const largestWideSum = 2 ** 37;

/** The upper 16 bits of a fixed-point factor, rounded: what TFLite multiplies sums of 64 bits by. float32 holds it. */
export function wideFactor({ multiplier, shift }: FixedPoint): number {
  const upper = Math.min(Math.floor((multiplier + 2 ** 15) / 2 ** 16), 0x7fff);
  return upper * 2 ** (shift - 15);
}

/**
 * How a layer sums: `wide` in 64 bits, brought to int16 by a factor of 16; else in 32 bits, which wrap, and by a factor of
 * 31 with two roundings, or with one (`once`) in `single`. LiteRT's fully connected layers never sum in 64.
 */
export type SumForm = "wide" | "double" | "once";

export function sumForm(rounding: Rounding, op: string, bias: DType | undefined): SumForm {
  const isNarrow = op === "fullyConnected" && rounding === "single";
  if (op === "depthwiseConv2d" || (bias === "int64" && !isNarrow)) return "wide";
  return rounding === "single" ? "once" : "double";
}

/** float32 → int16 in double precision, halves away from zero; NaN becomes 0. */
export function quantizeInt16(x: number, { scale, zeroPoint }: ScalarQuantization): number {
  const steps = roundHalfAway(f(x) / f(scale)) + zeroPoint;
  return Number.isNaN(steps) ? zeroPoint : clamp(steps, -32768, 32767);
}

/** A tensor of an integer type with one scale and zero point. */
export interface IntegerEnd extends ScalarQuantization {
  dtype: DType;
}

export type FixedKind = "requantize" | "logistic" | "tanh" | "add" | "sub" | "mul";

/** An elementwise operator on integers of any width. */
export interface FixedOperator {
  kind: FixedKind;
  /** Of the first operand; requantize: from its zero point up. logistic and tanh: an integer factor. */
  a: FixedPoint;
  /** Of the second operand; requantize: of the first below its zero point. */
  b: FixedPoint;
  /** Of the result of add, sub and mul. */
  y: FixedPoint;
  /** add and sub: bits that both operands are shifted left by. */
  leftShift: number;
  aZeroPoint: number;
  bZeroPoint: number;
  zeroPoint: number;
  range: Range;
}

const none: FixedPoint = { multiplier: 0, shift: 0 };

const rangeOf = (dtype: DType): Range =>
  dtype === "int32" ? { min: -(2 ** 31), max: 2 ** 31 - 1 } : quantizedRange(dtype);

const unit = (kind: FixedKind, x: IntegerEnd, y: IntegerEnd): FixedOperator => ({
  kind,
  a: none,
  b: none,
  y: none,
  leftShift: 0,
  aZeroPoint: x.zeroPoint,
  bZeroPoint: 0,
  zeroPoint: y.zeroPoint,
  range: rangeOf(y.dtype),
});

/** x · factor from the zero point up, x · below below it. */
const rescaling = (x: IntegerEnd, y: IntegerEnd, factor: number, below = factor): FixedOperator => ({
  ...unit("requantize", x, y),
  a: quantizeMultiplier(factor),
  b: signedMultiplier(below),
});

/** QUANTIZE from one integer type to another. */
export const fixedRequantize = (x: IntegerEnd, y: IntegerEnd): FixedOperator =>
  rescaling(x, y, f(x.scale) / f(y.scale));

/** Sums of products of int8 a and b, less their zero points, brought to int8. */
export const productElement = (
  a: ScalarQuantization,
  b: ScalarQuantization,
  y: ScalarQuantization,
): FixedOperator => {
  const sums: IntegerEnd = { scale: 1, zeroPoint: 0, dtype: "int32" };
  return rescaling(sums, { ...y, dtype: "int8" }, f(f(a.scale) * f(b.scale)) / f(y.scale));
};

/**
 * How the table of logistic and tanh is indexed: x times 3 · 2¹² · scale, as an integer factor of 15 bits and a shift to
 * the right; exactly where the scale is a power of two that needs no shift.
 */
function tableFactor({ scale }: IntegerEnd, powers: readonly number[]): FixedPoint {
  const power = Math.log2(scale) + 12;
  if (powers.includes(power)) return { multiplier: 3 * 2 ** power, shift: 0 };
  let factor = f(scale) * 4096 * 3;
  let right = 0;
  for (; factor <= 32767 / 2 && right <= 30; right++) factor *= 2;
  return { multiplier: Math.trunc(factor), shift: -right };
}

/** Undefined for what TFLite does not take: zero points, an output other than Q0.15, a scale beyond 5. */
function throughTable(
  kind: "logistic" | "tanh",
  x: IntegerEnd,
  y: IntegerEnd,
  powers: readonly number[],
): FixedOperator | undefined {
  const a = tableFactor(x, powers);
  if (x.zeroPoint !== 0 || y.zeroPoint !== 0 || y.scale !== 2 ** -15 || a.multiplier > 0xffff)
    return undefined;
  return { ...unit(kind, x, y), a };
}

/** A unary operator of int16, or undefined where TFLite has none. */
export function fixedUnary(
  rounding: Rounding,
  { kind, alpha = 0, min = -Infinity, max = Infinity }: UnaryAttributes,
  x: IntegerEnd,
  y: IntegerEnd,
): FixedOperator | undefined {
  const quotient = f(f(x.scale) / f(y.scale));
  const clipped = (bounds: Activation): FixedOperator => ({
    ...rescaling(x, y, rounding === "single" ? quotient : f(x.scale) / f(y.scale)),
    range: activationRange(bounds, y, y.dtype, "double"),
  });
  switch (kind) {
    case "relu":
      return clipped({ min: 0, max: Infinity });
    case "clip":
      return clipped({ min, max });
    case "leakyRelu":
      return rescaling(x, y, quotient, f(f(f(x.scale) * f(alpha)) / f(y.scale)));
    case "logistic":
      return throughTable(kind, x, y, [0]);
    case "tanh":
      return throughTable(kind, x, y, [0, 1]);
    default:
      return undefined;
  }
}

/** ADD, SUB and MUL of int16: as of int8 in `double` with operands shifted by 15 bits; MUL's factor is float32 in `single`. */
export function fixedBinary(
  rounding: Rounding,
  kind: "add" | "sub" | "mul",
  [a, b, y]: readonly [IntegerEnd, IntegerEnd, IntegerEnd],
  activation: Activation,
): FixedOperator {
  const common = {
    ...unit(kind, a, y),
    bZeroPoint: b.zeroPoint,
    range: activationRange(activation, y, y.dtype, "double"),
  };
  if (kind === "mul") {
    const exact = (f(a.scale) * f(b.scale)) / f(y.scale);
    const rounded = f(f(f(a.scale) * f(b.scale)) / f(y.scale));
    return { ...common, y: quantizeMultiplier(rounding === "single" ? rounded : exact) };
  }
  const leftShift = 15;
  return { ...common, leftShift, ...addFactors(a, b, y, leftShift) };
}

const table = logisticTable();

/** One element; `qb` counts for add, sub and mul. */
export function fixedElement(how: FixedOperator, qa: number, qb = 0): number {
  const p = qa - how.aZeroPoint;
  const q = qb - how.bZeroPoint;
  const value = (): number => {
    const first = (): number => multiplyByFixedPoint(p << how.leftShift, how.a);
    const second = (): number => multiplyByFixedPoint(q << how.leftShift, how.b);
    switch (how.kind) {
      case "requantize":
        return multiplyByFixedPoint(p, p < 0 ? how.b : how.a);
      case "logistic":
        return logistic16(table, p, how.a.multiplier, -how.a.shift);
      case "tanh":
        return tanh16(table, p, how.a.multiplier, -how.a.shift);
      case "mul":
        return multiplyByFixedPoint(Math.imul(p, q), how.y);
      case "add":
        return multiplyByFixedPoint(first() + second(), how.y);
      case "sub":
        return multiplyByFixedPoint(first() - second(), how.y);
    }
  };
  return clamp(value() + how.zeroPoint, how.range.min, how.range.max);
}

import type { DType, Rounding } from "../graph/graph.ts";
import { divideByPowerOfTwo, multiplyByFixedPoint, quantizeMultiplier, signedMultiplier } from "./fixed.ts";
import { fixedLogistic, fixedTanh, inputRadius } from "./fixedFunctions.ts";
import { hardSwishQuantized } from "./hardSwish.ts";
import { activationRange, quantizedRange, type Range, type ScalarQuantization } from "./range.ts";
import { clamp, roundHalfAway, roundHalfEven } from "./rounding.ts";
import { defaultAlpha, type UnaryAttributes, unaryReal } from "./unary.ts";

const f = Math.fround;

/** The quantization and type at one end of a table. */
export interface TableEnd extends ScalarQuantization {
  dtype: DType;
}

type Entry = (q: number) => number;

/** Bytes of `entry`, clamped to the output type, indexed by the raw input byte (q & 255). */
function buildTable(
  x: TableEnd,
  y: TableEnd,
  entry: Entry,
  bounds: Range = quantizedRange(y.dtype),
): Uint8Array {
  const table = new Uint8Array(256);
  const { min, max } = quantizedRange(x.dtype);
  for (let q = min; q <= max; q++) {
    table[q & 255] = clamp(entry(q), bounds.min, bounds.max) & 255;
  }
  return table;
}

/** 8 fraction bits suffice while 2⁻⁸ ≤ ratio ≤ 2⁷; XNNPACK's limits. */
const fitsShortMultiplier = (ratio: number): boolean => ratio >= 2 ** -8 && ratio <= 2 ** 7;

/** (q − zx)·multiplier / 256, halves up, + zy. */
const shortScale = (q: number, x: ScalarQuantization, y: ScalarQuantization, multiplier: number): number =>
  Math.floor(((q - x.zeroPoint) * multiplier + 128) / 256) + y.zeroPoint;

/** (q − zx)·factor with two roundings, + zy. */
function fixedEntry(x: ScalarQuantization, y: ScalarQuantization, factor: number): Entry {
  const signed = signedMultiplier(factor);
  return (q) => multiplyByFixedPoint(q - x.zeroPoint, signed) + y.zeroPoint;
}

/** The quotient of the scales in double precision, and as float32: kernels differ in which they take. */
const exactQuotient = (x: ScalarQuantization, y: ScalarQuantization): number => f(x.scale) / f(y.scale);
const roundedQuotient = (x: ScalarQuantization, y: ScalarQuantization): number => f(exactQuotient(x, y));

/** QUANTIZE from one 8-bit type to another. */
export function requantizeTable(rounding: Rounding, x: TableEnd, y: TableEnd): Uint8Array {
  const ratio = roundedQuotient(x, y);
  if (rounding === "single" && x.dtype === y.dtype && fitsShortMultiplier(ratio)) {
    const multiplier = roundHalfEven(256 * ratio);
    return buildTable(x, y, (q) => shortScale(q, x, y, multiplier));
  }
  return buildTable(x, y, fixedEntry(x, y, exactQuotient(x, y)));
}

/** An input of CONCATENATION brought to the output's quantization; the identity when they agree. */
export function concatTable(x: TableEnd, y: TableEnd): Uint8Array {
  if (x.scale === y.scale && x.zeroPoint === y.zeroPoint) return buildTable(x, y, (q) => q);
  const scale = f(f(x.scale) * f(1 / f(y.scale)));
  const bias = f(-x.zeroPoint * scale);
  return buildTable(x, y, (q) => roundHalfAway(f(f(q * scale) + bias)) + y.zeroPoint);
}

function leakyReluEntry(rounding: Rounding, x: TableEnd, y: TableEnd, alpha: number): Entry {
  const positive = roundedQuotient(x, y);
  const negative = f(positive * f(alpha));
  if (rounding === "single" && fitsShortMultiplier(positive) && fitsShortMultiplier(Math.abs(negative))) {
    const up = roundHalfEven(256 * positive);
    const down = roundHalfEven(f(256 * negative));
    return (q) => shortScale(q, x, y, q < x.zeroPoint ? down : up);
  }
  const up = fixedEntry(x, y, positive);
  const down = fixedEntry(x, y, f(f(f(x.scale) * f(alpha)) / f(y.scale)));
  return (q) => (q < x.zeroPoint ? down(q) : up(q));
}

/** LOGISTIC and TANH on Q4.27, for the output quantization TFLite Micro asks for. */
function fixedSigmoidEntry(x: TableEnd, y: TableEnd, logistic: boolean): Entry {
  const scaling = quantizeMultiplier(f(x.scale) * 2 ** 27);
  const reach = inputRadius(4, scaling.shift);
  const { min, max } = quantizedRange(y.dtype);
  const base = logistic ? min : y.zeroPoint;
  return (q) => {
    const distance = q - x.zeroPoint;
    if (distance <= -reach) return min;
    if (distance >= reach) return max;
    const input = multiplyByFixedPoint(distance, scaling);
    return base + divideByPowerOfTwo(logistic ? fixedLogistic(input) : fixedTanh(input), logistic ? 23 : 24);
  };
}

/** function(scale·(q − zeroPoint)) / outputScale in float32 steps, rounded halves away, + zeroPoint. */
function floatEntry(x: TableEnd, y: TableEnd, attributes: UnaryAttributes): Entry {
  const steps = floatSteps(x, y, attributes);
  return (q) => roundHalfAway(steps(q)) + y.zeroPoint;
}

/** The same, rounded after the zero point is added, halves to even. */
function floatEvenEntry(x: TableEnd, y: TableEnd, attributes: UnaryAttributes): Entry {
  const steps = floatSteps(x, y, attributes);
  return (q) => roundHalfEven(f(steps(q) + y.zeroPoint));
}

/** Kept to a range where rounding is exact; an undefined value becomes the smallest. */
function floatSteps(x: TableEnd, y: TableEnd, attributes: UnaryAttributes): Entry {
  const inverse = f(1 / f(y.scale));
  return (q) => {
    const steps = f(inverse * f(unaryReal(f(f(x.scale) * (q - x.zeroPoint)), attributes)));
    return Number.isNaN(steps) ? -1000 : clamp(steps, -1000, 1000);
  };
}

const near = (a: number, b: number): boolean => f(a) === f(b);

/** A unary operator on 8-bit tensors as 256 output bytes, indexed by the raw input byte (q & 255). */
export function unaryTable(
  rounding: Rounding,
  attributes: UnaryAttributes,
  x: TableEnd,
  y: TableEnd,
): Uint8Array {
  const { kind, alpha, min, max } = attributes;
  const lowest = quantizedRange(y.dtype).min;
  const isDouble = rounding === "double";
  switch (kind) {
    case "relu":
    case "clip": {
      const bounds =
        kind === "relu" ? { min: 0, max: Infinity } : { min: min ?? -Infinity, max: max ?? Infinity };
      const scaled = fixedEntry(x, y, isDouble ? exactQuotient(x, y) : roundedQuotient(x, y));
      return buildTable(x, y, scaled, activationRange(bounds, y, y.dtype, "double"));
    }
    case "abs": {
      const scaled = fixedEntry(x, y, roundedQuotient(x, y));
      return buildTable(x, y, (q) => scaled(x.zeroPoint + Math.abs(q - x.zeroPoint)));
    }
    case "leakyRelu":
      return buildTable(x, y, leakyReluEntry(rounding, x, y, alpha ?? defaultAlpha.leakyRelu!));
    case "hardSwish":
      return buildTable(x, y, (q) => hardSwishQuantized(q, x, y));
    case "logistic":
    case "tanh": {
      const isFixed =
        kind === "logistic"
          ? near(y.scale, 1 / 256) && y.zeroPoint === lowest
          : near(y.scale, 1 / 128) && y.zeroPoint === lowest + 128;
      if (isDouble && isFixed) return buildTable(x, y, fixedSigmoidEntry(x, y, kind === "logistic"));
      return buildTable(x, y, (isDouble ? floatEntry : floatEvenEntry)(x, y, attributes));
    }
    case "elu":
      return buildTable(x, y, (isDouble ? floatEntry : floatEvenEntry)(x, y, attributes));
    default:
      return buildTable(x, y, floatEntry(x, y, attributes));
  }
}

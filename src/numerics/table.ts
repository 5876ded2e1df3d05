import type { DType, Rounding } from "../graph/graph.ts";
import { divideByPowerOfTwo, multiplyByFixedPoint, quantizeMultiplier } from "./fixed.ts";
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
    const value = entry(q);
    table[q & 255] = clamp(Number.isNaN(value) ? bounds.min : value, bounds.min, bounds.max) & 255;
  }
  return table;
}

/** 8 fraction bits suffice while 2⁻⁸ ≤ ratio ≤ 2⁷; XNNPACK's limits. */
const fitsShortMultiplier = (ratio: number): boolean => ratio >= 2 ** -8 && ratio <= 2 ** 7;

/** (q − zx)·multiplier / 256, halves up, + zy. */
const shortScale = (q: number, x: ScalarQuantization, y: ScalarQuantization, multiplier: number): number =>
  Math.floor(((q - x.zeroPoint) * multiplier + 128) / 256) + y.zeroPoint;

const fixedScale = (x: ScalarQuantization, y: ScalarQuantization, slope = 1): Entry => {
  const factor = quantizeMultiplier((f(x.scale) * f(Math.abs(slope))) / f(y.scale));
  return (q) => Math.sign(slope) * multiplyByFixedPoint(q - x.zeroPoint, factor) + y.zeroPoint;
};

/** QUANTIZE from one 8-bit type to another. */
export function requantizeTable(rounding: Rounding, x: TableEnd, y: TableEnd): Uint8Array {
  const ratio = f(f(x.scale) / f(y.scale));
  if (rounding === "single" && x.dtype === y.dtype && fitsShortMultiplier(ratio)) {
    const multiplier = roundHalfEven(256 * ratio);
    return buildTable(x, y, (q) => shortScale(q, x, y, multiplier));
  }
  return buildTable(x, y, fixedScale(x, y));
}

/** An input of CONCATENATION brought to the output's quantization; the identity when they agree. */
export function concatTable(x: TableEnd, y: TableEnd): Uint8Array {
  if (x.scale === y.scale && x.zeroPoint === y.zeroPoint) return buildTable(x, y, (q) => q);
  const scale = f(f(x.scale) * f(1 / f(y.scale)));
  const bias = f(-x.zeroPoint * scale);
  return buildTable(x, y, (q) => roundHalfAway(f(f(q * scale) + bias)) + y.zeroPoint);
}

function leakyReluEntry(rounding: Rounding, x: TableEnd, y: TableEnd, alpha: number): Entry {
  const positive = f(f(x.scale) / f(y.scale));
  const negative = f(positive * f(alpha));
  if (rounding === "single" && fitsShortMultiplier(positive) && fitsShortMultiplier(Math.abs(negative))) {
    const up = roundHalfEven(256 * positive);
    const down = roundHalfEven(f(256 * negative));
    return (q) => shortScale(q, x, y, q < x.zeroPoint ? down : up);
  }
  const up = fixedScale(x, y);
  const down = fixedScale(x, y, alpha);
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

/** round(function(scale·(q − zeroPoint)) / outputScale) + zeroPoint, each step float32. */
function floatEntry(rounding: Rounding, x: TableEnd, y: TableEnd, attributes: UnaryAttributes): Entry {
  const inverse = f(1 / f(y.scale));
  const round = rounding === "single" ? roundHalfEven : roundHalfAway;
  return (q) => {
    const steps = f(inverse * f(unaryReal(f(f(x.scale) * (q - x.zeroPoint)), attributes)));
    return Number.isFinite(steps) ? round(steps) + y.zeroPoint : steps;
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
  const range = quantizedRange(y.dtype);
  switch (attributes.kind) {
    case "relu":
    case "clip": {
      const activation =
        attributes.kind === "relu"
          ? { min: 0, max: Infinity }
          : { min: attributes.min ?? -Infinity, max: attributes.max ?? Infinity };
      return buildTable(x, y, fixedScale(x, y), activationRange(activation, y, y.dtype, "double"));
    }
    case "abs": {
      const scaled = fixedScale(x, y);
      return buildTable(x, y, (q) => scaled(x.zeroPoint + Math.abs(q - x.zeroPoint)));
    }
    case "leakyRelu":
      return buildTable(x, y, leakyReluEntry(rounding, x, y, attributes.alpha ?? defaultAlpha.leakyRelu!));
    case "hardSwish":
      return buildTable(x, y, (q) => hardSwishQuantized(q, x, y));
    case "logistic":
      if (rounding === "double" && near(y.scale, 1 / 256) && y.zeroPoint === range.min)
        return buildTable(x, y, fixedSigmoidEntry(x, y, true));
      break;
    case "tanh":
      if (rounding === "double" && near(y.scale, 1 / 128) && y.zeroPoint === range.min + 128)
        return buildTable(x, y, fixedSigmoidEntry(x, y, false));
      break;
  }
  return buildTable(x, y, floatEntry(rounding, x, y, attributes));
}

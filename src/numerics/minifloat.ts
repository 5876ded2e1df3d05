/** Floats of 8 and 4 bits as ONNX defines them, held as codes: sign, exponent, fraction, one code a byte. */
import type { Minifloat } from "../graph/graph.ts";
import { roundHalfEven, splitExponent } from "./rounding.ts";

export interface MinifloatFormat {
  bits: 8 | 4;
  fractionBits: number;
  /** Exponent of the smallest normal number, and of the numbers below it. */
  leastExponent: number;
  /** Code of the largest number. Without saturation what is beyond it has the next code. */
  largest: number;
  /** What the codes above `largest` stand for. */
  beyond: number[];
  /** Code of NaN; float4 has none, and makes it the largest number. */
  nan: number;
  /** Whether quantizing −0 gives −0; float4 adds its zero point of 0, which makes it +0. */
  keepsMinusZero: boolean;
}

export const minifloats: Readonly<Record<Minifloat, MinifloatFormat>> = {
  float8e4m3fn: {
    bits: 8,
    fractionBits: 3,
    leastExponent: -6,
    largest: 0x7e,
    beyond: [NaN],
    nan: 0x7f,
    keepsMinusZero: true,
  },
  float8e5m2: {
    bits: 8,
    fractionBits: 2,
    leastExponent: -14,
    largest: 0x7b,
    beyond: [Infinity, NaN, NaN, NaN],
    nan: 0x7f,
    keepsMinusZero: true,
  },
  float4e2m1: {
    bits: 4,
    fractionBits: 1,
    leastExponent: 0,
    largest: 7,
    beyond: [],
    nan: 7,
    keepsMinusZero: false,
  },
};

/** The number a code without a sign stands for, were all of them finite. */
function sizeOf({ fractionBits, leastExponent }: MinifloatFormat, code: number): number {
  const normal = 2 ** fractionBits;
  const binade = Math.max(Math.floor(code / normal) - 1, 0);
  return (code - binade * normal) * 2 ** (binade + leastExponent - fractionBits);
}

/** What every code stands for. */
export function minifloatValues(format: MinifloatFormat): Float32Array {
  const { bits, largest, beyond } = format;
  const half = 2 ** (bits - 1);
  return Float32Array.from({ length: 2 * half }, (_, code) => {
    const unsigned = code % half;
    const size = unsigned > largest ? beyond[unsigned - largest - 1] : sizeOf(format, unsigned);
    return code < half ? size : -size;
  });
}

/** Sizes above this become it. float4 always saturates. */
export const minifloatLimit = (format: MinifloatFormat, saturates: boolean): number =>
  sizeOf(format, format.largest + (saturates || format.beyond.length === 0 ? 0 : 1));

/** The code of the number nearest to x, halves to the even code; NaN has no sign. */
export function minifloatCode(x: number, format: MinifloatFormat, saturates: boolean): number {
  const { bits, fractionBits, leastExponent, nan, keepsMinusZero } = format;
  if (Number.isNaN(x)) return nan;
  const size = Math.min(Math.abs(x), minifloatLimit(format, saturates));
  const exponent = size === 0 ? leastExponent : Math.max(splitExponent(size).exponent - 1, leastExponent);
  // In the binade of the exponent codes and numbers rise together, up to the first code of the next.
  const steps = roundHalfEven(size / 2 ** (exponent - fractionBits));
  const sign = x < 0 || (keepsMinusZero && Object.is(x, -0)) ? 2 ** (bits - 1) : 0;
  return sign + (exponent - leastExponent) * 2 ** fractionBits + steps;
}

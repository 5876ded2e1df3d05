import { divideByPowerOfTwo, quantizeMultiplier } from "./fixed.ts";
import type { ScalarQuantization } from "./range.ts";
import { clamp } from "./rounding.ts";

const int16 = (x: number): number => clamp(x, -32768, 32767);

/** A real factor as an int16 mantissa and an exponent. */
function int16Multiplier(real: number): { mantissa: number; exponent: number } {
  const { multiplier, shift } = quantizeMultiplier(real);
  return {
    mantissa: multiplier >= 2 ** 31 - 2 ** 15 ? 32767 : (multiplier + 2 ** 15) >> 16,
    exponent: shift,
  };
}

/** ⌊(2ab + 2¹⁵) / 2¹⁶⌋, saturated to int16. */
const roundingProduct = (a: number, b: number): number => int16(Math.floor((a * b + 2 ** 14) / 2 ** 15));

/** Quantized x · clamp(x + 3, 0, 6) / 6 in 16-bit steps, as TFLite's integer kernel does it; unclamped. */
export function hardSwishQuantized(q: number, x: ScalarQuantization, y: ScalarQuantization): number {
  const inputStep = Math.fround(Math.fround(1 / 128) * Math.fround(x.scale));
  const output = int16Multiplier(Math.fround(inputStep / Math.fround(y.scale)));
  const gate = int16Multiplier(Math.fround(inputStep / Math.fround(3 / 32768)));
  const input = (q - x.zeroPoint) * 128;
  const scaled = roundingProduct(input, output.mantissa);
  let open = input;
  if (gate.exponent > 0) open = int16(open * 2 ** (gate.exponent - 1));
  open = roundingProduct(open, gate.mantissa);
  if (gate.exponent > 0) open = int16(open * 2);
  if (gate.exponent < 0) open = divideByPowerOfTwo(open, -gate.exponent);
  open = (open + 2 ** 15) >> 1;
  const product = int16(Math.trunc((open * scaled) / 2 ** 15));
  return divideByPowerOfTwo(product, -output.exponent) + y.zeroPoint;
}

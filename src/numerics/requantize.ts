import type { DType, Rounding } from "../graph/graph.ts";
import { type FixedPoint, multiplyByFixedPoint, quantizeMultiplier } from "./fixed.ts";
import type { Range } from "./range.ts";
import { clamp, roundHalfEven } from "./rounding.ts";

const f = Math.fround;

/** How an int32 accumulator is scaled to the output type, for one channel. */
export type Requantization = { form: "float"; scale: number } | ({ form: "fixed" } & FixedPoint);

/**
 * The factor inputScale · weightScale / outputScale of one output channel. `roundProduct`: in `double`, the
 * product is rounded to float32 before the division (`layerRequantizations` says where).
 */
function productRequantization(
  rounding: Rounding,
  inputScale: number,
  weightScale: number,
  outputScale: number,
  roundProduct = false,
): Requantization {
  if (rounding === "single")
    return { form: "float", scale: f(f(f(inputScale) * f(weightScale)) / f(outputScale)) };
  const product = f(inputScale) * f(weightScale);
  return { form: "fixed", ...quantizeMultiplier((roundProduct ? f(product) : product) / f(outputScale)) };
}

/**
 * One entry per weight scale. In `double`, TFLite rounds the product of the two scales to float32 for
 * fully connected layers with one weight scale and for everything on uint8, and keeps it exact elsewhere.
 */
export function layerRequantizations(
  rounding: Rounding,
  op: "conv2d" | "depthwiseConv2d" | "fullyConnected",
  inputDtype: DType,
  inputScale: number,
  weightScales: Float32Array,
  outputScale: number,
): Requantization[] {
  const roundProduct = inputDtype === "uint8" || (op === "fullyConnected" && weightScales.length === 1);
  return Array.from(weightScales, (scale) =>
    productRequantization(rounding, inputScale, scale, outputScale, roundProduct),
  );
}

/**
 * MUL. `single` keeps to the float form while its factor is in [2⁻¹⁶, 2⁸), else it makes a fixed one of that
 * float32 factor, as LiteRT's own kernel does; TFLite Micro's factor is exact to double precision.
 */
export function mulRequantization(
  rounding: Rounding,
  aScale: number,
  bScale: number,
  outputScale: number,
): Requantization {
  if (rounding === "double") return productRequantization("double", aScale, bScale, outputScale);
  const scale = f(f(f(aScale) * f(bScale)) / f(outputScale));
  return scale >= 2 ** -16 && scale < 2 ** 8
    ? { form: "float", scale }
    : { form: "fixed", ...quantizeMultiplier(scale) };
}

/**
 * float: min(max(float32(acc) · scale, min − zp), max − zp), rounded half to even, + zp.
 * fixed: acc · multiplier · 2^(shift − 31) with two roundings, + zp, clamped.
 */
export function requantize(acc: number, how: Requantization, zeroPoint: number, { min, max }: Range): number {
  if (how.form === "fixed") return clamp(multiplyByFixedPoint(acc, how) + zeroPoint, min, max);
  return roundHalfEven(clamp(f(f(acc) * how.scale), min - zeroPoint, max - zeroPoint)) + zeroPoint;
}

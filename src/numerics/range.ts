import type { Activation, DType, Rounding } from "../graph/graph.ts";
import { clamp, roundHalfAway, roundHalfEven } from "./rounding.ts";

/** One scale and zero point: an activation tensor's, never a per-channel weight's. */
export interface ScalarQuantization {
  scale: number;
  zeroPoint: number;
}

export interface Range {
  min: number;
  max: number;
}

type QuantizedType = "int8" | "uint8" | "int16";

const ranges: Record<QuantizedType, Range> = {
  int8: { min: -128, max: 127 },
  uint8: { min: 0, max: 255 },
  int16: { min: -32768, max: 32767 },
};

/** Every value `dtype` holds. */
export function quantizedRange(dtype: DType): Range {
  const range = ranges[dtype as QuantizedType];
  if (range === undefined) throw new TypeError(`"dtype" expected int8, uint8 or int16, got ${dtype}`);
  return range;
}

/**
 * A real bound in quantized units, unclamped; ±Infinity stays. single rounds after the zero point is added,
 * halves to even; double before, halves away from zero.
 */
function quantizeBound(bound: number, { scale, zeroPoint }: ScalarQuantization, rounding: Rounding): number {
  const steps = Math.fround(Math.fround(bound) / Math.fround(scale));
  if (!Number.isFinite(steps)) return steps;
  return rounding === "single"
    ? roundHalfEven(Math.fround(steps + zeroPoint))
    : roundHalfAway(steps) + zeroPoint;
}

/**
 * The integers an operator may write: the type's range cut by its activation. AVERAGE_POOL_2D and the unary
 * operators take the `double` form in both roundings.
 */
export function activationRange(
  activation: Activation,
  quantization: ScalarQuantization,
  dtype: DType,
  rounding: Rounding,
): Range {
  const { min, max } = quantizedRange(dtype);
  return {
    min: clamp(quantizeBound(activation.min, quantization, rounding), min, max),
    max: clamp(quantizeBound(activation.max, quantization, rounding), min, max),
  };
}

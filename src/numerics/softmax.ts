import type { Rounding } from "../graph/graph.ts";
import {
  divideByPowerOfTwo,
  doublingHighMultiply,
  multiplyByFixedPoint,
  quantizeMultiplier,
} from "./fixed.ts";
import { expOfNegative, inputRadius, oneOverOnePlus } from "./fixedFunctions.ts";
import type { Range, ScalarQuantization } from "./range.ts";
import { clamp } from "./rounding.ts";

const f = Math.fround;

/**
 * e^(−scale·beta·d) for d = 0 … 255, the distance of a quantized value from its row's maximum.
 * float: float32. fixed: Q0.31, 0 where the value is out of reach.
 */
export type SoftmaxParameters =
  | { form: "float"; table: Float32Array; outputScale: number }
  | { form: "fixed"; table: Int32Array };

function fixedTable(inputScale: number, beta: number): Int32Array {
  const scaling = quantizeMultiplier(Math.min(f(beta) * f(inputScale) * 2 ** 26, 2 ** 31 - 1));
  const reach = inputRadius(5, scaling.shift);
  return Int32Array.from({ length: 256 }, (_, d) =>
    d <= reach ? expOfNegative(multiplyByFixedPoint(-d, scaling), 5) : 0,
  );
}

/** `double` uses the fixed form where the output is what TFLite asks for (scale 1/256, zero point at the minimum). */
export function softmaxParameters(
  rounding: Rounding,
  inputScale: number,
  beta: number,
  output: ScalarQuantization,
  outputRange: Range,
): SoftmaxParameters {
  if (rounding === "double" && output.scale === 1 / 256 && output.zeroPoint === outputRange.min)
    return { form: "fixed", table: fixedTable(inputScale, beta) };
  const step = f(-f(inputScale) * f(beta));
  const table = Float32Array.from({ length: 256 }, (_, d) => Math.exp(f(step * d)));
  return { form: "float", table, outputScale: f(output.scale) };
}

/** One row. Sums run in index order. */
export function softmaxRow(
  row: ArrayLike<number>,
  how: SoftmaxParameters,
  zeroPoint: number,
  { min, max }: Range,
): number[] {
  const values = Array.from(row);
  const top = values.reduce((a, b) => Math.max(a, b));
  if (how.form === "float") {
    const sum = values.reduce((acc, q) => f(acc + how.table[top - q]), 0);
    const inverse = f(1 / f(sum * how.outputScale));
    return values.map((q) => {
      const steps = f(how.table[top - q] * inverse);
      return clamp(Math.trunc(f(steps + 0.5)) + zeroPoint, min, max);
    });
  }
  const sum = values.reduce((acc, q) => acc + divideByPowerOfTwo(how.table[top - q], 12), 0);
  const headroom = Math.clz32(sum);
  const inverse = oneOverOnePlus(sum * 2 ** headroom - 2 ** 31);
  const exponent = 12 - headroom + 23;
  return values.map((q) => {
    const scaled = doublingHighMultiply(inverse, how.table[top - q]);
    return clamp(divideByPowerOfTwo(scaled, exponent) + min, min, max);
  });
}

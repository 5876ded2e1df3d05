import { type DType, elementCount } from "../graph/graph.ts";
import { quantizedRange, type Range } from "./range.ts";
import { clamp, roundHalfEven } from "./rounding.ts";

const f = Math.fround;

/** How the elements of x meet their scales: x is [outer, dim, inner], an entry is reached by the three strides. */
export interface ScaleLayout {
  outer: number;
  dim: number;
  inner: number;
  block: number;
  outerStride: number;
  axisStride: number;
  innerStride: number;
}

/** One scale: every stride 0. One per index of `axis`. Or one per `block` indices, the other dimensions as x has them. */
export function scaleLayout(
  shape: readonly number[],
  entries: readonly number[],
  axis: number,
  block: number,
): ScaleLayout {
  const inner = elementCount(shape.slice(axis + 1));
  const sizes = { outer: elementCount(shape.slice(0, axis)), dim: shape[axis] ?? 1, inner };
  if (elementCount(entries) === 1)
    return { ...sizes, block: 1, outerStride: 0, axisStride: 0, innerStride: 0 };
  if (block === 0) return { ...sizes, block: 1, outerStride: 0, axisStride: 1, innerStride: 0 };
  return { ...sizes, block, outerStride: entries[axis] * inner, axisStride: inner, innerStride: 1 };
}

/** Which entry belongs to element `at` of x. */
export function entryOf(layout: ScaleLayout, at: number): number {
  const i = at % layout.inner;
  const row = Math.floor(at / layout.inner);
  return (
    Math.floor(row / layout.dim) * layout.outerStride +
    Math.floor((row % layout.dim) / layout.block) * layout.axisStride +
    i * layout.innerStride
  );
}

/** What a result may hold: its declared range, or all of its type; int32 holds uint16. */
export const linearRange = (tensor: { dtype: DType; range?: Range }): Range =>
  tensor.range ?? (tensor.dtype === "int32" ? { min: 0, max: 65535 } : quantizedRange(tensor.dtype));

/** rint(x / scale), or of x · scale, plus zero point, within the range; NaN becomes the largest value. */
export function quantizeLinearValue(
  x: number,
  scale: number,
  zeroPoint: number,
  { min, max }: Range,
  multiplies: boolean,
): number {
  const zero = clamp(zeroPoint, -65536, 65535);
  const steps = multiplies ? f(f(x) * f(scale)) : f(f(x) / f(scale));
  const inside = Number.isNaN(steps) ? max - zero : clamp(steps, min - zero, max - zero);
  return roundHalfEven(inside) + zero;
}

/** (q − zero point) · scale; the difference wraps as int32 does. */
export const dequantizeLinearValue = (q: number, scale: number, zeroPoint: number): number =>
  f(f((q - zeroPoint) | 0) * f(scale));

/** Scale and zero point that map [min(x, 0), max(x, 0)] to 0 … 255. NaN does not count. */
export function dynamicRange(x: Float32Array): { scale: number; zeroPoint: number } {
  let [low, high] = [0, 0];
  for (const v of x) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  const scale = low === high ? 1 : f(f(high - low) / 255);
  const zero = f(0 - f(low / scale));
  return { scale, zeroPoint: roundHalfEven(zero < 255 ? zero : 255) };
}

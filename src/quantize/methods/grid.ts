import { smallestScale } from "../affine.ts";

/** Weights of one layer, row by row: n output channels of k weights. */
export interface Rows {
  values: Float64Array;
  n: number;
  k: number;
}

/** The values that the weights of one layer can take. */
export interface Grid {
  /** The stored value whose real value is nearest. */
  round(value: number, n: number, k: number): number;
  real(stored: number, n: number, k: number): number;
}

/** A scale and a zero point for each row and `blockSize` consecutive k. */
export interface BlockGrid extends Grid {
  blockSize: number;
  scale: Float32Array;
  zeroPoint: Int32Array;
}

/** How much an error of weight [n, k] counts; 1 where nothing is known of the inputs. */
export type Importance = (n: number, k: number) => number;

export interface UniformOptions {
  blockSize: number;
  low: number;
  high: number;
  /** Zero points other than 0. */
  isAsymmetric: boolean;
  /** Whether the range may be smaller than the weights', where that makes the squared error smaller. */
  clips: boolean;
  importance: Importance;
}

/** Shares of the full range that the clipping search tries. */
const shrinks = Array.from({ length: 41 }, (_, i) => 1 - i * 0.02);
const zeroScale = 2 ** -7;

/** Evenly spaced values: each block's range, or the part of it that the weights lose least by. */
export function uniformGrid(rows: Rows, options: UniformOptions): BlockGrid {
  const { n, k, values } = rows;
  const { blockSize, low, high, isAsymmetric, clips, importance } = options;
  const blocks = Math.ceil(k / blockSize);
  const scale = new Float32Array(n * blocks);
  const zeroPoint = new Int32Array(n * blocks);
  for (let row = 0; row < n; row++)
    for (let b = 0; b < blocks; b++) {
      const [from, to] = [b * blockSize, Math.min(k, (b + 1) * blockSize)];
      let [min, max] = [0, 0];
      for (let i = from; i < to; i++) {
        min = Math.min(min, values[row * k + i]);
        max = Math.max(max, values[row * k + i]);
      }
      let best = Infinity;
      for (const shrink of clips ? shrinks : [1]) {
        const [s, z] = isAsymmetric
          ? asymmetric(min * shrink, max * shrink, low, high)
          : [scaleOf(Math.max(-min, max) * shrink, high), 0];
        if (s === 0) break;
        let error = 0;
        for (let i = from; clips && i < to; i++) {
          const value = values[row * k + i];
          const stored = Math.min(high, Math.max(low, Math.round(value / s) + z));
          error += importance(row, i) * (value - s * (stored - z)) ** 2;
        }
        if (error >= best) continue;
        [best, scale[row * blocks + b], zeroPoint[row * blocks + b]] = [error, s, z];
      }
    }
  return gridOf(rows, options, scale, zeroPoint);
}

/** The grid of given scales and zero points. */
export function gridOf(
  { k }: Rows,
  { blockSize, low, high }: UniformOptions,
  scale: Float32Array,
  zeroPoint: Int32Array,
): BlockGrid {
  const blocks = Math.ceil(k / blockSize);
  fillEmpty(scale);
  const at = (row: number, i: number): number => row * blocks + Math.floor(i / blockSize);
  return {
    blockSize,
    scale,
    zeroPoint,
    round(value, row, i) {
      const b = at(row, i);
      // Adding 0 turns −0 into 0.
      return Math.min(high, Math.max(low, Math.round(value / scale[b]) + zeroPoint[b])) + 0;
    },
    real(stored, row, i) {
      const b = at(row, i);
      return scale[b] * (stored - zeroPoint[b]);
    },
  };
}

const scaleOf = (magnitude: number, steps: number): number =>
  magnitude === 0 ? 0 : Math.fround(Math.max(magnitude / steps, smallestScale));

function asymmetric(min: number, max: number, low: number, high: number): [number, number] {
  const s = scaleOf(max - min, high - low);
  return s === 0 ? [0, 0] : [s, Math.min(high, Math.max(low, Math.round(low - min / s))) + 0];
}

/** Blocks of zeros take the largest scale of the others: a bias on a far finer or coarser grid would not fit. */
export function fillEmpty(scale: Float32Array): void {
  const largest = scale.reduce((a, b) => Math.max(a, b), 0) || zeroScale;
  for (const [i, s] of scale.entries()) if (s === 0) scale[i] = largest;
}

/** Every value as it is, or as the nearest float16. */
export const floatGrid = (isHalf: boolean): Grid => ({
  round: isHalf ? nearestHalf : (value) => Math.fround(value),
  real: (stored) => stored,
});

/** Rounded to even; infinite beyond float16. */
export function nearestHalf(value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return value > 0 ? Infinity : -Infinity;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude || 1)));
  const step = 2 ** (exponent - 10);
  const steps = magnitude / step;
  const floor = Math.floor(steps);
  const rest = steps - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  return Math.sign(value) * rounded * step;
}

import type { Tensor, TensorData } from "../graph/graph.ts";

/** How well one tensor survives quantization, over all samples. */
export interface Fidelity {
  /** Signal to quantization noise ratio in dB, within ±200; null where every value is exact. */
  sqnr: number | null;
  /** Largest |float − quantized|, in real units. */
  maxError: number;
  /** Cosine of the angle between float and quantized values; null where either is zero throughout. */
  cosine: number | null;
  /** Share of values that lie more than half a step outside what the quantized type can hold. */
  clipped: number;
}

export interface FidelityMeter {
  add(float: Float32Array, quantized: TensorData): void;
  result(): Fidelity;
}

const decibelLimit = 200;

/**
 * Compares float values with those of `tensor`, which is float32 or has one scale and zero point.
 * Values that are not finite (padding with −∞) are left out.
 */
export function fidelityMeter(tensor: Tensor): FidelityMeter {
  const { scale, zeroPoint } = affineOfTensor(tensor);
  const [lowest, highest] = tensor.quantization ? limits(tensor) : [-Infinity, Infinity];
  const low = scale * (lowest - zeroPoint - 0.5);
  const high = scale * (highest - zeroPoint + 0.5);
  let [count, outside, signal, noise, energy, dot, maxError] = [0, 0, 0, 0, 0, 0, 0];
  return {
    add(float, quantized) {
      for (let i = 0; i < float.length; i++) {
        const expected = float[i];
        if (!Number.isFinite(expected)) continue;
        count++;
        const found = scale * (Number(quantized[i]) - zeroPoint);
        const error = Math.abs(found - expected);
        signal += expected * expected;
        noise += error * error;
        energy += found * found;
        dot += expected * found;
        if (error > maxError) maxError = error;
        if (expected < low || expected > high) outside++;
      }
    },
    result: () => ({
      sqnr: noise === 0 ? null : decibels(signal / noise),
      maxError,
      cosine: signal > 0 && energy > 0 ? Math.min(1, dot / Math.sqrt(signal * energy)) : null,
      clipped: count > 0 ? outside / count : 0,
    }),
  };
}

/** Values of `tensor` in real units. */
export function realValues(tensor: Tensor, data: TensorData): Float32Array {
  const { scale, zeroPoint } = affineOfTensor(tensor);
  return Float32Array.from(data as ArrayLike<number>, (q) => scale * (Number(q) - zeroPoint));
}

const affineOfTensor = ({ quantization }: Tensor) => ({
  scale: quantization?.scale[0] ?? 1,
  zeroPoint: quantization?.zeroPoint[0] ?? 0,
});

function limits({ dtype }: Tensor): [number, number] {
  if (dtype === "int8") return [-128, 127];
  if (dtype === "uint8") return [0, 255];
  return [-Infinity, Infinity];
}

/** Of a ratio of powers, within the limit that figures are given to. */
export const decibels = (ratio: number): number =>
  ratio > 0 ? Math.min(decibelLimit, Math.max(-decibelLimit, 10 * Math.log10(ratio))) : -decibelLimit;

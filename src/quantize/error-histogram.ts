import type { Tensor, TensorData } from "../graph/graph.ts";

/** Bins per step of the quantized type. */
const perStep = 4;
/** Errors beyond this many steps are in the outermost bins. */
const widest = 4;
const half = widest * perStep;

/** How often each error occurs: quantized − float in steps, −4…4 in 32 equal bins, the ends open. */
export interface ErrorHistogram {
  add(float: Float32Array, quantized: TensorData): void;
  counts: number[];
}

/** Of a tensor with one scale; undefined for others, whose errors have no steps. */
export function errorHistogram({ quantization }: Tensor): ErrorHistogram | undefined {
  if (quantization?.scale.length !== 1) return undefined;
  const scale = quantization.scale[0];
  const zeroPoint = quantization.zeroPoint[0];
  const counts = new Array<number>(2 * half).fill(0);
  return {
    add(float, quantized) {
      for (let i = 0; i < float.length; i++) {
        const error = Number(quantized[i]) - zeroPoint - float[i] / scale;
        if (error - error !== 0) continue;
        counts[Math.min(2 * half - 1, Math.max(0, half + Math.floor(error * perStep)))]++;
      }
    },
    counts,
  };
}

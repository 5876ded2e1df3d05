/** Products of activations that are quantized row by row with weights that have scales by block. */

import type { NodeOf, Tensor } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { quantizeValue } from "./convert.ts";
import type { ScalarQuantization } from "./range.ts";

const f = Math.fround;

/** weights[n, k] = scale[n, b] · (value − zeroPoint[n, b]) with b = ⌊k / blockSize⌋. */
export interface BlockedWeights {
  n: number;
  k: number;
  blockSize: number;
  blocks: number;
  data: Int8Array;
  scale: Float32Array;
  zeroPoint: Int32Array;
}

export function blockedWeights(
  node: NodeOf<"dynamicFullyConnected">,
  { name, shape, quantization }: Tensor,
  data: Int8Array,
): BlockedWeights {
  const [n, k] = shape;
  const { blockSize } = node.attributes;
  const blocks = Math.ceil(k / blockSize);
  const found = quantization?.scale.length ?? 0;
  if (!quantization || found !== n * blocks)
    throw new NibbleError(
      "unsupported",
      `${node.op} "${node.name}": expected ${n} × ${blocks} scales for "${name}", found ${found}`,
    );
  return { n, k, blockSize, blocks, data, scale: quantization.scale, zeroPoint: quantization.zeroPoint };
}

/** Scale and zero point of one row, 0 included: the range over 255 steps; 0 and −128 where that has no inverse. */
export function rowQuantization(row: ArrayLike<number>): ScalarQuantization & { inverse: number } {
  let [low, high] = [0, 0];
  for (let i = 0; i < row.length; i++) {
    if (row[i] < low) low = row[i];
    if (high < row[i]) high = row[i];
  }
  let scale = f(f(high / 255) - f(low / 255));
  let inverse = f(1 / scale);
  if (!(inverse <= 3.4028234663852886e38)) [scale, inverse] = [0, 0];
  const zeroPoint = quantizeRowValue(-low, inverse, -128);
  return { scale, zeroPoint, inverse };
}

const range = { min: -128, max: 127 };

/** As `quantizeValue` with rounding `single`, the inverse of the scale being given. */
export function quantizeRowValue(x: number, inverse: number, zeroPoint: number): number {
  const steps = f(x * inverse);
  return quantizeValue(steps, { scale: 1, zeroPoint }, range, "single");
}

/** What an activation zero point of 1 takes from output n: Σ_b scale · Σₖ (value − zeroPoint), block after block. */
export function weightSum(w: BlockedWeights, n: number, codebook?: Int8Array): number {
  let total = 0;
  for (let b = 0; b < w.blocks; b++) {
    let sum = 0;
    for (let k = b * w.blockSize; k < Math.min(w.k, (b + 1) * w.blockSize); k++) {
      const stored = w.data[n * w.k + k];
      sum += (codebook ? codebook[stored] : stored) - w.zeroPoint[n * w.blocks + b];
    }
    total = f(total + f(f(sum) * w.scale[n * w.blocks + b]));
  }
  return total;
}

/** Which weights go, and how the ones that stay make up for them. */

import { solve } from "./cholesky.ts";
import type { Rows } from "./grid.ts";

export interface PruneOptions {
  /** Share of the blocks that goes, at least 0 and below 1. */
  share: number;
  /** Output channels × consecutive k. */
  block: readonly [number, number];
}

/**
 * 1 for weights that stay. Blocks with the least mean w² go, or with the least mean w² / [H⁻¹]ₖₖ (optimal brain surgeon)
 * where the diagonal of H⁻¹ is given; the first of equals.
 */
export function pruneMask(rows: Rows, options: PruneOptions, inverseDiagonal?: Float64Array): Uint8Array {
  const { values, n, k } = rows;
  const [height, width] = options.block;
  const across = Math.ceil(k / width);
  const blockOf = (row: number, i: number): number =>
    Math.floor(row / height) * across + Math.floor(i / width);
  const scores = new Float64Array(Math.ceil(n / height) * across);
  for (let row = 0; row < n; row++)
    for (let i = 0; i < k; i++)
      scores[blockOf(row, i)] += values[row * k + i] ** 2 / (inverseDiagonal?.[i] ?? 1);
  // Blocks at the edges hold fewer weights.
  for (const b of scores.keys()) {
    const tall = Math.min(height, n - Math.floor(b / across) * height);
    scores[b] /= tall * Math.min(width, k - (b % across) * width);
  }
  const order = Array.from(scores.keys()).sort((a, b) => scores[a] - scores[b] || a - b);
  const gone = new Uint8Array(scores.length);
  // A share may be a count over the number of blocks.
  for (const b of order.slice(0, Math.floor(options.share * scores.length + 1e-6))) gone[b] = 1;
  return Uint8Array.from({ length: n * k }, (_, at) => 1 - gone[blockOf(Math.floor(at / k), at % k)]);
}

/**
 * Sets what is not in `order` to 0 and moves the rest to where the layer's output changes least:
 * w_S + H_SS⁻¹ H_SP w_P for weights S that stay and P that go.
 *
 * @param hessian H, k × k
 * @param factor U with Uᵀ U = H_SS⁻¹, in the order of `order`
 */
export function compensate(
  values: Float64Array,
  order: Int32Array,
  hessian: Float64Array,
  factor: Float64Array,
): void {
  const k = values.length;
  const gone = values.slice();
  for (const i of order) gone[i] = 0;
  const push = Float64Array.from(order, (i) => {
    let sum = 0;
    for (let j = 0; j < k; j++) if (gone[j] !== 0) sum += hessian[i * k + j] * gone[j];
    return sum;
  });
  const change = solve(factor, order.length, push);
  for (let j = 0; j < k; j++) if (gone[j] !== 0) values[j] = 0;
  for (const [j, i] of order.entries()) values[i] += change[j];
}

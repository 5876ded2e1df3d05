/** GPTQ: weights are rounded one after the other, and those still to come make up for each one's error. */

import type { Grid } from "./grid.ts";

/**
 * Rounds one row onto `grid`, in place of `stored`.
 *
 * @param order the k that have weights, in the order of rounding; the others are stored as they are
 * @param factor U with Uᵀ U the inverse of the inputs' second moments, rows and columns in that order
 */
export function roundInTurn(
  values: Float64Array,
  stored: Float64Array,
  row: number,
  order: Int32Array,
  factor: Float64Array,
  grid: Grid,
): void {
  const m = order.length;
  const rest = Float64Array.from(order, (k) => values[k]);
  for (let j = 0; j < m; j++) {
    const k = order[j];
    const q = grid.round(rest[j], row, k);
    stored[k] = q;
    const error = (rest[j] - grid.real(q, row, k)) / factor[j * m + j];
    if (error === 0) continue;
    for (let i = j + 1; i < m; i++) rest[i] -= error * factor[j * m + i];
  }
}

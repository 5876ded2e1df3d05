/** HQQ: scales and zero points for which most weights lie close to the grid and a few far from it. */

import { smallestScale } from "../affine.ts";
import { type BlockGrid, gridOf, type Rows, type UniformOptions, uniformGrid } from "./grid.ts";

/** Errors count as |e| to this power, so that outliers don't decide. */
const power = 0.7;
const rounds = 20;
/** Weight of the quadratic term that ties the split errors to the real ones; it grows with every round. */
const [firstTie, growth] = [10, 1.05];

/**
 * Half-quadratic search. Errors w − s(q − z) are split into a sparse part, found by shrinking them, and a rest, which the
 * scale and zero point are fitted to by least squares; both in turn. Blocks that only get worse keep their full range.
 */
export function halfQuadraticGrid(rows: Rows, options: UniformOptions): BlockGrid {
  const start = uniformGrid(rows, { ...options, clips: false });
  const { n, k, values } = rows;
  const { blockSize, low, high, isAsymmetric } = options;
  const blocks = Math.ceil(k / blockSize);
  const scale = start.scale.slice();
  const zeroPoint = start.zeroPoint.slice();
  for (let b = 0; b < n * blocks; b++) {
    const from = Math.floor(b / blocks) * k + (b % blocks) * blockSize;
    const block = values.subarray(from, Math.min(from + blockSize, (Math.floor(b / blocks) + 1) * k));
    // Errors are measured in steps of the full range, whatever the weights are.
    const unit = scale[b];
    const clamp = (q: number): number => Math.min(high, Math.max(low, q));
    let [s, z] = [1, zeroPoint[b]];
    let best = Infinity;
    let tie = firstTie;
    for (let round = 0; round < rounds; round++) {
      let loss = 0;
      let [dot, square, shift] = [0, 0, 0];
      for (const value of block) {
        const w = value / unit;
        const q = clamp(Math.round(w / s) + z);
        const error = w - s * (q - z);
        loss += Math.abs(error) ** power;
        const magnitude = Math.abs(error);
        const sparse =
          magnitude === 0 ? 0 : Math.sign(error) * Math.max(0, magnitude - magnitude ** (power - 1) / tie);
        dot += (w - sparse) * (q - z);
        square += (q - z) ** 2;
        shift += q - (w - sparse) / s;
      }
      if (loss < best) {
        best = loss;
        scale[b] = Math.max(smallestScale, Math.fround(s * unit));
        zeroPoint[b] = z;
      }
      if (isAsymmetric && round % 2 === 1) z = clamp(Math.round(shift / block.length));
      else if (square > 0 && dot > 0) s = dot / square;
      tie *= growth;
    }
  }
  return gridOf(rows, options, scale, zeroPoint);
}

/** AdaRound: which of its two neighbours on the grid each weight goes to, learned for the layer as a whole. */

import { adam } from "../gradient/adam.ts";
import type { Grid } from "./grid.ts";

/** Steps of Adam; the regularizer sets in after the first fifth. */
const steps = 600;
const rate = 0.01;
const warmUp = 0.2;
/** Weight of the regularizer's mean beside the error, which is measured in that of the nearest values. */
const pull = 20;
/** The exponent of the regularizer falls from the first to the second. */
const [firstBeta, lastBeta] = [20, 2];
/** The sigmoid is stretched by this much beyond 0 and 1 and cut off there, so that its ends are reached. */
const stretch = 0.1;

/**
 * Rounds one row of weights onto `grid`, in place of `stored`. A continuous h(v) in 0…1 stands for the way up of each
 * weight; Adam lowers the squared error of the layer's output, eᵀ H e with H the inputs' second moments, and a
 * regularizer Σ 1 − |2h − 1|^β drives every h to one of its ends. The nearest values are kept where nothing better is
 * found.
 */
export function roundLearned(
  values: Float64Array,
  stored: Float64Array,
  row: number,
  order: Int32Array,
  hessian: Float64Array,
  grid: Grid,
): void {
  const k = values.length;
  const m = order.length;
  const low = new Float64Array(m);
  const step = new Float64Array(m);
  const h = new Float64Array(m * m);
  for (let i = 0; i < m; i++) for (let j = 0; j < m; j++) h[i * m + j] = hessian[order[i] * k + order[j]];
  const nearest = new Float64Array(m);
  const variable = { value: new Float64Array(m), gradient: new Float64Array(m) };
  for (const [j, at] of order.entries()) {
    nearest[j] = grid.round(values[at], row, at);
    const below = grid.real(nearest[j], row, at) > values[at] ? nearest[j] - 1 : nearest[j];
    const real = (q: number): number => grid.real(q, row, at);
    const isWithin = [below, below + 1].every((q) => grid.round(real(q), row, at) === q);
    // Weights at an end of the grid have one neighbour.
    low[j] = real(isWithin ? below : nearest[j]);
    step[j] = isWithin ? real(below + 1) - real(below) : 0;
    const share = isWithin ? Math.min(0.99, Math.max(0.01, (values[at] - low[j]) / step[j])) : 0.5;
    const inner = (share + stretch) / (1 + 2 * stretch);
    variable.value[j] = Math.log(inner / (1 - inner));
  }
  const wanted = Float64Array.from(order, (at) => values[at]);
  const errorOf = (chosen: Float64Array): number => {
    let sum = 0;
    for (let i = 0; i < m; i++) {
      let inner = 0;
      for (let j = 0; j < m; j++) inner += h[i * m + j] * chosen[j];
      sum += inner * chosen[i];
    }
    return sum;
  };
  const plain = errorOf(Float64Array.from(order, (at, j) => grid.real(nearest[j], row, at) - wanted[j]));
  if (!(plain > 0)) {
    for (const [j, at] of order.entries()) stored[at] = nearest[j];
    return;
  }
  const optimizer = adam([variable]);
  const up = new Float64Array(m);
  const error = new Float64Array(m);
  for (let t = 0; t < steps; t++) {
    const progress = Math.max(0, (t / steps - warmUp) / (1 - warmUp));
    const beta = lastBeta + (firstBeta - lastBeta) * (1 - progress);
    for (let j = 0; j < m; j++) {
      const sigmoid = 1 / (1 + Math.exp(-variable.value[j]));
      up[j] = Math.min(1, Math.max(0, sigmoid * (1 + 2 * stretch) - stretch));
      error[j] = low[j] + step[j] * up[j] - wanted[j];
    }
    for (let i = 0; i < m; i++) {
      let inner = 0;
      for (let j = 0; j < m; j++) inner += h[i * m + j] * error[j];
      const isFree = up[i] > 0 && up[i] < 1;
      const s = (up[i] + stretch) / (1 + 2 * stretch);
      const slope = isFree ? s * (1 - s) * (1 + 2 * stretch) : 0;
      const side = 2 * up[i] - 1;
      const drive = progress > 0 ? 2 * beta * Math.sign(side) * Math.abs(side) ** (beta - 1) : 0;
      variable.gradient[i] = ((2 * inner * step[i]) / plain - (pull * drive) / m) * slope;
    }
    optimizer.step(rate);
  }
  const chosen = Float64Array.from(up, (share, j) => low[j] + (share >= 0.5 ? step[j] : 0));
  const isBetter = errorOf(chosen.map((real, j) => real - wanted[j])) < plain;
  for (const [j, at] of order.entries()) stored[at] = isBetter ? grid.round(chosen[j], row, at) : nearest[j];
}

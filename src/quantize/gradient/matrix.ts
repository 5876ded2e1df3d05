/** Products of rows and weights in double precision, forwards and backwards. Weights that are masked are skipped. */

/** One layer's weights: n rows of k, and where they are not masked: pairs of begin and end within a row. */
export interface Weights {
  n: number;
  k: number;
  value: Float64Array;
  gradient: Float64Array;
  /** By row. */
  runs: Int32Array[];
}

/** All of them, or those where `mask` is 1; rows of one mask share their runs. */
export function runsOf(n: number, k: number, mask?: Uint8Array): Int32Array[] {
  const known = new Map<string, Int32Array>();
  return Array.from({ length: n }, (_, row) => {
    const part = mask?.subarray(row * k, (row + 1) * k);
    const key = part ? part.join("") : "";
    const made = known.get(key) ?? runsOfRow(k, part);
    known.set(key, made);
    return made;
  });
}

function runsOfRow(k: number, mask: Uint8Array | undefined): Int32Array {
  const runs: number[] = [];
  for (let i = 0; i < k; i++) {
    const isIn = !mask || mask[i] === 1;
    const isOpen = runs.length % 2 === 1;
    if (isIn !== isOpen) runs.push(i);
  }
  if (runs.length % 2 === 1) runs.push(k);
  return Int32Array.from(runs);
}

/** y[p, j] = Σᵢ x[p, i] · w[j, i] + bias[j] */
export function multiply(
  { n, k, value, runs }: Weights,
  bias: Float64Array | undefined,
  x: Float64Array,
  y: Float64Array,
): void {
  const count = y.length / n;
  for (let p = 0; p < count; p++) {
    const from = p * k;
    for (let j = 0; j < n; j++) {
      const run = runs[j];
      const row = j * k;
      // Four sums that don't wait for each other.
      let [a, b, c, d] = [bias ? bias[j] : 0, 0, 0, 0];
      for (let r = 0; r < run.length; r += 2) {
        const end = run[r + 1];
        let i = run[r];
        for (; i + 4 <= end; i += 4) {
          a += x[from + i] * value[row + i];
          b += x[from + i + 1] * value[row + i + 1];
          c += x[from + i + 2] * value[row + i + 2];
          d += x[from + i + 3] * value[row + i + 3];
        }
        for (; i < end; i++) a += x[from + i] * value[row + i];
      }
      y[p * n + j] = a + b + (c + d);
    }
  }
}

/** Adds what dy makes of the weights, the bias and, where given, of x. */
export function multiplyBack(
  { n, k, value, gradient, runs }: Weights,
  biasGradient: Float64Array | undefined,
  x: Float64Array,
  dy: Float64Array,
  dx: Float64Array | undefined,
): void {
  const count = dy.length / n;
  for (let p = 0; p < count; p++) {
    const from = p * k;
    for (let j = 0; j < n; j++) {
      const d = dy[p * n + j];
      if (d === 0) continue;
      if (biasGradient) biasGradient[j] += d;
      const run = runs[j];
      const row = j * k;
      for (let r = 0; r < run.length; r += 2)
        for (let i = run[r], end = run[r + 1]; i < end; i++) gradient[row + i] += d * x[from + i];
      if (!dx) continue;
      for (let r = 0; r < run.length; r += 2)
        for (let i = run[r], end = run[r + 1]; i < end; i++) dx[from + i] += d * value[row + i];
    }
  }
}

/** Dense linear algebra for the second-order methods, in double precision; matrices are row by row. */

/** What is added to the diagonal of the second moments, as a share of its mean. */
const damping = 0.01;

/** Second moments, k × k, with the damping that gives them a factor. */
export function damped(sum: Float64Array, k: number): Float64Array {
  const out = sum.slice();
  let trace = 0;
  for (let i = 0; i < k; i++) trace += sum[i * k + i];
  // Inputs that are 0 throughout leave every weight alike.
  const share = trace > 0 ? (damping * trace) / k : 1;
  for (let i = 0; i < k; i++) out[i * k + i] += share;
  return out;
}

/**
 * The upper triangular U with Uᵀ U = A⁻¹, for a symmetric positive definite A of n × n; undefined for any other.
 * Cholesky from the last row up gives A = R Rᵀ with R upper triangular, and U is R⁻¹.
 */
export function inverseFactor(a: Float64Array, n: number): Float64Array | undefined {
  const r = new Float64Array(n * n);
  for (let j = n - 1; j >= 0; j--) {
    for (let i = j; i >= 0; i--) {
      let sum = a[i * n + j];
      for (let k = j + 1; k < n; k++) sum -= r[i * n + k] * r[j * n + k];
      if (i < j) r[i * n + j] = sum / r[j * n + j];
      else if (sum > 0 && Number.isFinite(sum)) r[j * n + j] = Math.sqrt(sum);
      else return undefined;
    }
  }
  const u = new Float64Array(n * n);
  for (let i = n - 1; i >= 0; i--) {
    const inverse = 1 / r[i * n + i];
    u[i * n + i] = inverse;
    for (let k = i + 1; k < n; k++) {
      const factor = -r[i * n + k] * inverse;
      if (factor === 0) continue;
      for (let j = k; j < n; j++) u[i * n + j] += factor * u[k * n + j];
    }
  }
  return u;
}

/** A⁻¹ v = Uᵀ (U v). */
export function solve(u: Float64Array, n: number, v: ArrayLike<number>): Float64Array {
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = i; j < n; j++) sum += u[i * n + j] * v[j];
    for (let j = i; j < n; j++) out[j] += u[i * n + j] * sum;
  }
  return out;
}

/** The diagonal of A⁻¹. */
export function inverseDiagonal(u: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) for (let j = i; j < n; j++) out[j] += u[i * n + j] ** 2;
  return out;
}

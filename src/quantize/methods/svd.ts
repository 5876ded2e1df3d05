/** Singular values and vectors by one-sided Jacobi rotations; matrices are row by row. */

export interface Svd {
  /** Falling. */
  values: Float64Array;
  /** The left vectors times their singular values: n × m, column j belongs to values[j]. */
  left: Float64Array;
  /** m × m, row j belongs to values[j]. */
  right: Float64Array;
}

const sweeps = 60;
/** Columns count as orthogonal when their cosine is below this. */
const settled = 1e-12;

/** a = left · right, of n × m. Rotations of two columns at a time make all of them orthogonal. */
export function svd(a: ArrayLike<number>, n: number, m: number): Svd {
  /** Columns of a, and of the rotations so far, one after the other. */
  const columns = Array.from({ length: m }, (_, j) =>
    Float64Array.from({ length: n }, (_, i) => a[i * m + j]),
  );
  const turns = Array.from({ length: m }, (_, j) =>
    Float64Array.from({ length: m }, (_, i) => (i === j ? 1 : 0)),
  );
  for (let sweep = 0, moved = true; moved && sweep < sweeps; sweep++) {
    moved = false;
    for (let p = 0; p < m; p++)
      for (let q = p + 1; q < m; q++) {
        const [alpha, beta, gamma] = products(columns[p], columns[q]);
        if (Math.abs(gamma) <= settled * Math.sqrt(alpha * beta) || gamma === 0) continue;
        moved = true;
        const zeta = (beta - alpha) / (2 * gamma);
        const t = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
        const c = 1 / Math.sqrt(1 + t * t);
        rotate(columns[p], columns[q], c, c * t);
        rotate(turns[p], turns[q], c, c * t);
      }
  }
  const lengths = columns.map((column) => Math.sqrt(column.reduce((sum, v) => sum + v * v, 0)));
  const order = Array.from(lengths.keys()).sort((x, y) => lengths[y] - lengths[x] || x - y);
  return {
    values: Float64Array.from(order, (j) => lengths[j]),
    left: Float64Array.from({ length: n * m }, (_, at) => columns[order[at % m]][Math.floor(at / m)]),
    right: Float64Array.from({ length: m * m }, (_, at) => turns[order[Math.floor(at / m)]][at % m]),
  };
}

function products(x: Float64Array, y: Float64Array): [number, number, number] {
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    xx += x[i] * x[i];
    yy += y[i] * y[i];
    xy += x[i] * y[i];
  }
  return [xx, yy, xy];
}

function rotate(x: Float64Array, y: Float64Array, c: number, s: number): void {
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [x[i], y[i]];
    x[i] = c * a - s * b;
    y[i] = s * a + c * b;
  }
}

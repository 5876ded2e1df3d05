import { KR, NR, ROUNDING_DOUBLE } from "../../assembly/codes.ts";
import { M_MAX, M_MIN, M_ROUNDING, M_WEIGHT_ZERO_POINT, M_ZERO_POINT } from "../../assembly/records.ts";
import type { Heap } from "./heap.ts";
import { LONGEST, LOW, type PackedMatrix, packMatrix } from "./pack.ts";
import { MAGIC, requantizeDouble } from "./requantize.ts";

/** Rows of a tile. */
const MR = 8;

export type GemmQs8 = (
  record: number,
  m: number,
  n: number,
  k: number,
  a: number,
  aStride: number,
  w: number,
  bias: number,
  requant: number,
  shiftsAfter: number,
  y: number,
  yStride: number,
) => void;

/**
 * qs8_qc8w_gemm of assembly/kernels/gemm/qs8.ts, with the same bits. Every product is of one activation and a
 * double that holds two weights, so that one multiplication does the work of two. Weights are packed at the first
 * call for them and kept in `matrices`, which forgets them with the model.
 */
export function createGemmQs8(heap: Heap, matrices: Map<number, PackedMatrix>): GemmQs8 {
  /** Activations of the tile as doubles, step by step of 4 k, by row, then by k: interpreters multiply two doubles fastest. */
  const x: Float64Array[] = [];
  /** Packed sums of the tile, by row, then by pair of columns. */
  const sums = new Float64Array(MR * (NR / 2));
  /** What earlier parts of a long sum came to. */
  const carryLow = new Float64Array(sums.length);
  const carryHigh = new Float64Array(sums.length);
  /** Σₖ a[k] · −weightZeroPoint of each row. */
  const terms = new Float64Array(MR);
  /** Whole numbers read from it stay doubles, which interpreters compare with doubles faster than with integers. */
  const limits = new Float64Array(2);

  function matrixAt(w: number, bias: number, n: number, k: number): PackedMatrix {
    const known = matrices.get(w);
    if (known && known.n === n && known.k === k && known.bias === bias) return known;
    const packed = packMatrix(heap, w, bias, n, k);
    matrices.set(w, packed);
    return packed;
  }

  /** Reads up to 3 bytes past each row, which weigh nothing. */
  function takeRows(rows: number, k: number, a: number, aStride: number, weightZeroPoint: number): void {
    const { i8 } = heap;
    while (x.length * KR < k) x.push(new Float64Array(MR * KR));
    for (let r = 0; r < rows; r++) {
      const row = a + r * aStride;
      const to = r * KR;
      for (let i = row, step = 0; i < row + k; i += KR) {
        const v = x[step++];
        v[to] = i8[i];
        v[to + 1] = i8[i + 1];
        v[to + 2] = i8[i + 2];
        v[to + 3] = i8[i + 3];
      }
      terms[r] = 0;
      if (weightZeroPoint !== 0) for (let i = 0; i < k; i++) terms[r] -= weightZeroPoint * i8[row + i];
    }
  }

  /** The sums of one row and the block of columns that begins at `first[c]`, over the steps `from` … `end` − 1 of `x`. */
  function sumOne(
    p: Float64Array[],
    block: number,
    from: number,
    end: number,
    first: Float64Array,
    c: number,
  ): void {
    let s0 = first[c];
    let s1 = first[c + 1];
    let s2 = first[c + 2];
    let s3 = first[c + 3];
    for (let i = from; i < end; i++) {
      const w = p[block + i];
      const v = x[i];
      const a = v[0];
      const b = v[1];
      const c = v[2];
      const d = v[3];
      s0 = s0 + a * w[0] + b * w[4] + c * w[8] + d * w[12];
      s1 = s1 + a * w[1] + b * w[5] + c * w[9] + d * w[13];
      s2 = s2 + a * w[2] + b * w[6] + c * w[10] + d * w[14];
      s3 = s3 + a * w[3] + b * w[7] + c * w[11] + d * w[15];
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
  }

  /** As sumOne for a whole tile. */
  function sumTile(
    p: Float64Array[],
    block: number,
    from: number,
    end: number,
    first: Float64Array,
    c: number,
  ): void {
    let a0 = first[c];
    let a1 = first[c + 1];
    let a2 = first[c + 2];
    let a3 = first[c + 3];
    let b0 = a0;
    let b1 = a1;
    let b2 = a2;
    let b3 = a3;
    let c0 = a0;
    let c1 = a1;
    let c2 = a2;
    let c3 = a3;
    let d0 = a0;
    let d1 = a1;
    let d2 = a2;
    let d3 = a3;
    let e0 = a0;
    let e1 = a1;
    let e2 = a2;
    let e3 = a3;
    let f0 = a0;
    let f1 = a1;
    let f2 = a2;
    let f3 = a3;
    let g0 = a0;
    let g1 = a1;
    let g2 = a2;
    let g3 = a3;
    let h0 = a0;
    let h1 = a1;
    let h2 = a2;
    let h3 = a3;
    for (let i = from; i < end; i++) {
      const w = p[block + i];
      const v = x[i];
      const s0 = w[0];
      const s1 = w[1];
      const s2 = w[2];
      const s3 = w[3];
      const t0 = w[4];
      const t1 = w[5];
      const t2 = w[6];
      const t3 = w[7];
      const u0 = w[8];
      const u1 = w[9];
      const u2 = w[10];
      const u3 = w[11];
      const v0 = w[12];
      const v1 = w[13];
      const v2 = w[14];
      const v3 = w[15];
      let x0 = v[0];
      let x1 = v[1];
      let x2 = v[2];
      let x3 = v[3];
      a0 = a0 + x0 * s0 + x1 * t0 + x2 * u0 + x3 * v0;
      a1 = a1 + x0 * s1 + x1 * t1 + x2 * u1 + x3 * v1;
      a2 = a2 + x0 * s2 + x1 * t2 + x2 * u2 + x3 * v2;
      a3 = a3 + x0 * s3 + x1 * t3 + x2 * u3 + x3 * v3;
      x0 = v[4];
      x1 = v[5];
      x2 = v[6];
      x3 = v[7];
      b0 = b0 + x0 * s0 + x1 * t0 + x2 * u0 + x3 * v0;
      b1 = b1 + x0 * s1 + x1 * t1 + x2 * u1 + x3 * v1;
      b2 = b2 + x0 * s2 + x1 * t2 + x2 * u2 + x3 * v2;
      b3 = b3 + x0 * s3 + x1 * t3 + x2 * u3 + x3 * v3;
      x0 = v[8];
      x1 = v[9];
      x2 = v[10];
      x3 = v[11];
      c0 = c0 + x0 * s0 + x1 * t0 + x2 * u0 + x3 * v0;
      c1 = c1 + x0 * s1 + x1 * t1 + x2 * u1 + x3 * v1;
      c2 = c2 + x0 * s2 + x1 * t2 + x2 * u2 + x3 * v2;
      c3 = c3 + x0 * s3 + x1 * t3 + x2 * u3 + x3 * v3;
      x0 = v[12];
      x1 = v[13];
      x2 = v[14];
      x3 = v[15];
      d0 = d0 + x0 * s0 + x1 * t0 + x2 * u0 + x3 * v0;
      d1 = d1 + x0 * s1 + x1 * t1 + x2 * u1 + x3 * v1;
      d2 = d2 + x0 * s2 + x1 * t2 + x2 * u2 + x3 * v2;
      d3 = d3 + x0 * s3 + x1 * t3 + x2 * u3 + x3 * v3;
      x0 = v[16];
      x1 = v[17];
      x2 = v[18];
      x3 = v[19];
      e0 = e0 + x0 * s0 + x1 * t0 + x2 * u0 + x3 * v0;
      e1 = e1 + x0 * s1 + x1 * t1 + x2 * u1 + x3 * v1;
      e2 = e2 + x0 * s2 + x1 * t2 + x2 * u2 + x3 * v2;
      e3 = e3 + x0 * s3 + x1 * t3 + x2 * u3 + x3 * v3;
      x0 = v[20];
      x1 = v[21];
      x2 = v[22];
      x3 = v[23];
      f0 = f0 + x0 * s0 + x1 * t0 + x2 * u0 + x3 * v0;
      f1 = f1 + x0 * s1 + x1 * t1 + x2 * u1 + x3 * v1;
      f2 = f2 + x0 * s2 + x1 * t2 + x2 * u2 + x3 * v2;
      f3 = f3 + x0 * s3 + x1 * t3 + x2 * u3 + x3 * v3;
      x0 = v[24];
      x1 = v[25];
      x2 = v[26];
      x3 = v[27];
      g0 = g0 + x0 * s0 + x1 * t0 + x2 * u0 + x3 * v0;
      g1 = g1 + x0 * s1 + x1 * t1 + x2 * u1 + x3 * v1;
      g2 = g2 + x0 * s2 + x1 * t2 + x2 * u2 + x3 * v2;
      g3 = g3 + x0 * s3 + x1 * t3 + x2 * u3 + x3 * v3;
      x0 = v[28];
      x1 = v[29];
      x2 = v[30];
      x3 = v[31];
      h0 = h0 + x0 * s0 + x1 * t0 + x2 * u0 + x3 * v0;
      h1 = h1 + x0 * s1 + x1 * t1 + x2 * u1 + x3 * v1;
      h2 = h2 + x0 * s2 + x1 * t2 + x2 * u2 + x3 * v2;
      h3 = h3 + x0 * s3 + x1 * t3 + x2 * u3 + x3 * v3;
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
    sums[4] = b0;
    sums[5] = b1;
    sums[6] = b2;
    sums[7] = b3;
    sums[8] = c0;
    sums[9] = c1;
    sums[10] = c2;
    sums[11] = c3;
    sums[12] = d0;
    sums[13] = d1;
    sums[14] = d2;
    sums[15] = d3;
    sums[16] = e0;
    sums[17] = e1;
    sums[18] = e2;
    sums[19] = e3;
    sums[20] = f0;
    sums[21] = f1;
    sums[22] = f2;
    sums[23] = f3;
    sums[24] = g0;
    sums[25] = g1;
    sums[26] = g2;
    sums[27] = g3;
    sums[28] = h0;
    sums[29] = h1;
    sums[30] = h2;
    sums[31] = h3;
  }

  /**
   * Sums of `rows` rows and the block of columns whose first pair is `c`, from the packed biases in `first` on.
   * All but the last LONGEST steps go to the carries; false when there was no need.
   */
  function sumBlock(rows: number, p: Float64Array[], steps: number, first: Float64Array, c: number): boolean {
    const sum = rows === 1 ? sumOne : sumTile;
    const pairs = rows * (NR / 2);
    const block = (c / (NR / 2)) * steps;
    let at = 0;
    for (; steps - at > LONGEST; at += LONGEST) {
      sum(p, block, at, at + LONGEST, first, c);
      for (let i = 0; i < pairs; i++) {
        const high = sums[i] + MAGIC - MAGIC;
        carryLow[i] = (at > 0 ? carryLow[i] : 0) + (sums[i] - high) / LOW;
        carryHigh[i] = (at > 0 ? carryHigh[i] : 0) + high;
      }
    }
    sum(p, block, at, steps, first, c);
    return at > 0;
  }

  /** A tile of whole blocks, single rounding, sums that are float32 as they are: what most models consist of. */
  function storeSmall(
    rows: number,
    scale: number,
    y: number,
    yStride: number,
    floor: number,
    ceiling: number,
    unmagic: number,
  ): void {
    const { i8, f32 } = heap;
    const fround = Math.fround;
    let i = 0;
    for (let r = 0; r < rows; r++) {
      let s = scale;
      let to = y + r * yStride;
      for (const end = i + NR / 2; i < end; i++) {
        const sum = sums[i];
        const high = sum + MAGIC - MAGIC;
        let v = fround(((sum - high) / LOW) * f32[s++]);
        if (v < floor) v = floor;
        else if (v > ceiling) v = ceiling;
        i8[to++] = v + MAGIC - unmagic;
        v = fround(high * f32[s++]);
        if (v < floor) v = floor;
        else if (v > ceiling) v = ceiling;
        i8[to++] = v + MAGIC - unmagic;
      }
    }
  }

  return (record, m, n, k, a, aStride, w, bias, requant, shiftsAfter, y, yStride) => {
    const { i8, i32, f32 } = heap;
    const fround = Math.fround;
    const matrix = matrixAt(w, bias, n, k);
    const p = matrix.weights;
    const biases = matrix.biases;
    const fields = record >>> 2;
    const zeroPoint = i32[fields + (M_ZERO_POINT >> 2)];
    const min = i32[fields + (M_MIN >> 2)];
    const max = i32[fields + (M_MAX >> 2)];
    const isDouble = i32[fields + (M_ROUNDING >> 2)] === ROUNDING_DOUBLE;
    const weightZeroPoint = i32[fields + (M_WEIGHT_ZERO_POINT >> 2)];
    limits[0] = min - zeroPoint;
    limits[1] = max - zeroPoint;
    const floor = limits[0];
    const ceiling = limits[1];
    const unmagic = MAGIC - zeroPoint;
    const isSmall = matrix.isSmall && weightZeroPoint === 0 && !isDouble;
    const scales = requant >>> 2;
    const shifts = (requant + shiftsAfter) >>> 2;
    const steps = (k + KR - 1) >> 2;
    let rows = 0;
    for (let row = 0; row < m; row += rows) {
      // A tile's other rows are computed for nothing, which pays from three on.
      rows = m - row < 3 ? 1 : Math.min(m - row, MR);
      takeRows(rows, k, a + row * aStride, aStride, weightZeroPoint);
      for (let c = 0; c < n; c += NR) {
        const carried = sumBlock(rows, p, steps, matrix.first, c / 2);
        const width = n - c < NR ? n - c : NR;
        if (isSmall && width === NR) {
          storeSmall(rows, scales + c, y + row * yStride + c, yStride, floor, ceiling, unmagic);
          continue;
        }
        for (let r = 0; r < rows; r++) {
          const term = terms[r];
          const out = y + (row + r) * yStride + c;
          for (let j = 0; j < width; j += 2) {
            const at = r * (NR / 2) + (j >> 1);
            const sum = sums[at];
            let high = sum + MAGIC - MAGIC;
            let low = (sum - high) / LOW;
            if (carried) {
              high += carryHigh[at];
              low += carryLow[at];
            }
            low += biases[c + j] + term;
            high += biases[c + j + 1] + term;
            if (isDouble) {
              let v = requantizeDouble(low, i32[scales + c + j], i32[shifts + c + j]) + zeroPoint;
              i8[out + j] = v < min ? min : v > max ? max : v;
              if (j + 1 < width) {
                v = requantizeDouble(high, i32[scales + c + j + 1], i32[shifts + c + j + 1]) + zeroPoint;
                i8[out + j + 1] = v < min ? min : v > max ? max : v;
              }
            } else {
              let v = fround(fround(low) * f32[scales + c + j]);
              v = v < floor ? floor : v > ceiling ? ceiling : v;
              i8[out + j] = v + MAGIC - unmagic;
              if (j + 1 < width) {
                v = fround(fround(high) * f32[scales + c + j + 1]);
                v = v < floor ? floor : v > ceiling ? ceiling : v;
                i8[out + j + 1] = v + MAGIC - unmagic;
              }
            }
          }
        }
      }
    }
  };
}

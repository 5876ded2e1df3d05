import { NR, ROUNDING_DOUBLE } from "../../assembly/codes.ts";
import { M_MAX, M_MIN, M_ROUNDING, M_WEIGHT_ZERO_POINT, M_ZERO_POINT } from "../../assembly/records.ts";
import type { Heap } from "./heap.ts";
import { LONGEST, LOW, type PackedMatrix, packMatrix } from "./pack.ts";
import { MAGIC, requantizeDouble } from "./requantize.ts";

/** Rows of a tile. */
const MR = 4;

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
  /** Activations of the tile as doubles, by k, then by row: interpreters multiply two doubles fastest. */
  let x = new Float64Array(0);
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

  function takeRows(rows: number, k: number, a: number, aStride: number, weightZeroPoint: number): void {
    const { i8 } = heap;
    if (x.length < k * MR) x = new Float64Array(k * MR);
    const v = x;
    const end = k * rows;
    for (let r = 0; r < rows; r++) {
      let from = a + r * aStride;
      for (let to = r; to < end; to += rows) v[to] = i8[from++];
      terms[r] = 0;
      if (weightZeroPoint === 0) continue;
      let sum = 0;
      for (let i = r; i < end; i += rows) sum += v[i];
      terms[r] = -weightZeroPoint * sum;
    }
  }

  /** Two steps of k at a time: a sum is then fetched and put away half as often. The odd step comes first. */
  function sumOne(
    p: Float64Array,
    from: number,
    at: number,
    k: number,
    first: Float64Array,
    c: number,
  ): void {
    const v = x;
    let i = at;
    let q = from;
    let s0 = first[c];
    let s1 = first[c + 1];
    let s2 = first[c + 2];
    let s3 = first[c + 3];
    if (k & 1) {
      s0 += v[i] * p[q];
      s1 += v[i] * p[q + 1];
      s2 += v[i] * p[q + 2];
      s3 += v[i] * p[q + 3];
      i++;
      q += 4;
    }
    for (const end = at + k; i < end; i += 2) {
      const a = v[i];
      const b = v[i + 1];
      s0 = s0 + a * p[q] + b * p[q + 4];
      s1 = s1 + a * p[q + 1] + b * p[q + 5];
      s2 = s2 + a * p[q + 2] + b * p[q + 6];
      s3 = s3 + a * p[q + 3] + b * p[q + 7];
      q += 8;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
  }

  /** As sumOne for four rows, four steps at a time. */
  function sumFour(
    p: Float64Array,
    from: number,
    at: number,
    k: number,
    first: Float64Array,
    c: number,
  ): void {
    const v = x;
    let i = at * MR;
    let q = from;
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
    for (const start = i + (k & 3) * MR; i < start; i += MR) {
      a0 += v[i] * p[q];
      a1 += v[i] * p[q + 1];
      a2 += v[i] * p[q + 2];
      a3 += v[i] * p[q + 3];
      b0 += v[i + 1] * p[q];
      b1 += v[i + 1] * p[q + 1];
      b2 += v[i + 1] * p[q + 2];
      b3 += v[i + 1] * p[q + 3];
      c0 += v[i + 2] * p[q];
      c1 += v[i + 2] * p[q + 1];
      c2 += v[i + 2] * p[q + 2];
      c3 += v[i + 2] * p[q + 3];
      d0 += v[i + 3] * p[q];
      d1 += v[i + 3] * p[q + 1];
      d2 += v[i + 3] * p[q + 2];
      d3 += v[i + 3] * p[q + 3];
      q += 4;
    }
    for (const end = (at + k) * MR; i < end; i += 4 * MR) {
      const e0 = p[q];
      const e1 = p[q + 1];
      const e2 = p[q + 2];
      const e3 = p[q + 3];
      const f0 = p[q + 4];
      const f1 = p[q + 5];
      const f2 = p[q + 6];
      const f3 = p[q + 7];
      const g0 = p[q + 8];
      const g1 = p[q + 9];
      const g2 = p[q + 10];
      const g3 = p[q + 11];
      const h0 = p[q + 12];
      const h1 = p[q + 13];
      const h2 = p[q + 14];
      const h3 = p[q + 15];
      q += 16;
      let w0 = v[i];
      let w1 = v[i + 4];
      let w2 = v[i + 8];
      let w3 = v[i + 12];
      a0 = a0 + w0 * e0 + w1 * f0 + w2 * g0 + w3 * h0;
      a1 = a1 + w0 * e1 + w1 * f1 + w2 * g1 + w3 * h1;
      a2 = a2 + w0 * e2 + w1 * f2 + w2 * g2 + w3 * h2;
      a3 = a3 + w0 * e3 + w1 * f3 + w2 * g3 + w3 * h3;
      w0 = v[i + 1];
      w1 = v[i + 5];
      w2 = v[i + 9];
      w3 = v[i + 13];
      b0 = b0 + w0 * e0 + w1 * f0 + w2 * g0 + w3 * h0;
      b1 = b1 + w0 * e1 + w1 * f1 + w2 * g1 + w3 * h1;
      b2 = b2 + w0 * e2 + w1 * f2 + w2 * g2 + w3 * h2;
      b3 = b3 + w0 * e3 + w1 * f3 + w2 * g3 + w3 * h3;
      w0 = v[i + 2];
      w1 = v[i + 6];
      w2 = v[i + 10];
      w3 = v[i + 14];
      c0 = c0 + w0 * e0 + w1 * f0 + w2 * g0 + w3 * h0;
      c1 = c1 + w0 * e1 + w1 * f1 + w2 * g1 + w3 * h1;
      c2 = c2 + w0 * e2 + w1 * f2 + w2 * g2 + w3 * h2;
      c3 = c3 + w0 * e3 + w1 * f3 + w2 * g3 + w3 * h3;
      w0 = v[i + 3];
      w1 = v[i + 7];
      w2 = v[i + 11];
      w3 = v[i + 15];
      d0 = d0 + w0 * e0 + w1 * f0 + w2 * g0 + w3 * h0;
      d1 = d1 + w0 * e1 + w1 * f1 + w2 * g1 + w3 * h1;
      d2 = d2 + w0 * e2 + w1 * f2 + w2 * g2 + w3 * h2;
      d3 = d3 + w0 * e3 + w1 * f3 + w2 * g3 + w3 * h3;
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
  }

  /**
   * Sums of `rows` rows and the block of columns whose first pair is `c`, from the packed biases in `first` on.
   * All but the last LONGEST of k go to the carries; false when there was no need.
   */
  function sumBlock(rows: number, p: Float64Array, k: number, first: Float64Array, c: number): boolean {
    const sum = rows === MR ? sumFour : sumOne;
    const pairs = rows * (NR / 2);
    const from = c * k;
    let at = 0;
    for (; k - at > LONGEST; at += LONGEST) {
      sum(p, from + at * (NR / 2), at, LONGEST, first, c);
      for (let i = 0; i < pairs; i++) {
        const high = sums[i] + MAGIC - MAGIC;
        carryLow[i] = (at > 0 ? carryLow[i] : 0) + (sums[i] - high) / LOW;
        carryHigh[i] = (at > 0 ? carryHigh[i] : 0) + high;
      }
    }
    sum(p, from + at * (NR / 2), at, k - at, first, c);
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
    let rows = 0;
    for (let row = 0; row < m; row += rows) {
      rows = m - row < MR ? 1 : MR;
      takeRows(rows, k, a + row * aStride, aStride, weightZeroPoint);
      for (let c = 0; c < n; c += NR) {
        const carried = sumBlock(rows, p, k, matrix.first, c / 2);
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

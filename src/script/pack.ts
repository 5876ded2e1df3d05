import { KR, NR } from "../../assembly/codes.ts";
import type { Heap } from "./heap.ts";

/** The scale of the first of two weights in one double: sums of both stay apart while each is below 2²⁵. */
export const LOW = 2 ** -26;

/** Steps of KR of the longest sum of int8 products that two packed weights can carry: K · 2¹⁴ < 2²⁵. */
export const LONGEST = 511;

/** One matrix in the order and the number type that the int8 GEMM reads. */
export interface PackedMatrix {
  n: number;
  k: number;
  bias: number;
  /**
   * Per 8 columns, per step of 4 k: four doubles for each k, w[even column] · 2⁻²⁶ + w[odd column], zero beyond k. A step
   * is an array by itself, because interpreters take as long to add to an index as to multiply.
   */
  weights: Float64Array[];
  /** What is still to be added to the sums of each column: its bias, or 0 where `first` has it. */
  biases: Float64Array;
  /** Where sums begin, packed as the weights. */
  first: Float64Array;
  /** Every sum with its bias is below 2²⁴, for weight zero point 0: it fits a packed sum, and is a float32. */
  isSmall: boolean;
}

/** Reads the file's int8 weight order (docs/format.md, weight format 1) and its biases. */
export function packMatrix({ i8, i32 }: Heap, w: number, bias: number, n: number, k: number): PackedMatrix {
  const columns = (n + NR - 1) & ~(NR - 1);
  const steps = (k + KR - 1) & ~(KR - 1);
  const all = new Float64Array((columns / 2) * steps);
  const weights: Float64Array[] = [];
  for (let at = w, to = 0; to < all.length; at += NR * KR) {
    const from = to;
    for (let i = 0; i < KR; i++)
      for (let pair = at + i; pair < at + NR * KR; pair += 2 * KR) all[to++] = i8[pair] * LOW + i8[pair + KR];
    weights.push(all.subarray(from, to));
  }
  const biases = new Float64Array(columns);
  const first = new Float64Array(columns / 2);
  let largest = 0;
  for (let c = 0; c < columns; c++) {
    biases[c] = i32[(bias >>> 2) + c];
    largest = Math.max(largest, Math.abs(biases[c]));
  }
  const isSmall = largest + k * 2 ** 14 < 2 ** 24;
  if (isSmall) {
    for (let c = 0; c < columns; c += 2) first[c / 2] = biases[c] * LOW + biases[c + 1];
    biases.fill(0);
  }
  return { n, k, bias, weights, biases, first, isSmall };
}

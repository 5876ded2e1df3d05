import { KR, NR } from "../../assembly/codes.ts";
import type { Heap } from "./heap.ts";

/** The scale of the first of two weights in one double: sums of both stay apart while each is below 2²⁵. */
export const LOW = 2 ** -26;

/** The longest sum of int8 products that two packed weights can carry: K · 2¹⁴ < 2²⁵. */
export const LONGEST = 2047;

/** One matrix in the order and the number type that the int8 GEMM reads. */
export interface PackedMatrix {
  n: number;
  k: number;
  bias: number;
  /** Per 8 columns, per k: four doubles, each w[even column] · 2⁻²⁶ + w[odd column]. */
  weights: Float64Array;
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
  const weights = new Float64Array((columns / 2) * k);
  let to = 0;
  for (let c = 0; c < columns; c += NR) {
    const block = w + c * steps;
    for (let i = 0; i < k; i++) {
      let at = block + (i & ~(KR - 1)) * NR + (i & (KR - 1));
      for (let pair = 0; pair < NR; pair += 2) {
        weights[to++] = i8[at] * LOW + i8[at + KR];
        at += 2 * KR;
      }
    }
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

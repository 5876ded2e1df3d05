import type { ResizeAttributes, ResizeTable, Rounding } from "../graph/graph.ts";
import { roundHalfEven } from "./rounding.ts";

/** Weights in units of 2^−(shift / 2), and how the sum, in units of 2^−shift, is rounded. */
export interface IntegerResize {
  rows: ResizeTable;
  columns: ResizeTable;
  rowWeights: Int32Array;
  columnWeights: Int32Array;
  shift: number;
  halvesAway: boolean;
}

/** Of each position all weights but the first are rounded; the first is what they leave of `one`. */
function quantizeWeights({ taps, weight }: ResizeTable, one: number): Int32Array | null {
  const out = new Int32Array(weight.length);
  for (let at = 0; at < weight.length; at += taps) {
    let rest = one;
    for (let t = 1; t < taps; t++) {
      out[at + t] = roundHalfEven(weight[at + t] * one);
      rest -= out[at + t];
    }
    out[at] = rest;
    if (out.subarray(at, at + taps).some((w) => w < 0)) return null;
  }
  return out;
}

/**
 * How int8 is resized: `single` as XNNPACK with 11 fraction bits, `double` as TFLite with 10 where it has tables of its
 * own. Null when a weight is negative (cubic).
 */
export function integerResize(
  attributes: ResizeAttributes,
  rounding: Rounding,
  wasUint8: boolean,
): IntegerResize | null {
  const { fixed } = attributes;
  const isFixed = rounding === "double" && fixed !== undefined;
  const { rows, columns } = isFixed ? fixed : attributes;
  const bits = isFixed ? 10 : 11;
  const rowWeights = quantizeWeights(rows, 2 ** bits);
  const columnWeights = quantizeWeights(columns, 2 ** bits);
  if (!rowWeights || !columnWeights) return null;
  // A uint8 sum is never negative, so its halves go up, and so do they seen from int8.
  return { rows, columns, rowWeights, columnWeights, shift: 2 * bits, halvesAway: isFixed && !wasUint8 };
}

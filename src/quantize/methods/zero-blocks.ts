/** Blocks of weights that are zero before anything is rounded: a sparse model stays one. */

import type { Node } from "../../graph/graph.ts";
import { type LayerMatrix, matrixOf } from "../layers/matrix.ts";
import { isPlain, type LayerScheme } from "../schemes.ts";

/** Fewer zero blocks than this are chance, and the sparse kernel would lose time. */
const least = 0.15;

/**
 * Plain rounding leaves zeros alone. Where second-order methods could fill them, or a grid has no place for them, as many
 * blocks are pruned as there are zero ones: blocks without weights are the first to go.
 */
export function keepZeroBlocks(schemes: Map<Node, LayerScheme>): void {
  for (const [node, scheme] of schemes) {
    if (isPlain(scheme) || scheme.scheme.startsWith("float")) continue;
    const matrix = matrixOf(node);
    const share = matrix?.groups === 1 ? zeroShare(matrix, scheme.pruneBlock) : 0;
    if (share >= least && share > scheme.prune && share < 1) schemes.set(node, { ...scheme, prune: share });
  }
}

/** The share of blocks that are zero throughout. */
export function zeroShare(
  { n, k, at, weights }: Pick<LayerMatrix, "n" | "k" | "at" | "weights">,
  [height, width]: readonly [number, number],
): number {
  const data = weights.data!;
  const isZero = (row: number, i: number): boolean => {
    for (let r = row; r < Math.min(n, row + height); r++)
      for (let j = i; j < Math.min(k, i + width); j++) if (Number(data[at(r, j)]) !== 0) return false;
    return true;
  };
  let [zero, all] = [0, 0];
  for (let row = 0; row < n; row += height)
    for (let i = 0; i < k; i += width, all++) if (isZero(row, i)) zero++;
  return zero / all;
}

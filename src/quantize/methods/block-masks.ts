/** Blocks of weights that go together, and which of all layers' blocks matter least. */

import type { Trained } from "../gradient/layer.ts";
import type { LayerScheme } from "../schemes.ts";

/** The blocks of one layer, and which of them are gone. */
export interface BlockMask {
  trained: Trained;
  /** Of the blocks, that is to go. */
  share: number;
  block: readonly [number, number];
  gone: Uint8Array;
  /** Of each block: a running mean square of what the loss changes by when it goes, to first order. */
  scores: Float64Array;
  /** 1 for weights that stay. */
  mask: Uint8Array;
}

/** What each batch keeps of the scores. */
const memory = 0.98;
/** No layer loses more of its blocks than this. */
const largestShare = 0.95;

export function blockMask(trained: Trained, { prune, pruneBlock }: LayerScheme): BlockMask {
  const { n, k } = trained.layer;
  const count = Math.ceil(n / pruneBlock[0]) * Math.ceil(k / pruneBlock[1]);
  const mask = new Uint8Array(n * k).fill(1);
  const scores = new Float64Array(count);
  return { trained, share: prune, block: pruneBlock, gone: new Uint8Array(count), scores, mask };
}

export const countGone = ({ gone }: BlockMask): number => gone.reduce((sum, g) => sum + g, 0);

/** Calls `each` with every weight and its block. */
function visit({ trained, block }: BlockMask, each: (at: number, block: number) => void): void {
  const { n, k } = trained.layer;
  const across = Math.ceil(k / block[1]);
  for (let row = 0, at = 0; row < n; row++)
    for (let i = 0; i < k; i++, at++)
      each(at, Math.floor(row / block[0]) * across + Math.floor(i / block[1]));
}

/** Takes the gradients of one batch into the scores. */
export function addChanges(mask: BlockMask): void {
  const { scores, trained } = mask;
  const { value, gradient } = trained.weights;
  const changes = new Float64Array(scores.length);
  visit(mask, (at, block) => {
    changes[block] += value[at] * gradient[at];
  });
  for (let b = 0; b < scores.length; b++) scores[b] = memory * scores[b] + (1 - memory) * changes[b] ** 2;
}

/** Takes out the blocks of least score, over all layers, until `progress` of what is to go is gone. */
export function cut(masks: readonly BlockMask[], progress: number): void {
  const wanted = masks.reduce((sum, { gone, share }) => sum + share * gone.length, 0) * progress;
  let lost = masks.reduce((sum, mask) => sum + countGone(mask), 0);
  const left = masks.map((mask) => Math.floor(mask.gone.length * largestShare) - countGone(mask));
  const places = masks.flatMap(({ gone }, layer) => Array.from(gone, (_, at) => ({ layer, at })));
  // Of equal scores the first goes first.
  places.sort((a, b) => masks[a.layer].scores[a.at] - masks[b.layer].scores[b.at]);
  for (const { layer, at } of places) {
    if (lost + 1 > wanted) break;
    if (masks[layer].gone[at] === 1 || left[layer] <= 0) continue;
    masks[layer].gone[at] = 1;
    left[layer]--;
    lost++;
  }
  for (const mask of masks)
    visit(mask, (at, block) => {
      if (mask.gone[block] === 1) mask.mask[at] = 0;
    });
}

/** Nothing of what is gone is trained or computed with. */
export function apply({ trained, mask }: BlockMask): void {
  const { value } = trained.weights;
  for (let i = 0; i < value.length; i++) if (mask[i] === 0) value[i] = 0;
}

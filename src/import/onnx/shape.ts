import { NibbleError } from "../../runtime/errors.ts";

/** 2²⁸ elements, 1 GiB of float32: no model for this runtime comes near, so more is a damaged file. */
const maxElements = 2 ** 28;
const maxRank = 16;

/** The product of `shape` after checking rank, every dimension and the product itself. */
export function checkedCount(shape: readonly number[], where: string): number {
  if (shape.length > maxRank) {
    throw new NibbleError(
      "bad-file",
      `${where}: expected at most ${maxRank} dimensions, found ${shape.length}`,
    );
  }
  let count = 1;
  for (const d of shape) {
    if (!Number.isSafeInteger(d) || d < 0) {
      throw new NibbleError(
        "bad-file",
        `${where}: expected dimensions of 0 or more, found [${shape.join(", ")}]`,
      );
    }
    count *= d;
  }
  if (count > maxElements || shape.some((d) => d > maxElements)) {
    throw new NibbleError(
      "bad-file",
      `${where}: expected at most ${maxElements} elements, found the shape [${shape.join(", ")}]`,
    );
  }
  return count;
}

/** `axis` counted from the front; −1 is the last of `rank` dimensions. */
export function normalAxis(axis: number, rank: number, where: string): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(normal) && normal >= 0 && normal < rank) return normal;
  throw new NibbleError("bad-file", `${where}: expected an axis of ${rank} dimensions, found ${axis}`);
}

/** Distinct axes, counted from the front, ascending. */
export function normalAxes(axes: readonly number[], rank: number, where: string): number[] {
  const normal = axes.map((axis) => normalAxis(axis, rank, where)).sort((a, b) => a - b);
  if (new Set(normal).size === normal.length) return normal;
  throw new NibbleError("bad-file", `${where}: expected distinct axes, found [${axes.join(", ")}]`);
}

/** numpy's broadcast of two shapes. */
export function broadcastShape(a: readonly number[], b: readonly number[], where: string): number[] {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) {
    const p = a[a.length - rank + i] ?? 1;
    const q = b[b.length - rank + i] ?? 1;
    if (p !== q && p !== 1 && q !== 1) {
      throw new NibbleError(
        "bad-file",
        `${where}: expected shapes that broadcast, found [${a.join(", ")}] and [${b.join(", ")}]`,
      );
    }
    shape.push(p === 1 ? q : p);
  }
  return shape;
}

/** Whether `perm` holds each of 0 … rank − 1 once. */
export const isPermutation = (perm: readonly number[], rank: number): boolean =>
  perm.length === rank &&
  new Set(perm).size === rank &&
  perm.every((p) => Number.isInteger(p) && p >= 0 && p < rank);

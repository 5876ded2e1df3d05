import { COPY_RANK } from "../../assembly/records.ts";

/** Strides, in elements, of a dense tensor. */
export function denseStrides(shape: readonly number[]): number[] {
  const strides: number[] = new Array(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

/** Strides of `shape` as seen from `target`, numpy's broadcasting: 0 where it repeats. */
export function broadcastStrides(shape: readonly number[], target: readonly number[]): number[] {
  const dense = denseStrides(shape);
  const lead = target.length - shape.length;
  return target.map((_, i) => (i < lead || shape[i - lead] === 1 ? 0 : dense[i - lead]));
}

export interface Loops {
  dims: number[];
  strides: number[][];
}

/** The same nest of loops without those of one step, and neighbours that every operand walks in one stride merged. */
export function mergeLoops(dims: readonly number[], strides: readonly number[][]): Loops {
  const out: Loops = { dims: [], strides: strides.map(() => []) };
  for (let i = 0; i < dims.length; i++) {
    const size = dims[i];
    if (size === 1) continue;
    const last = out.dims.length - 1;
    const merges = last >= 0 && strides.every((s, j) => out.strides[j][last] === s[i] * size);
    if (merges) {
      out.dims[last] *= size;
      for (const [j, s] of strides.entries()) out.strides[j][last] = s[i];
    } else {
      out.dims.push(size);
      for (const [j, s] of strides.entries()) out.strides[j].push(s[i]);
    }
  }
  return out;
}

/** The same nest of loops, merged, in COPY_RANK dimensions: ones are put in front. Null when more are left. */
export function collapse(dims: readonly number[], strides: readonly number[][]): Loops | null {
  const out = mergeLoops(dims, strides);
  if (out.dims.length > COPY_RANK) return null;
  while (out.dims.length < COPY_RANK) {
    out.dims.unshift(1);
    for (const s of out.strides) s.unshift(0);
  }
  return out;
}

/** What a row costs beside its elements, or one that is copied as a whole, in elements moved one by one. */
const ROW = 16;

/**
 * For loops whose order does not matter: another dimension last, the one that the engine walks in rows, where rows of
 * the last one are so short that this pays. Rows with strides of 1 are copied as a whole.
 */
export function withBestRows({ dims, strides }: Loops): Loops {
  const all = dims.reduce((a, b) => a * b, 1);
  const cost = (d: number): number =>
    (all / dims[d]) * (strides.every((s) => s[d] === 1) ? 2 * ROW + dims[d] / 16 : ROW + dims[d]);
  const last = dims.length - 1;
  let best = last;
  for (let d = 0; d < last; d++) if (cost(d) * 1.25 < cost(best)) best = d;
  const turned = (list: readonly number[]): number[] => [...list.filter((_, d) => d !== best), list[best]];
  return { dims: turned(dims), strides: strides.map(turned) };
}

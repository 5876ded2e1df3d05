import type { ResizeTable } from "../../graph/graph.ts";
import { pickTable } from "../resample.ts";
import {
  checkActivation,
  checkRank,
  checkSameType,
  checkShape,
  emit,
  input,
  integers,
  isQuantized,
  type Operator,
  optionsOf,
  output,
  refused,
  wrong,
} from "./operator.ts";
import { readBool } from "./reader.ts";
import { options } from "./schema.ts";

const f = Math.fround;

interface Sampling {
  alignCorners: boolean;
  halfPixel: boolean;
}

/** Input positions per output position. */
const scaleOf = (from: number, to: number, { alignCorners }: Sampling): number =>
  alignCorners && to > 1 ? f((from - 1) / (to - 1)) : f(from / to);

function nearestTable(from: number, to: number, sampling: Sampling): ResizeTable {
  const scale = scaleOf(from, to, sampling);
  return pickTable(from, to, (i) => {
    const at = f((i + (sampling.halfPixel ? 0.5 : 0)) * scale);
    // Halves go away from zero; no position lies below it.
    return sampling.alignCorners ? Math.floor(at + 0.5) : Math.floor(at);
  });
}

/** The two neighbours of each position, weighted by their distance. */
function pairTable(from: number, to: number, at: (i: number) => number): ResizeTable {
  const index = new Int32Array(2 * to);
  const weight = new Float32Array(2 * to);
  for (let i = 0; i < to; i++) {
    const position = at(i);
    const first = Math.min(Math.floor(position), from - 1);
    index.set([first, Math.min(first + 1, from - 1)], 2 * i);
    const rest = f(position - first);
    weight.set([f(1 - rest), rest], 2 * i);
  }
  return { taps: 2, index, weight };
}

function bilinearTable(from: number, to: number, sampling: Sampling): ResizeTable {
  const scale = scaleOf(from, to, sampling);
  const offset = f(f(0.5 * scale) - 0.5);
  const at = (i: number): number => (sampling.halfPixel ? f(f(i * scale) + offset) : f(i * scale));
  return pairTable(from, to, (i) => Math.min(Math.max(at(i), 0), from - 1));
}

/** TFLite's own int8 rule: positions in 1/1024, from integers. */
function fixedTable(from: number, to: number, { alignCorners, halfPixel }: Sampling): ResizeTable {
  const scale =
    alignCorners && to > 1
      ? Math.floor(((from - 1) * 1024 + Math.floor((to - 1) / 2)) / (to - 1))
      : Math.floor((from * 1024 + Math.floor(to / 2)) / to);
  const table = pairTable(from, to, (i) => {
    const at = halfPixel ? i * scale + Math.floor(scale / 2) - 512 : i * scale;
    return Math.max(at, 0) / 1024;
  });
  for (let i = 1; i < table.weight.length; i += 2) {
    // Past the last pixel both neighbours are that pixel, whatever their weights.
    if (table.weight[i] > 1) table.weight.set([0, 1], i - 1);
  }
  return table;
}

function readResize(operator: Operator, ids: { type: number; alignCorners: number; halfPixel: number }) {
  const x = input(operator, 0);
  const y = output(operator);
  for (const tensor of [x, y]) {
    checkActivation(operator, tensor);
    checkRank(operator, tensor, 4);
  }
  checkSameType(operator, x, y);
  const size = integers(operator, 1, 2);
  const [batch, height, width, channels] = x.shape;
  if (size.length !== 2) throw wrong(operator, `a size of ${size.length} values, expected 2`);
  checkShape(operator, y, [batch, ...size, channels]);
  const table = optionsOf(operator, ids.type);
  const sampling: Sampling = {
    alignCorners: table !== undefined && readBool(table, ids.alignCorners),
    halfPixel: table !== undefined && readBool(table, ids.halfPixel),
  };
  if (sampling.alignCorners && sampling.halfPixel)
    throw refused(operator, "align_corners together with half_pixel_centers");
  const tables = (make: typeof nearestTable) => ({
    rows: make(height, size[0], sampling),
    columns: make(width, size[1], sampling),
  });
  return { x, tables };
}

export function convertResizeNearest(operator: Operator): void {
  const { x, tables } = readResize(operator, options.resizeNearest);
  emit(operator, "resize2d", [x], { axis: 1, ...tables(nearestTable) });
}

export function convertResizeBilinear(operator: Operator): void {
  const { x, tables } = readResize(operator, options.resizeBilinear);
  const fixed = isQuantized(x.dtype) ? { fixed: tables(fixedTable) } : {};
  emit(operator, "resize2d", [x], { axis: 1, ...tables(bilinearTable), ...fixed });
}

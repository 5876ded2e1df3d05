/** The sliding windows of convolutions and pools: strides, dilation, padding in numbers. */
import type { Padding, Tensor } from "../../graph/graph.ts";
import { checkShape, type Operator, refused, wrong } from "./operator.ts";
import { readInt8, readInt32, type Table } from "./reader.ts";
import { padding as schemes } from "./schema.ts";

export type Pair = [height: number, width: number];

const mostSteps = 1 << 16;

/** Two sizes of a window, each 1 to 65536; `otherwise` where the file leaves one out. */
export function readPair(
  operator: Operator,
  options: Table,
  what: string,
  fieldH: number,
  fieldW: number,
  otherwise = 0,
): Pair {
  const pair: Pair = [readInt32(options, fieldH, otherwise), readInt32(options, fieldW, otherwise)];
  if (pair.some((n) => n < 1)) throw wrong(operator, `${what} ${pair.join("×")}, expected at least 1×1`);
  if (pair.some((n) => n > mostSteps))
    throw refused(operator, `${what} ${pair.join("×")} above ${mostSteps}`);
  return pair;
}

/** Padding before and after one dimension, and the number of windows that fit. */
function place(
  operator: Operator,
  scheme: number,
  size: number,
  kernel: number,
  stride: number,
): [before: number, after: number, count: number] {
  if (scheme === schemes.same) {
    const count = Math.ceil(size / stride);
    const total = Math.max(0, (count - 1) * stride + kernel - size);
    const before = Math.floor(total / 2);
    return [before, total - before, count];
  }
  if (scheme !== schemes.valid) throw wrong(operator, `padding code ${scheme}`);
  if (kernel > size) throw wrong(operator, `a window of ${kernel} does not fit an input of ${size}`);
  return [0, 0, Math.floor((size - kernel) / stride) + 1];
}

/** The scheme in `field` as numbers; y's shape has to be the one that follows from them. */
export function resolvePadding(
  operator: Operator,
  options: Table,
  field: number,
  x: Tensor,
  y: Tensor,
  channels: number,
  kernel: Pair,
  stride: Pair,
  dilation: Pair = [1, 1],
): Padding {
  const scheme = readInt8(options, field);
  const [batch, height, width] = x.shape;
  const reach = (i: 0 | 1) => (kernel[i] - 1) * dilation[i] + 1;
  const [top, bottom, rows] = place(operator, scheme, height, reach(0), stride[0]);
  const [left, right, columns] = place(operator, scheme, width, reach(1), stride[1]);
  checkShape(operator, y, [batch, rows, columns, channels]);
  return { top, left, bottom, right };
}

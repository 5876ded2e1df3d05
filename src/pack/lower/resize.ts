import { OP_RESIZE, ROUNDING_DOUBLE, ROUNDING_SINGLE } from "../../../assembly/codes.ts";
import {
  RESIZE_RECORD_BYTES,
  Z_COLUMN_TAPS,
  Z_COLUMNS,
  Z_HEIGHT,
  Z_INNER,
  Z_OUT_HEIGHT,
  Z_OUT_WIDTH,
  Z_OUTER,
  Z_ROUNDING,
  Z_ROW_TAPS,
  Z_ROWS,
  Z_SHIFT,
  Z_WIDTH,
} from "../../../assembly/records.ts";
import { elementCount, type NodeOf, type ResizeTable } from "../../graph/graph.ts";
import { integerResize } from "../../numerics/resize.ts";
import { inputOf, type Lowering, sameQuantization, unsupported } from "../lowering.ts";
import { record } from "../record.ts";

/** As assembly/ops/resize.ts checks. */
const mostTaps = 1024;

/** Entries of { u32 index, weight }. */
function tableBytes({ index }: ResizeTable, weights: Float32Array | Int32Array): Uint32Array {
  const bits = new Uint32Array(weights.buffer, weights.byteOffset, weights.length);
  const table = new Uint32Array(2 * index.length);
  index.forEach((at, i) => {
    table[2 * i] = at;
    table[2 * i + 1] = bits[i];
  });
  return table;
}

export function lowerResize(lowering: Lowering, node: NodeOf<"resize2d">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  const { axis } = node.attributes;
  const isFloat = y.dtype === "float32";
  if (!isFloat && !sameQuantization(x, y))
    throw unsupported(node.op, node.name, `"${x.name}" and "${y.name}" differ in scale or zero point`);
  const integer = isFloat
    ? undefined
    : integerResize(node.attributes, lowering.rounding, lowering.wasUint8(y));
  if (integer === null)
    throw unsupported(node.op, node.name, "int8 weights have to be non-negative; use nearest or linear");
  const { rows, columns } = integer ?? node.attributes;
  const taps = Math.max(rows.taps, columns.taps);
  if (taps > mostTaps)
    throw unsupported(node.op, node.name, `${taps} inputs a position; at most ${mostTaps} are read`);
  const add = (table: ResizeTable, weights?: Int32Array): number =>
    lowering.weights.add(tableBytes(table, weights ?? table.weight));
  lowering.emit({
    node: node.name,
    record: record(OP_RESIZE, RESIZE_RECORD_BYTES, [
      [Z_OUTER, elementCount(x.shape.slice(0, axis))],
      [Z_HEIGHT, x.shape[axis]],
      [Z_WIDTH, x.shape[axis + 1]],
      [Z_INNER, elementCount(x.shape.slice(axis + 2))],
      [Z_OUT_HEIGHT, y.shape[axis]],
      [Z_OUT_WIDTH, y.shape[axis + 1]],
      [Z_ROW_TAPS, rows.taps],
      [Z_COLUMN_TAPS, columns.taps],
      [Z_ROWS, add(rows, integer?.rowWeights)],
      [Z_COLUMNS, add(columns, integer?.columnWeights)],
      [Z_SHIFT, integer?.shift ?? 0],
      [Z_ROUNDING, integer?.halvesAway ? ROUNDING_DOUBLE : ROUNDING_SINGLE],
    ]),
    input: x,
    input2: null,
    output: y,
    scratchBytes: 0,
    scratchField: 0,
  });
}

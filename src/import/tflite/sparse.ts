/** Sparse constants: the levels of a tensor's sparsity parameters, walked into a dense array. */
import { elementCount, type TensorData } from "../../graph/graph.ts";
import { badFile, quote } from "./errors.ts";
import type { TensorRecord } from "./model.ts";
import { readInt32, readInt32s, readTable, readTables, readUint8, type Table, viewBytes } from "./reader.ts";
import { fields } from "./schema.ts";

/** One dimension in traversal order: dense, or a list of indices for each index of the level above. */
type Level = { size: number } | { segments: number[]; indices: number[] };

/** Members of the union SparseIndexVector by their width in bytes; the vector is the table's only field. */
const indexWidths = [0, 4, 2, 1];

function readIndices(table: Table, typeField: number, field: number): number[] {
  const width = indexWidths[readUint8(table, typeField)];
  const holder = readTable(table, field);
  if (!width || !holder) return [];
  if (width === 4) return readInt32s(holder, 0);
  // A vector counts its elements, and bytes are all that a view of it needs.
  const bytes = viewBytes(holder, 0, width);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / width }, (_, i) =>
    width === 1 ? view.getUint8(i) : view.getUint16(2 * i, true),
  );
}

function readLevel(table: Table, where: string): Level {
  const ids = fields.dimensionMetadata;
  if (readUint8(table, ids.format) === 0) return { size: readInt32(table, ids.denseSize) };
  const segments = readIndices(table, ids.segmentsType, ids.segments);
  const indices = readIndices(table, ids.indicesType, ids.indices);
  // Segments that follow one another visit every index once, so that no file makes the walk longer than itself.
  const follows = segments.every((at, i) => at >= (segments[i - 1] ?? 0));
  if (!follows || (segments[0] ?? 0) !== 0 || (segments.at(-1) ?? 0) !== indices.length) {
    throw badFile(
      `${where}: segments of a sparse dimension do not follow one another over its ${indices.length} indices`,
    );
  }
  return { segments, indices };
}

/** Where each level leads: the dimension of the tensor, and how far one step is there. */
interface Step {
  dimension: number;
  stride: number;
}

/**
 * The dense elements of a sparse constant whose stored values are `stored`; what is not stored is 0.
 *
 * @throws NibbleError "bad-file" where levels contradict the shape or the number of values
 */
export function densify<T extends TensorData>(record: TensorRecord, sparsity: Table, stored: T): T {
  const where = `tensor ${quote(record.name)}`;
  const { shape } = record;
  const rank = shape.length;
  const order = readInt32s(sparsity, fields.sparsity.traversalOrder);
  const blockMap = readInt32s(sparsity, fields.sparsity.blockMap);
  const levels = readTables(sparsity, fields.sparsity.dimensions).map((table) => readLevel(table, where));
  const count = rank + blockMap.length;
  const isOrder = new Set(order).size === count && order.every((d) => d >= 0 && d < count);
  if (
    order.length !== count ||
    levels.length !== count ||
    !isOrder ||
    blockMap.some((d) => d < 0 || d >= rank)
  ) {
    throw badFile(
      `${where}: ${levels.length} sparsity levels in the order [${order.join()}] with blocks of [${blockMap.join()}] do ` +
        `not fit ${rank} dimensions`,
    );
  }
  // A block's own dimension is dense: its size is the step of the dimension that it divides.
  const blockSizes = new Array<number>(rank).fill(1);
  blockMap.forEach((dimension, i) => {
    const level = levels[order.indexOf(rank + i)];
    blockSizes[dimension] = "size" in level ? level.size : 0;
  });
  if (blockSizes.some((size, d) => size < 1 || shape[d] % size !== 0)) {
    throw badFile(`${where}: blocks of [${blockSizes.join()}] do not divide the shape [${shape.join()}]`);
  }
  const steps = order.map((d): Step => {
    const isBlock = d >= rank;
    const dimension = isBlock ? blockMap[d - rank] : d;
    return { dimension, stride: isBlock ? 1 : blockSizes[dimension] };
  });

  const dense = new (stored.constructor as new (n: number) => T)(elementCount(shape));
  const strides = shape.map((_, d) => elementCount(shape.slice(d + 1)));
  const position = new Array<number>(rank).fill(0);
  let used = 0;
  const visit = (at: number, row: number, offset: number): void => {
    if (at === count) {
      if (row >= stored.length)
        throw badFile(`${where}: ${stored.length} stored values, index ${row} is used`);
      dense[offset] = stored[row];
      used++;
      return;
    }
    const { dimension, stride } = steps[at];
    const go = (index: number, next: number): void => {
      const moved = position[dimension] + index * stride;
      if (index < 0 || moved >= shape[dimension]) {
        throw badFile(`${where}: index ${index} of level ${at} lies outside of the shape [${shape.join()}]`);
      }
      position[dimension] = moved;
      visit(at + 1, next, offset + index * stride * strides[dimension]);
      position[dimension] -= index * stride;
    };
    const level = levels[at];
    if ("size" in level) {
      for (let i = 0; i < level.size; i++) go(i, row * level.size + i);
      return;
    }
    if (row + 1 >= level.segments.length) throw badFile(`${where}: level ${at} has no segment ${row}`);
    for (let i = level.segments[row]; i < level.segments[row + 1]; i++) go(level.indices[i], i);
  };
  visit(0, 0, 0);
  if (used !== stored.length) {
    throw badFile(`${where}: ${stored.length} values are stored, its levels name ${used}`);
  }
  return dense;
}

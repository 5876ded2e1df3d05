/**
 * Checked access to a FlatBuffer: every offset is compared with the file's length before it is followed,
 * nothing recurses, and the memory that decoding takes is limited in total, so that a file of tables that all point at
 * one long vector can't exhaust memory or time. What fails is `NibbleError("bad-file")`.
 */
import { ByteBuffer } from "flatbuffers";
import { badFile } from "./errors.ts";

interface Reader {
  buffer: ByteBuffer;
  length: number;
  /** Bytes of memory that decoding may still take. */
  budget: number;
}

export interface Table {
  reader: Reader;
  position: number;
  vtable: number;
  vtableBytes: number;
}

interface Vector {
  start: number;
  count: number;
}

const minimumBudget = 64 << 20;
const budgetPerFileByte = 8;
/** What one table of a vector takes in memory once it is decoded, roughly. */
const tableCost = 256;
const utf8 = new TextDecoder();

function check(reader: Reader, start: number, bytes: number): void {
  if (start >= 0 && start + bytes <= reader.length) return;
  throw badFile(
    `damaged or truncated: bytes ${start} to ${start + bytes} are needed, the file has ${reader.length}; ` +
      "fetch or convert the model again",
  );
}

/** Takes `bytes` from what decoding may still use. */
export function spend(reader: Reader, bytes: number): void {
  reader.budget -= bytes;
  if (reader.budget < 0) {
    throw badFile("damaged: far more tables refer to the same bytes than a model of this size has tensors");
  }
}

function tableAt(reader: Reader, position: number): Table {
  check(reader, position, 4);
  const vtable = position - reader.buffer.readInt32(position);
  check(reader, vtable, 4);
  const vtableBytes = reader.buffer.readUint16(vtable);
  check(reader, vtable, vtableBytes);
  return { reader, position, vtable, vtableBytes };
}

/** Where the offset stored at `position` leads. */
function follow(reader: Reader, position: number): number {
  return position + reader.buffer.readUint32(position);
}

/** The root table, after the file identifier was found where it has to be. */
export function openRoot(bytes: Uint8Array, identifier: string): Table {
  // A plain view: a Node Buffer's `slice` would not copy.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const reader: Reader = {
    buffer: new ByteBuffer(plain),
    length: bytes.length,
    budget: Math.max(minimumBudget, budgetPerFileByte * bytes.length),
  };
  const found = utf8.decode(plain.subarray(4, 8));
  if (found !== identifier) {
    throw badFile(`not a TFLite model: expected "${identifier}" at byte 4, found ${JSON.stringify(found)}`);
  }
  return tableAt(reader, follow(reader, 0));
}

/** Position of a field of `width` bytes, or 0 where the table does not have it. */
function locate(table: Table, field: number, width: number): number {
  const slot = 4 + 2 * field;
  if (slot + 2 > table.vtableBytes) return 0;
  const offset = table.reader.buffer.readUint16(table.vtable + slot);
  if (offset === 0) return 0;
  check(table.reader, table.position + offset, width);
  return table.position + offset;
}

export function readInt8(table: Table, field: number): number {
  const at = locate(table, field, 1);
  return at === 0 ? 0 : table.reader.buffer.readInt8(at);
}

export function readUint8(table: Table, field: number): number {
  const at = locate(table, field, 1);
  return at === 0 ? 0 : table.reader.buffer.readUint8(at);
}

export function readBool(table: Table, field: number): boolean {
  return readUint8(table, field) !== 0;
}

export function readInt32(table: Table, field: number, otherwise = 0): number {
  const at = locate(table, field, 4);
  return at === 0 ? otherwise : table.reader.buffer.readInt32(at);
}

export function readUint32(table: Table, field: number): number {
  return readInt32(table, field) >>> 0;
}

export function readFloat32(table: Table, field: number): number {
  const at = locate(table, field, 4);
  return at === 0 ? 0 : table.reader.buffer.readFloat32(at);
}

/** Rounded beyond 2⁵³, which no offset or size in a file reaches. */
export function readUint64(table: Table, field: number): number {
  const at = locate(table, field, 8);
  return at === 0 ? 0 : Number(table.reader.buffer.readUint64(at));
}

export function readTable(table: Table, field: number): Table | undefined {
  const at = locate(table, field, 4);
  return at === 0 ? undefined : tableAt(table.reader, follow(table.reader, at));
}

function locateVector(table: Table, field: number, elementBytes: number): Vector {
  const { reader } = table;
  const at = locate(table, field, 4);
  if (at === 0) return { start: 0, count: 0 };
  const start = follow(reader, at);
  check(reader, start, 4);
  const count = reader.buffer.readUint32(start);
  check(reader, start + 4, count * elementBytes);
  return { start: start + 4, count };
}

function readVector<T>(
  table: Table,
  field: number,
  bytes: number,
  cost: number,
  read: (at: number) => T,
): T[] {
  const { start, count } = locateVector(table, field, bytes);
  spend(table.reader, count * cost);
  return Array.from({ length: count }, (_, i) => read(start + i * bytes));
}

/** Empty where the field is absent, as for all vectors. */
export function readTables(table: Table, field: number): Table[] {
  const { reader } = table;
  return readVector(table, field, 4, tableCost, (at) => tableAt(reader, follow(reader, at)));
}

export function readInt32s(table: Table, field: number): number[] {
  return readVector(table, field, 4, 8, (at) => table.reader.buffer.readInt32(at));
}

export function readFloat32s(table: Table, field: number): number[] {
  return readVector(table, field, 4, 8, (at) => table.reader.buffer.readFloat32(at));
}

export function readInt64s(table: Table, field: number): number[] {
  return readVector(table, field, 8, 8, (at) => Number(table.reader.buffer.readInt64(at)));
}

export function readString(table: Table, field: number): string {
  const { start, count } = locateVector(table, field, 1);
  spend(table.reader, count);
  return utf8.decode(table.reader.buffer.bytes().subarray(start, start + count));
}

/** A view of a vector of elements of `width` bytes, which the caller copies (and `spend`s) before handing it on. */
export function viewBytes(table: Table, field: number, width = 1): Uint8Array {
  const { start, count } = locateVector(table, field, width);
  return table.reader.buffer.bytes().subarray(start, start + count * width);
}

/** The same for bytes that lie outside the FlatBuffer, at an offset from the beginning of the file. */
export function viewRange(table: Table, start: number, bytes: number): Uint8Array {
  check(table.reader, start, bytes);
  return table.reader.buffer.bytes().subarray(start, start + bytes);
}

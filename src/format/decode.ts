import {
  DTYPE_BOOL,
  DTYPE_FLOAT32,
  DTYPE_INT8,
  DTYPE_INT16,
  DTYPE_INT32,
  DTYPE_INT64,
  DTYPE_UINT8,
  H_ARENA_BYTES,
  H_INPUTS,
  H_MAGIC,
  H_OPERATORS,
  H_OUTPUTS,
  H_SECTIONS,
  H_STATE_BYTES,
  H_TENSORS,
  HEADER_BYTES,
  MAGIC,
  MAX_RANK,
  O_BYTES,
  O_CODE,
  O_FIELDS,
  O_INPUT,
  O_INPUT2,
  O_OUTPUT,
  S_BYTES,
  S_KIND,
  S_OFFSET,
  SECTION_BYTES,
  SECTION_IO,
  SECTION_METADATA,
  SECTION_OPERATORS,
  SECTION_REPORT,
  SECTION_STORED,
  SECTION_STRINGS,
  SECTION_TENSORS,
  SECTION_WEIGHTS,
  T_DIMS,
  T_DTYPE,
  T_NAME,
  T_OFFSET,
  T_RANK,
  T_REGION,
  T_SCALE,
  T_SIZE,
  T_ZERO_POINT,
  TENSOR_BYTES,
} from "../../assembly/format.ts";
import type { DType } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { decodeUtf8 } from "./utf8.ts";

/** A tensor as the file lists it. */
export interface FileTensor {
  name: string;
  dtype: DType;
  shape: number[];
  region: number;
  offset: number;
  bytes: number;
  /** 0 where the tensor has no single scale. */
  scale: number;
  zeroPoint: number;
}

/** An operator as the file lists it; tensors by index, −1 for none. */
export interface FileOperator {
  code: number;
  record: DataView;
  input: number;
  input2: number;
  output: number;
}

/** What a packed file says of itself. */
export interface FileContents {
  readonly tensors: FileTensor[];
  /** tensors[index], without reading the others. */
  tensor(index: number): FileTensor;
  readonly operators: FileOperator[];
  inputs: number[];
  outputs: number[];
  weightsOffset: number;
  /** As they run. */
  weightsBytes: number;
  /** They are stored narrower than they run, and widened by the engine. */
  isStored: boolean;
  arenaBytes: number;
  stateBytes: number;
  readonly metadata: unknown;
  readonly report: unknown;
}

const dtypes: Record<number, DType> = {
  [DTYPE_FLOAT32]: "float32",
  [DTYPE_INT8]: "int8",
  [DTYPE_UINT8]: "uint8",
  [DTYPE_INT16]: "int16",
  [DTYPE_INT32]: "int32",
  [DTYPE_INT64]: "int64",
  [DTYPE_BOOL]: "bool",
};

const badFile = (file: string, what: string): NibbleError => new NibbleError("bad-file", `${file}: ${what}`);

/**
 * Reads the tables of a packed file. Arithmetic is checked by the engine; this only refuses what cannot be read.
 * Tensors, operators, metadata and report are read when they are asked for, from `bytes` as they are then: running a
 * model needs few of them, and reading all would take a third of its load.
 */
export function decode(bytes: Uint8Array, file = "model"): FileContents {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES || view.getUint32(H_MAGIC, true) !== MAGIC)
    throw badFile(
      file,
      "expected a packed model (.nbl), found something else; make one with `nibblenet convert`",
    );
  const u32 = (at: number): number => {
    if (at + 4 > bytes.length)
      throw badFile(file, `expected at least ${at + 4} bytes, found ${bytes.length}`);
    return view.getUint32(at, true);
  };
  const section = (kind: number): Uint8Array => {
    const count = u32(H_SECTIONS);
    for (let i = 0; i < count; i++) {
      const at = HEADER_BYTES + i * SECTION_BYTES;
      if (u32(at + S_KIND) !== kind) continue;
      const offset = u32(at + S_OFFSET);
      const end = offset + u32(at + S_BYTES);
      if (end > bytes.length) throw badFile(file, `section ${i} ends at ${end}, the file at ${bytes.length}`);
      return bytes.subarray(offset, end);
    }
    return bytes.subarray(0, 0);
  };
  const json = (kind: number): unknown => {
    const text = section(kind);
    if (text.length === 0) return undefined;
    try {
      return JSON.parse(decodeUtf8(text));
    } catch (cause) {
      throw new NibbleError("bad-file", `${file}: section ${kind} is not JSON`, { cause });
    }
  };
  const tensorCount = u32(H_TENSORS);
  const tensor = tensorReader(section(SECTION_TENSORS), tensorCount, section(SECTION_STRINGS), file);
  const io = section(SECTION_IO);
  const ioView = new DataView(io.buffer, io.byteOffset, io.byteLength);
  const index = (i: number): number => {
    const value = 4 * i + 4 <= io.length ? ioView.getUint32(4 * i, true) : tensorCount;
    if (value >= tensorCount)
      throw badFile(file, `input or output ${i} names tensor ${value} of ${tensorCount}`);
    return value;
  };
  const range = (from: number, count: number): number[] => {
    if (count * 4 > io.length)
      throw badFile(file, `expected ${count} inputs or outputs, found room for ${io.length / 4}`);
    return Array.from({ length: count }, (_, i) => index(from + i));
  };
  const stored = section(SECTION_STORED);
  let tensors: FileTensor[] | undefined;
  let operators: FileOperator[] | undefined;
  let metadata: { value: unknown } | undefined;
  return {
    get tensors() {
      tensors ??= Array.from({ length: tensorCount }, (_, i) => tensor(i));
      return tensors;
    },
    tensor,
    get operators() {
      operators ??= readOperators(section(SECTION_OPERATORS), u32(H_OPERATORS), file);
      return operators;
    },
    inputs: range(0, u32(H_INPUTS)),
    outputs: range(u32(H_INPUTS), u32(H_OUTPUTS)),
    weightsOffset: section(SECTION_WEIGHTS).byteOffset - bytes.byteOffset,
    weightsBytes:
      stored.length < 4
        ? section(SECTION_WEIGHTS).length
        : new DataView(stored.buffer, stored.byteOffset).getUint32(0, true),
    isStored: stored.length > 0,
    arenaBytes: u32(H_ARENA_BYTES),
    stateBytes: u32(H_STATE_BYTES),
    get metadata() {
      metadata ??= { value: json(SECTION_METADATA) };
      return metadata.value;
    },
    get report() {
      return json(SECTION_REPORT);
    },
  };
}

function tensorReader(
  table: Uint8Array,
  count: number,
  strings: Uint8Array,
  file: string,
): (index: number) => FileTensor {
  if (count * TENSOR_BYTES > table.length)
    throw badFile(
      file,
      `expected ${count} tensors, found room for ${Math.floor(table.length / TENSOR_BYTES)}`,
    );
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  return (i) => {
    const at = i * TENSOR_BYTES;
    const dtype = dtypes[table[at + T_DTYPE]];
    const rank = table[at + T_RANK];
    if (!dtype || rank > MAX_RANK)
      throw badFile(file, `tensor ${i} has an unknown type or too many dimensions`);
    const from = view.getUint32(at + T_NAME, true);
    const to = strings.indexOf(0, from);
    return {
      name: to < 0 ? `tensor ${i}` : decodeUtf8(strings.subarray(from, to)),
      dtype,
      shape: Array.from({ length: rank }, (_, axis) => view.getUint32(at + T_DIMS + 4 * axis, true)),
      region: table[at + T_REGION],
      offset: view.getUint32(at + T_OFFSET, true),
      bytes: view.getUint32(at + T_SIZE, true),
      scale: view.getFloat32(at + T_SCALE, true),
      zeroPoint: view.getInt32(at + T_ZERO_POINT, true),
    };
  };
}

function readOperators(table: Uint8Array, count: number, file: string): FileOperator[] {
  const operators: FileOperator[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + O_FIELDS > table.length) throw badFile(file, `operator ${i} lies beyond its section`);
    const head = new DataView(table.buffer, table.byteOffset + at, O_FIELDS);
    const length = head.getUint32(O_BYTES, true);
    if (length < O_FIELDS || at + length > table.length)
      throw badFile(file, `operator ${i} says it has ${length} bytes`);
    operators.push({
      code: head.getUint32(O_CODE, true),
      record: new DataView(table.buffer, table.byteOffset + at, length),
      input: head.getInt32(O_INPUT, true),
      input2: head.getInt32(O_INPUT2, true),
      output: head.getInt32(O_OUTPUT, true),
    });
    at += length;
  }
  return operators;
}

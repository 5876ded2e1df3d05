/** From the file's tensors to the graph's, each made once and shared by all its users. */
import {
  arrayOf,
  bytesPerElement,
  type DType,
  elementCount,
  type Tensor,
  type TensorData,
} from "../../graph/graph.ts";
import { badFile, quote, unsupported } from "./errors.ts";
import { decodeFloat16, dequantize } from "./float.ts";
import type { Subgraph, TensorRecord } from "./model.ts";
import { readQuantization } from "./quantization.ts";
import { spend } from "./reader.ts";
import { densify } from "./sparse.ts";

export interface Tensors {
  records: TensorRecord[];
  uniqueName: (name: string) => string;
  /** By index: what the subgraph receives or an operator writes, in other words what is no constant. */
  computed: Set<number>;
  made: Map<number, Tensor>;
  /** By index: float32 versions of quantized constants. */
  floats: Map<number, Tensor>;
  /** By place in the file and type: one array for all tensors that share a buffer. */
  contents: Map<string, TensorData>;
}

const dtypes: Record<string, DType> = {
  float32: "float32",
  int8: "int8",
  uint8: "uint8",
  int16: "int16",
  int32: "int32",
  int64: "int64",
  bool: "bool",
  // Of constants: 4 bits are stored as 8 from here on.
  int4: "int8",
};

const highestRank = 8;
const mostElements = 2 ** 31 - 1;

/** int32 has a scale in biases; elsewhere (indices, shapes) what files write there means nothing. */
const isQuantizedType = (dtype: DType, isComputed: boolean): boolean =>
  dtype === "int8" || dtype === "uint8" || dtype === "int16" || (dtype === "int32" && !isComputed);

export const isSupportedType = (type: string): boolean => Object.hasOwn(dtypes, type);

export function openTensors(subgraph: Subgraph): Tensors {
  return {
    records: subgraph.tensors,
    uniqueName: subgraph.uniqueName,
    computed: new Set([...subgraph.inputs, ...subgraph.operators.flatMap((operator) => operator.outputs)]),
    made: new Map(),
    floats: new Map(),
    contents: new Map(),
  };
}

/** A tensor of no elements, such as the shape of a scalar, is a constant without contents. */
export function isConstant(tensors: Tensors, index: number): boolean {
  const { bytes, isEmpty } = tensors.records[index];
  return !tensors.computed.has(index) && (bytes !== undefined || isEmpty);
}

function checkShape({ name, shape }: TensorRecord): number[] {
  if (shape.length > highestRank) {
    throw unsupported(
      `tensor ${quote(name)}: ${shape.length} dimensions, at most ${highestRank} are supported`,
    );
  }
  if (shape.some((d) => d < 1)) {
    throw unsupported(
      `tensor ${quote(name)}: shape [${shape.join()}] has an empty or unknown dimension; ` +
        "convert the model with fixed input shapes",
    );
  }
  if (elementCount(shape) > mostElements) {
    throw unsupported(`tensor ${quote(name)}: shape [${shape.join()}] exceeds ${mostElements} elements`);
  }
  return shape;
}

function checkBytes(record: TensorRecord, bytes: Uint8Array, elementBytes: number): void {
  const expected = elementCount(record.shape) * elementBytes;
  if (bytes.length === expected) return;
  throw badFile(
    `tensor ${quote(record.name)}: expected ${expected} bytes (${record.type}[${record.shape.join()}]), ` +
      `found ${bytes.length}`,
  );
}

/** 4-bit integers, two in a byte with the low ones first, as int8. */
function unpackInt4(record: TensorRecord, bytes: Uint8Array): Int8Array {
  const count = elementCount(record.shape);
  if (bytes.length !== Math.ceil(count / 2)) {
    throw badFile(
      `tensor ${quote(record.name)}: expected ${Math.ceil(count / 2)} bytes of int4, found ${bytes.length}`,
    );
  }
  return new Int8Array(count).map((_, i) => ((bytes[i >> 1] >> (4 * (i & 1))) << 28) >> 28);
}

function decode(record: TensorRecord, bytes: Uint8Array, dtype: DType): TensorData {
  const { sparsity } = record;
  if (record.type === "int4" && !sparsity) return unpackInt4(record, bytes);
  if (!sparsity) checkBytes(record, bytes, bytesPerElement(dtype));
  else if (record.type === "int4" || bytes.length % bytesPerElement(dtype) !== 0)
    throw unsupported(`tensor ${quote(record.name)}: ${bytes.length} bytes of sparse ${record.type}`);
  // Copied: the file need not be aligned, and passes over the graph must not write into the caller's bytes.
  const stored = new (arrayOf(dtype))(bytes.slice().buffer);
  return sparsity ? densify(record, sparsity, stored) : stored;
}

function readContents(tensors: Tensors, record: TensorRecord, bytes: Uint8Array, dtype: DType): TensorData {
  const key = `${record.type}@${bytes.byteOffset}+${bytes.length}`;
  const known = record.sparsity ? undefined : tensors.contents.get(key);
  if (known?.length === elementCount(record.shape)) return known;
  spend(record.table.reader, elementCount(record.shape) * bytesPerElement(dtype));
  const data = decode(record, bytes, dtype);
  tensors.contents.set(key, data);
  return data;
}

/** The tensor at `index`, with contents if it is a constant. */
export function tensorAt(tensors: Tensors, index: number): Tensor {
  const known = tensors.made.get(index);
  if (known) return known;
  const record = tensors.records[index];
  if (!isSupportedType(record.type)) {
    throw unsupported(`tensor ${quote(record.name)}: type ${record.type}`);
  }
  const dtype = dtypes[record.type];
  const tensor: Tensor = { name: record.name, dtype, shape: checkShape(record) };
  const isComputed = tensors.computed.has(index);
  const quantization = isQuantizedType(dtype, isComputed) ? readQuantization(record) : undefined;
  if (quantization) tensor.quantization = quantization;
  if (isComputed && quantization && quantization.scale.length > 1) {
    throw unsupported(`tensor ${quote(record.name)}: an activation with one scale per channel`);
  }
  if (record.type === "int4") {
    if (isComputed) throw unsupported(`tensor ${quote(record.name)}: int4 that is computed at run time`);
    tensor.range = { min: -8, max: 7 };
  }
  if (!isComputed && record.bytes) {
    tensor.data = readContents(tensors, record, record.bytes, dtype);
  }
  tensors.made.set(index, tensor);
  return tensor;
}

/** A constant as float32, from float32, float16 or a quantized type. */
export function floatConstantAt(tensors: Tensors, index: number): Tensor {
  const record = tensors.records[index];
  if (record.type === "float32") return tensorAt(tensors, index);
  const known = tensors.floats.get(index);
  if (known) return known;
  const shape = checkShape(record);
  const { bytes } = record;
  if (!bytes) throw badFile(`tensor ${quote(record.name)}: a constant was expected, it has no contents`);
  spend(record.table.reader, elementCount(shape) * Float32Array.BYTES_PER_ELEMENT);
  let data: Float32Array;
  if (record.type === "float16") {
    const { sparsity } = record;
    if (!sparsity) checkBytes(record, bytes, 2);
    const values = decodeFloat16(bytes);
    data = sparsity ? densify(record, sparsity, values) : values;
  } else {
    const { data: stored, quantization } = tensorAt(tensors, index);
    if (!stored || !quantization) {
      throw badFile(`tensor ${quote(record.name)}: a quantized constant was expected, it has no scale`);
    }
    data = dequantize(stored, shape, quantization);
  }
  const tensor: Tensor = { name: record.name, dtype: "float32", shape, data };
  tensors.floats.set(index, tensor);
  return tensor;
}

/** The integers of a small constant operand (axes, permutation, padding), at most `most` of them. */
export function integersAt(tensors: Tensors, index: number, most: number): number[] | undefined {
  const record = tensors.records[index];
  const { bytes, type, shape } = record;
  if (!isConstant(tensors, index) || (type !== "int32" && type !== "int64")) return undefined;
  const width = type === "int32" ? 4 : 8;
  if (!bytes || bytes.length > most * width) return undefined;
  checkBytes(record, bytes, width);
  if (shape.length > highestRank) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / width }, (_, i) =>
    width === 4 ? view.getInt32(4 * i, true) : Number(view.getBigInt64(8 * i, true)),
  );
}

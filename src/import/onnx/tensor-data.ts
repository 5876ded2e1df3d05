import { arrayOf, bytesPerElement, type DType, type Minifloat, type TensorData } from "../../graph/graph.ts";
import type { Constant } from "../../graph/passes/constant.ts";
import { NibbleError } from "../../runtime/errors.ts";
import type { OnnxTensor } from "./proto.ts";
import { checkedCount } from "./shape.ts";

const typeNames = [
  "undefined",
  "float",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "int32",
  "int64",
  "string",
  "bool",
  "float16",
  "double",
  "uint32",
  "uint64",
  "complex64",
  "complex128",
  "bfloat16",
  "float8e4m3fn",
  "float8e4m3fnuz",
  "float8e5m2",
  "float8e5m2fnuz",
  "uint4",
  "int4",
  "float4e2m1",
  "float8e8m0",
  "uint2",
  "int2",
];

export const typeName = (type: number): string => typeNames[type] ?? `type ${type}`;

const [float16, float64] = [10, 11];

/** How the graph holds an element type: its dtype, and the range where that holds more than the type does. */
export interface Storage {
  dtype: DType;
  range?: { min: number; max: number };
  /** Bits of one element in the file, where that is less than a byte. */
  bits?: number;
  minifloat?: Minifloat;
}

const dtypes: Record<number, DType> = {
  1: "float32",
  2: "uint8",
  3: "int8",
  5: "int16",
  6: "int32",
  7: "int64",
  9: "bool",
};

/** The IR's type for an ONNX element type that is the same bits, or undefined. */
export const dtypeOf = (type: number): DType | undefined => dtypes[type];

const widened: Record<number, Storage> = {
  4: { dtype: "int32", range: { min: 0, max: 65535 } },
  17: { dtype: "uint8", minifloat: "float8e4m3fn" },
  19: { dtype: "uint8", minifloat: "float8e5m2" },
  21: { dtype: "uint8", range: { min: 0, max: 15 }, bits: 4 },
  22: { dtype: "int8", range: { min: -8, max: 7 }, bits: 4 },
  23: { dtype: "uint8", range: { min: 0, max: 15 }, bits: 4, minifloat: "float4e2m1" },
  25: { dtype: "uint8", range: { min: 0, max: 3 }, bits: 2 },
  26: { dtype: "int8", range: { min: -2, max: 1 }, bits: 2 },
};

/** How the graph holds elements of an ONNX type (uint16 in int32, all below 8 bits and float8 in 8), or undefined for other types. */
export function storageOf(type: number): Storage | undefined {
  const dtype = dtypeOf(type);
  return dtype ? { dtype } : widened[type];
}

/** IEEE binary16 to a number, subnormals, infinities and NaN included. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}

function sized<T extends ArrayLike<unknown>>(values: T, count: number, where: string): T {
  if (values.length === count) return values;
  throw new NibbleError("bad-file", `${where}: expected ${count} elements, found ${values.length}`);
}

/** The raw bytes, copied so that they are aligned, after their length was checked. */
function rawBytes(tensor: OnnxTensor, count: number, size: number, where: string): ArrayBuffer | null {
  if (!tensor.raw) return null;
  if (tensor.raw.length !== count * size) {
    throw new NibbleError(
      "bad-file",
      `${where}: expected ${count * size} bytes of raw data, found ${tensor.raw.length}`,
    );
  }
  // Not slice(): the bytes may be a Node Buffer, whose slice is a view.
  return new Uint8Array(tensor.raw).buffer;
}

function decodeFloats(tensor: OnnxTensor, count: number, where: string): Float32Array {
  if (tensor.dataType === float16) {
    const raw = rawBytes(tensor, count, 2, where);
    const bits = raw ? new Uint16Array(raw) : sized(tensor.int32s, count, where);
    return Float32Array.from(bits as ArrayLike<number>, halfToNumber);
  }
  if (tensor.dataType === float64) {
    const raw = rawBytes(tensor, count, 8, where);
    return Float32Array.from(raw ? new Float64Array(raw) : sized(tensor.doubles, count, where));
  }
  const raw = rawBytes(tensor, count, 4, where);
  return raw ? new Float32Array(raw) : Float32Array.from(sized(tensor.floats, count, where));
}

function decodeIntegers(tensor: OnnxTensor, dtype: DType, count: number, where: string): TensorData {
  const raw = rawBytes(tensor, count, bytesPerElement(dtype), where);
  if (raw) return new (arrayOf(dtype))(raw);
  if (dtype === "int64") return BigInt64Array.from(sized(tensor.int64s, count, where));
  const values = Int32Array.from(sized(tensor.int32s, count, where));
  return dtype === "int32" ? values : (arrayOf(dtype) as Int8ArrayConstructor).from(values);
}

/** Integers that the file packs closer, or holds in another type, than the graph does. */
function decodeWidened(tensor: OnnxTensor, storage: Storage, count: number, where: string): TensorData {
  const { dtype, bits, range } = storage;
  const data = new (arrayOf(dtype))(count) as Int32Array;
  if (!bits) {
    const raw = rawBytes(tensor, count, 2, where);
    data.set(raw ? new Uint16Array(raw) : sized(tensor.int32s, count, where));
    return data;
  }
  const perByte = 8 / bits;
  const bytes = tensor.raw ?? Uint8Array.from(tensor.int32s);
  sized(bytes, Math.ceil(count / perByte), where);
  const span = 2 ** bits;
  for (let i = 0; i < count; i++) {
    const stored = (bytes[Math.floor(i / perByte)] >> ((i % perByte) * bits)) & (span - 1);
    data[i] = stored > range!.max ? stored - span : stored;
  }
  return data;
}

/**
 * A TensorProto as a constant. double and float16 become float32, uint16 int32,
 * elements of 4 and 2 bits 8-bit ones, float8 and float4 their codes; other types the IR lacks are refused.
 *
 * @throws NibbleError "bad-file" when dims and data disagree, "unsupported" for external data and types.
 */
export function decodeTensor(tensor: OnnxTensor, name: string): Constant {
  const where = `tensor "${name}"`;
  if (tensor.isExternal) {
    throw new NibbleError(
      "unsupported",
      `${where} keeps its data in another file; save the model as one file (save_as_external_data=False)`,
    );
  }
  const count = checkedCount(tensor.dims, where);
  const isFloat = tensor.dataType === 1 || tensor.dataType === float16 || tensor.dataType === float64;
  const storage: Storage | undefined = isFloat ? { dtype: "float32" } : storageOf(tensor.dataType);
  if (!storage) {
    throw new NibbleError(
      tensor.dataType < typeNames.length && tensor.dataType > 0 ? "unsupported" : "bad-file",
      `${where}: expected float, double, float16, bool or integer elements of 2 to 64 bits, found ` +
        typeName(tensor.dataType),
    );
  }
  const { dtype, range, minifloat } = storage;
  const decode = range
    ? () => decodeWidened(tensor, storage, count, where)
    : () => (isFloat ? decodeFloats(tensor, count, where) : decodeIntegers(tensor, dtype, count, where));
  const shape = [...tensor.dims];
  return { name, dtype, shape, ...(range && { range }), ...(minifloat && { minifloat }), data: decode() };
}

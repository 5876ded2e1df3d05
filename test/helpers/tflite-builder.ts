/**
 * Writes small TFLite models for tests. Field ids are spelled out here and not taken from the importer, so
 * that a wrong id there does not go unnoticed.
 */
import { Builder } from "flatbuffers";
import type { TensorData } from "../../src/graph/graph.ts";

const types = {
  float32: 0,
  float16: 1,
  int32: 2,
  uint8: 3,
  int64: 4,
  bool: 6,
  int16: 7,
  uint32: 15,
  int8: 9,
  resource: 13,
  uint16: 16,
  int4: 17,
};

export const codes = {
  ADD: 0,
  AVERAGE_POOL_2D: 1,
  CONCATENATION: 2,
  CONV_2D: 3,
  DEPTHWISE_CONV_2D: 4,
  DEPTH_TO_SPACE: 5,
  DEQUANTIZE: 6,
  EMBEDDING_LOOKUP: 7,
  FULLY_CONNECTED: 9,
  L2_NORMALIZATION: 11,
  LOCAL_RESPONSE_NORMALIZATION: 13,
  LOGISTIC: 14,
  MAX_POOL_2D: 17,
  MUL: 18,
  RELU: 19,
  RELU_N1_TO_1: 20,
  RELU6: 21,
  RESHAPE: 22,
  RESIZE_BILINEAR: 23,
  SOFTMAX: 25,
  SVDF: 27,
  SPACE_TO_DEPTH: 26,
  TANH: 28,
  PAD: 34,
  GATHER: 36,
  BATCH_TO_SPACE_ND: 37,
  SPACE_TO_BATCH_ND: 38,
  TRANSPOSE: 39,
  MEAN: 40,
  SUB: 41,
  DIV: 42,
  SQUEEZE: 43,
  UNIDIRECTIONAL_SEQUENCE_LSTM: 44,
  STRIDED_SLICE: 45,
  EXP: 47,
  SPLIT: 49,
  CAST: 53,
  PRELU: 54,
  MAXIMUM: 55,
  ARG_MAX: 56,
  LESS: 58,
  NEG: 59,
  PADV2: 60,
  GREATER_EQUAL: 62,
  SELECT: 64,
  SLICE: 65,
  TRANSPOSE_CONV: 67,
  TILE: 69,
  EXPAND_DIMS: 70,
  LOG: 73,
  SUM: 74,
  SQRT: 75,
  RSQRT: 76,
  SHAPE: 77,
  ARG_MIN: 79,
  REDUCE_PROD: 81,
  REDUCE_MAX: 82,
  PACK: 83,
  ONE_HOT: 85,
  LOGICAL_NOT: 87,
  UNPACK: 88,
  REDUCE_MIN: 89,
  SQUARE: 92,
  ZEROS_LIKE: 93,
  FILL: 94,
  FLOOR_MOD: 95,
  RANGE: 96,
  RESIZE_NEAREST_NEIGHBOR: 97,
  LEAKY_RELU: 98,
  MIRROR_PAD: 100,
  ABS: 101,
  SPLIT_V: 102,
  REVERSE_V2: 105,
  GATHER_ND: 107,
  ELU: 111,
  QUANTIZE: 114,
  HARD_SWISH: 117,
  SCATTER_ND: 122,
  SELECT_V2: 123,
  DENSIFY: 124,
  BATCH_MATMUL: 126,
  CUMSUM: 128,
  CALL_ONCE: 129,
  BROADCAST_TO: 130,
  VAR_HANDLE: 142,
  READ_VARIABLE: 143,
  ASSIGN_VARIABLE: 144,
  GELU: 150,
  DYNAMIC_UPDATE_SLICE: 151,
  STABLEHLO_COMPOSITE: 206,
} as const;

export interface TensorSpec {
  name: string;
  type: keyof typeof types;
  shape: number[];
  /** Tensors given the same array share a buffer. */
  data?: TensorData | Uint16Array;
  scale?: number[];
  zeroPoint?: number[];
  axis?: number;
  shapeSignature?: number[];
  isSparse?: boolean;
  sparsity?: SparsitySpec;
  isVariable?: boolean;
  isBlockwise?: boolean;
  /** Scales by block: the tensors of scales and zero points by index (0: none). */
  blockwise?: { scales: number; zeroPoints?: number; blockSize: number };
}

/** A dense level has a size, a sparse one segments and indices, of that many bytes each. */
type LevelSpec = { size: number } | { segments: number[]; indices: number[]; width?: 1 | 2 | 4 };

export interface SparsitySpec {
  order: number[];
  blockMap?: number[];
  levels: LevelSpec[];
}

export interface SignatureSpec {
  key: string;
  subgraph?: number;
  /** Names by tensor index. */
  inputs: Record<number, string>;
  outputs: Record<number, string>;
}

type FieldValue = { int8: number } | { int32: number } | { float32: number } | { text: string };

export interface OptionsSpec {
  type: number;
  fields: Record<number, FieldValue>;
}

export interface OperatorSpec {
  op: keyof typeof codes | { custom: string };
  /** Tensors by name or index; null for an absent optional operand. */
  inputs: (string | number | null)[];
  outputs: (string | number)[];
  options?: OptionsSpec;
  customOptions?: Uint8Array;
  /** The subgraph that a composite stands for. */
  composite?: number;
}

export interface SubgraphSpec {
  tensors: TensorSpec[];
  operators: OperatorSpec[];
  inputs: (string | number)[];
  outputs: (string | number)[];
}

export const padding = { same: 0, valid: 1 };
export const fused = { none: 0, relu: 1, reluN1To1: 2, relu6: 3, tanh: 4 };

interface WindowSpec {
  padding: number;
  stride: [number, number];
  dilation?: [number, number];
  activation?: number;
}

export const conv2dOptions = ({ padding, stride, dilation = [1, 1], activation = 0 }: WindowSpec) => ({
  type: 1,
  fields: {
    0: { int8: padding },
    1: { int32: stride[1] },
    2: { int32: stride[0] },
    3: { int8: activation },
    4: { int32: dilation[1] },
    5: { int32: dilation[0] },
  },
});

export const depthwiseOptions = ({ padding, stride, dilation = [1, 1], activation = 0 }: WindowSpec) => ({
  type: 2,
  fields: {
    0: { int8: padding },
    1: { int32: stride[1] },
    2: { int32: stride[0] },
    3: { int32: 1 },
    4: { int8: activation },
    5: { int32: dilation[1] },
    6: { int32: dilation[0] },
  },
});

export const poolOptions = (spec: WindowSpec & { kernel: [number, number] }) => ({
  type: 5,
  fields: {
    0: { int8: spec.padding },
    1: { int32: spec.stride[1] },
    2: { int32: spec.stride[0] },
    3: { int32: spec.kernel[1] },
    4: { int32: spec.kernel[0] },
    5: { int8: spec.activation ?? 0 },
  },
});

/** Options of one field or two: FULLY_CONNECTED 8, SOFTMAX 9, CONCATENATION 10, ADD 11, … */
export const plainOptions = (type: number, ...values: FieldValue[]): OptionsSpec => ({
  type,
  fields: Object.fromEntries(values.map((value, id) => [id, value])),
});

const slot = (builder: Builder, id: number, value: FieldValue) => {
  if ("int8" in value) builder.addFieldInt8(id, value.int8, null);
  else if ("int32" in value) builder.addFieldInt32(id, value.int32, null);
  else if ("float32" in value) builder.addFieldFloat32(id, value.float32, null);
};

function vector(builder: Builder, bytes: number, values: readonly number[], add: (value: number) => void) {
  builder.startVector(bytes, values.length, bytes);
  for (const value of [...values].reverse()) add(value);
  return builder.endVector();
}

function bytesVector(builder: Builder, bytes: Uint8Array, alignment: number): number {
  builder.startVector(1, bytes.length, alignment);
  for (let i = bytes.length - 1; i >= 0; i--) builder.writeInt8(bytes[i]!);
  return builder.endVector();
}

const int32s = (builder: Builder, values: readonly number[]) =>
  vector(builder, 4, values, (value) => builder.addInt32(value));
const offsets = (builder: Builder, values: readonly number[]) =>
  vector(builder, 4, values, (value) => builder.addOffset(value));
const float32s = (builder: Builder, values: readonly number[]) =>
  vector(builder, 4, values, (value) => builder.addFloat32(value));
const int64s = (builder: Builder, values: readonly number[]) =>
  vector(builder, 8, values, (value) => builder.addInt64(BigInt(value)));

const indexTypes = { 4: 1, 2: 2, 1: 3 } as const;

function writeIndices(builder: Builder, values: number[], width: 1 | 2 | 4): number {
  const add = {
    1: (v: number) => builder.addInt8(v),
    2: (v: number) => builder.addInt16(v),
    4: (v: number) => builder.addInt32(v),
  };
  const list = vector(builder, width, values, add[width]);
  builder.startObject(1);
  builder.addFieldOffset(0, list, 0);
  return builder.endObject();
}

function writeLevel(builder: Builder, level: LevelSpec): number {
  if ("size" in level) {
    builder.startObject(6);
    builder.addFieldInt32(1, level.size, 0);
    return builder.endObject();
  }
  const width = level.width ?? 4;
  const segments = writeIndices(builder, level.segments, width);
  const indices = writeIndices(builder, level.indices, width);
  builder.startObject(6);
  builder.addFieldInt8(0, 1, 0);
  builder.addFieldInt8(2, indexTypes[width], 0);
  builder.addFieldOffset(3, segments, 0);
  builder.addFieldInt8(4, indexTypes[width], 0);
  builder.addFieldOffset(5, indices, 0);
  return builder.endObject();
}

function writeSparsity(builder: Builder, { order, blockMap, levels }: SparsitySpec): number {
  const orderAt = int32s(builder, order);
  const blockMapAt = int32s(builder, blockMap ?? []);
  const levelsAt = offsets(
    builder,
    levels.map((level) => writeLevel(builder, level)),
  );
  builder.startObject(3);
  builder.addFieldOffset(0, orderAt, 0);
  builder.addFieldOffset(1, blockMapAt, 0);
  builder.addFieldOffset(2, levelsAt, 0);
  return builder.endObject();
}

function writeSignature(builder: Builder, { key, subgraph, inputs, outputs }: SignatureSpec): number {
  const [inputsAt, outputsAt] = [inputs, outputs].map((names) => {
    const entries = Object.entries(names).map(([index, name]) => {
      const text = builder.createString(name);
      builder.startObject(2);
      builder.addFieldOffset(0, text, 0);
      builder.addFieldInt32(1, Number(index), 0);
      return builder.endObject();
    });
    return offsets(builder, entries);
  });
  const keyAt = builder.createString(key);
  builder.startObject(5);
  builder.addFieldOffset(0, inputsAt, 0);
  builder.addFieldOffset(1, outputsAt, 0);
  builder.addFieldOffset(2, keyAt, 0);
  builder.addFieldInt32(4, subgraph ?? 0, 0);
  return builder.endObject();
}

function writeQuantization(builder: Builder, spec: TensorSpec): number {
  const isBlockwise = spec.isBlockwise || spec.blockwise;
  if (!spec.scale && !isBlockwise) return 0;
  const scale = float32s(builder, spec.scale ?? []);
  const zeroPoint = int64s(builder, spec.zeroPoint ?? (spec.scale ?? []).map(() => 0));
  let details = 0;
  if (isBlockwise) {
    builder.startObject(3);
    builder.addFieldInt32(0, spec.blockwise?.scales ?? 0, 0);
    builder.addFieldInt32(1, spec.blockwise?.zeroPoints ?? 0, 0);
    builder.addFieldInt32(2, spec.blockwise?.blockSize ?? 32, null);
    details = builder.endObject();
  }
  builder.startObject(7);
  builder.addFieldOffset(2, scale, 0);
  builder.addFieldOffset(3, zeroPoint, 0);
  if (isBlockwise) builder.addFieldInt8(4, 2, 0);
  builder.addFieldOffset(5, details, 0);
  builder.addFieldInt32(6, spec.axis ?? 0, 0);
  return builder.endObject();
}

function writeTensor(builder: Builder, spec: TensorSpec, buffer: number): number {
  const name = builder.createString(spec.name);
  const shape = int32s(builder, spec.shape);
  const signature = spec.shapeSignature ? int32s(builder, spec.shapeSignature) : 0;
  const quantization = writeQuantization(builder, spec);
  let sparsity = spec.sparsity ? writeSparsity(builder, spec.sparsity) : 0;
  if (spec.isSparse) {
    builder.startObject(3);
    sparsity = builder.endObject();
  }
  builder.startObject(9);
  builder.addFieldOffset(0, shape, 0);
  builder.addFieldInt8(1, types[spec.type], 0);
  builder.addFieldInt32(2, buffer, 0);
  builder.addFieldOffset(3, name, 0);
  builder.addFieldOffset(4, quantization, 0);
  builder.addFieldInt8(5, spec.isVariable ? 1 : 0, 0);
  builder.addFieldOffset(6, sparsity, 0);
  builder.addFieldOffset(7, signature, 0);
  return builder.endObject();
}

function writeOptions(builder: Builder, { fields }: OptionsSpec): number {
  const texts = Object.entries(fields).flatMap(([id, value]) =>
    "text" in value ? [[Number(id), builder.createString(value.text)]] : [],
  );
  builder.startObject(8);
  for (const [id, value] of Object.entries(fields)) slot(builder, Number(id), value);
  for (const [id, offset] of texts) builder.addFieldOffset(id, offset, 0);
  return builder.endObject();
}

function writeOperator(
  builder: Builder,
  spec: OperatorSpec,
  code: number,
  find: (name: string | number) => number,
) {
  const inputs = int32s(
    builder,
    spec.inputs.map((name) => (name === null ? -1 : find(name))),
  );
  const outputs = int32s(builder, spec.outputs.map(find));
  const options = spec.options ? writeOptions(builder, spec.options) : 0;
  const composite =
    spec.composite === undefined
      ? 0
      : writeOptions(builder, { type: 21, fields: { 1: { int32: spec.composite } } });
  const custom = spec.customOptions ? bytesVector(builder, spec.customOptions, 1) : 0;
  builder.startObject(13);
  builder.addFieldInt32(0, code, 0);
  builder.addFieldOffset(1, inputs, 0);
  builder.addFieldOffset(2, outputs, 0);
  builder.addFieldInt8(3, spec.options?.type ?? 0, 0);
  builder.addFieldOffset(4, options, 0);
  builder.addFieldOffset(5, custom, 0);
  builder.addFieldInt8(11, composite ? 21 : 0, 0);
  builder.addFieldOffset(12, composite, 0);
  return builder.endObject();
}

function writeCode(builder: Builder, op: OperatorSpec["op"]): number {
  const custom = typeof op === "string" ? 0 : builder.createString(op.custom);
  const code = typeof op === "string" ? codes[op] : 32;
  builder.startObject(4);
  builder.addFieldInt8(0, Math.min(code, 127), 0);
  builder.addFieldOffset(1, custom, 0);
  builder.addFieldInt32(3, code, 0);
  return builder.endObject();
}

function writeBuffer(builder: Builder, data: NonNullable<TensorSpec["data"]> | undefined): number {
  const bytes = data
    ? bytesVector(builder, new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 16)
    : 0;
  builder.startObject(3);
  builder.addFieldOffset(0, bytes, 0);
  return builder.endObject();
}

/** A TFLite file of the given subgraphs, which refer to tensors by name or index. */
export const buildTflite = (...subgraphs: SubgraphSpec[]): Uint8Array => buildSigned(subgraphs, []);

/** The same with signatures. */
export function buildSigned(subgraphs: SubgraphSpec[], signatures: SignatureSpec[]): Uint8Array {
  const builder = new Builder(4096);
  const contents = [undefined, ...new Set(subgraphs.flatMap((s) => s.tensors.flatMap((t) => t.data ?? [])))];
  const opKeys = [...new Set(subgraphs.flatMap((s) => s.operators.map(({ op }) => JSON.stringify(op))))];
  const buffers = contents.map((data) => writeBuffer(builder, data));
  const operatorCodes = opKeys.map((key) => writeCode(builder, JSON.parse(key)));
  const tables = subgraphs.map((spec) => {
    const find = (name: string | number) => {
      if (typeof name === "number") return name;
      const index = spec.tensors.findIndex((tensor) => tensor.name === name);
      if (index < 0) throw new Error(`no tensor "${name}" in the test model`);
      return index;
    };
    const tensors = spec.tensors.map((tensor) =>
      writeTensor(builder, tensor, tensor.data ? contents.indexOf(tensor.data) : 0),
    );
    const operators = spec.operators.map((operator) =>
      writeOperator(builder, operator, opKeys.indexOf(JSON.stringify(operator.op)), find),
    );
    const parts = [
      offsets(builder, tensors),
      int32s(builder, spec.inputs.map(find)),
      int32s(builder, spec.outputs.map(find)),
      offsets(builder, operators),
    ];
    builder.startObject(5);
    parts.forEach((part, id) => {
      builder.addFieldOffset(id, part, 0);
    });
    return builder.endObject();
  });
  const signed = signatures.map((spec) => writeSignature(builder, spec));
  const lists = { 1: operatorCodes, 2: tables, 4: buffers, ...(signed.length > 0 && { 7: signed }) };
  const fields = Object.entries(lists).map(([id, list]) => [Number(id), offsets(builder, list)]);
  builder.startObject(8);
  builder.addFieldInt32(0, 3, 0);
  for (const [id, offset] of fields) builder.addFieldOffset(id, offset, 0);
  builder.finish(builder.endObject(), "TFL3");
  return builder.asUint8Array().slice();
}

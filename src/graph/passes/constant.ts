import {
  arrayOf,
  bytesPerElement,
  type DType,
  elementCount,
  type Graph,
  type Quantization,
  type Tensor,
  type TensorData,
} from "../graph.ts";

export type Constant = Tensor & { data: TensorData };
export type FloatConstant = Constant & { data: Float32Array };

export const isConstant = (tensor: Tensor | null | undefined): tensor is Constant =>
  tensor?.data !== undefined;

export const isFloatConstant = (tensor: Tensor | null | undefined): tensor is FloatConstant =>
  tensor?.data instanceof Float32Array && tensor.dtype === "float32";

/** Constants made while importing or folding stay below this many elements; larger ones stay operators. */
export const maxFoldedElements = 1 << 24;

/** Bytes that constants may still take which passes make. */
export interface FoldingRoom {
  left: number;
}

/** What the constants that nodes read take, shared ones once. */
export function storedBytes({ nodes }: Graph): number {
  const stored = new Set(nodes.flatMap(({ inputs }) => inputs.flatMap((tensor) => tensor?.data ?? [])));
  return [...stored].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

const rooms = new WeakMap<Graph, FoldingRoom>();
const [leastRoom, roomPerByte] = [64 << 20, 4];

/** The room of a graph, the same one on every call: 64 MiB and four times the constants it had at first. */
export function foldingRoom(graph: Graph): FoldingRoom {
  let room = rooms.get(graph);
  if (!room) {
    room = { left: leastRoom + roomPerByte * storedBytes(graph) };
    rooms.set(graph, room);
  }
  return room;
}

/** Whether a constant of `elements` may be made. */
export const hasRoom = ({ left }: FoldingRoom, dtype: DType, elements: number): boolean =>
  elements <= maxFoldedElements && elements * bytesPerElement(dtype) <= left;

export const floatConstant = (name: string, shape: number[], data: Float32Array): FloatConstant => ({
  name,
  dtype: "float32",
  shape,
  data,
});

/** Elements `from[index(i)]` for i in 0 … count − 1, in the array type of `from`. */
export function gather(from: TensorData, count: number, index: (i: number) => number): TensorData {
  if (from instanceof BigInt64Array) {
    const to = new BigInt64Array(count);
    for (let i = 0; i < count; i++) to[i] = from[index(i)];
    return to;
  }
  const to = new (from.constructor as new (n: number) => Exclude<TensorData, BigInt64Array>)(count);
  for (let i = 0; i < count; i++) to[i] = from[index(i)];
  return to;
}

export const newData = (dtype: DType, count: number): TensorData => new (arrayOf(dtype))(count);

/** Elements to step over for one step along each dimension. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = step;
    step *= shape[d];
  }
  return strides;
}

/**
 * Where element i of a row-major walk over `shape` lies, given a step per dimension. To be called with
 * i = 0, 1, 2 … in this order.
 */
export function walk(shape: readonly number[], steps: readonly number[]): (i: number) => number {
  const counter = new Array<number>(shape.length).fill(0);
  let offset = 0;
  return (i) => {
    if (i === 0) {
      counter.fill(0);
      offset = 0;
      return 0;
    }
    for (let d = shape.length - 1; d >= 0; d--) {
      offset += steps[d];
      if (++counter[d] < shape[d]) break;
      offset -= steps[d] * shape[d];
      counter[d] = 0;
    }
    return offset;
  };
}

/** Steps that read a tensor of shape `from` as if it were broadcast to `to` (numpy's rule). */
export function broadcastSteps(from: readonly number[], to: readonly number[]): number[] {
  const strides = stridesOf(from);
  const lead = to.length - from.length;
  return to.map((_, d) => (d < lead || from[d - lead] === 1 ? 0 : strides[d - lead]));
}

export function permuteData(data: TensorData, shape: readonly number[], perm: readonly number[]): TensorData {
  const strides = stridesOf(shape);
  const to = perm.map((p) => shape[p]);
  return gather(
    data,
    data.length,
    walk(
      to,
      perm.map((p) => strides[p]),
    ),
  );
}

const permuteQuantization = (q: Quantization, perm: readonly number[]): Quantization =>
  q.scale.length > 1 ? { ...q, axis: perm.indexOf(q.axis) } : q;

/** What permuteData made of contents, so that operators which share a constant share its permuted form. */
const permutedForms = new WeakMap<TensorData, Map<string, TensorData>>();

function sharedPermuteData(data: TensorData, shape: readonly number[], perm: readonly number[]): TensorData {
  const forms = permutedForms.get(data) ?? new Map<string, TensorData>();
  const key = `${shape}:${perm}`;
  const form = forms.get(key) ?? permuteData(data, shape, perm);
  permutedForms.set(data, forms.set(key, form));
  return form;
}

/**
 * The constant with its dimensions in another order; a per-axis quantization follows its dimension. Contents that
 * are permuted alike again are the same memory.
 */
export function permuteConstant(tensor: Constant, perm: readonly number[], name = tensor.name): Constant {
  const permuted: Constant = {
    name,
    dtype: tensor.dtype,
    shape: perm.map((p) => tensor.shape[p]),
    data: sharedPermuteData(tensor.data, tensor.shape, perm),
  };
  if (tensor.quantization) permuted.quantization = permuteQuantization(tensor.quantization, perm);
  return permuted;
}

/** The same elements under another shape; `null` when a per-axis quantization has no place in it. */
export function reshapeConstant(tensor: Constant, shape: number[], name = tensor.name): Constant | null {
  const reshaped: Constant = { name, dtype: tensor.dtype, shape, data: tensor.data };
  const q = tensor.quantization;
  if (!q) return reshaped;
  if (q.scale.length === 1) return { ...reshaped, quantization: q };
  const before = elementCount(tensor.shape.slice(0, q.axis));
  const axis = shape.findIndex(
    (d, i) => d === tensor.shape[q.axis] && elementCount(shape.slice(0, i)) === before,
  );
  return axis < 0 ? null : { ...reshaped, quantization: { ...q, axis } };
}

/**
 * One value per index of the last dimension of `like`, when the constant broadcasts against it without
 * varying along (or adding) any other dimension.
 */
export function perChannel(constant: FloatConstant, like: readonly number[]): Float32Array | null {
  const { shape, data } = constant;
  const channels = like[like.length - 1];
  if (like.length === 0 || shape.length > like.length) return null;
  if (data.length === 1) return new Float32Array(channels).fill(data[0]);
  return shape[shape.length - 1] === channels && data.length === channels ? data : null;
}

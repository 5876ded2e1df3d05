/** What nodes that only move elements make of constants, of every type. */
import { elementCount, isUnbounded, type Node, type NodeOf, type TensorData } from "../graph.ts";
import { broadcastSteps, type Constant, gather, newData, permuteData, stridesOf, walk } from "./constant.ts";
import { sameQuantization } from "./rewrite.ts";

/** The elements of x that a walk over `shape` in `steps` from `first` on meets. */
const walked = (x: Constant, shape: readonly number[], steps: readonly number[], first = 0): TensorData => {
  const at = walk(shape, steps);
  return gather(x.data, elementCount(shape), (i) => first + at(i));
};

function slice(node: NodeOf<"slice">, x: Constant): TensorData {
  const { begin, stride } = node.attributes;
  const strides = stridesOf(x.shape);
  const first = begin.reduce((sum, n, d) => sum + n * strides[d], 0);
  return walked(
    x,
    node.outputs[0].shape,
    strides.map((n, d) => n * stride[d]),
    first,
  );
}

/** Puts the elements of x into `data` where a walk over x's shape in `steps` from `first` on leads. */
function put(data: TensorData, x: Constant, steps: readonly number[], first: number): void {
  const at = walk(x.shape, steps);
  for (let i = 0; i < x.data.length; i++) data[first + at(i)] = x.data[i];
}

function concat(node: NodeOf<"concat">, parts: Constant[]): TensorData | null {
  const { axis, activation } = node.attributes;
  const [y] = node.outputs;
  if (!isUnbounded(activation) || !parts.every((part) => sameQuantization(part, y))) return null;
  const data = newData(y.dtype, elementCount(y.shape));
  const strides = stridesOf(y.shape);
  let at = 0;
  for (const part of parts) {
    put(data, part, strides, at * strides[axis]);
    at += part.shape[axis];
  }
  return data;
}

/** Quantized padding is left to the runtime, which knows how to round its value. */
function pad(node: NodeOf<"pad">, x: Constant): TensorData | null {
  const [y] = node.outputs;
  const { before, value } = node.attributes;
  if (y.quantization || (y.dtype !== "float32" && !Number.isInteger(value))) return null;
  const data = newData(y.dtype, elementCount(y.shape));
  if (data instanceof BigInt64Array) data.fill(BigInt(value));
  else data.fill(value);
  const strides = stridesOf(y.shape);
  const first = before.reduce((offset, n, d) => offset + n * strides[d], 0);
  put(data, x, strides, first);
  return data;
}

/** Indices outside of the dimension mean the nearest slice, as at run time. */
function gathered(node: NodeOf<"gather">, x: Constant, indices: Constant): TensorData {
  const { axis, batchDims, fromEnd } = node.attributes;
  const size = x.shape[axis];
  const inner = elementCount(x.shape.slice(axis + 1));
  const outer = elementCount(x.shape.slice(batchDims, axis));
  const count = elementCount(indices.shape.slice(batchDims));
  const picks = Array.from(indices.data as ArrayLike<number | bigint>, (given) => {
    const index = fromEnd && given < 0 ? Number(given) + size : Number(given);
    return Math.min(Math.max(index, 0), size - 1);
  });
  return gather(x.data, elementCount(node.outputs[0].shape), (i) => {
    const slot = Math.floor(i / inner);
    const row = Math.floor(slot / count);
    const batch = Math.floor(row / outer);
    return (row * size + picks[batch * count + (slot % count)]) * inner + (i % inner);
  });
}

const mostRepeated = 1 << 12;

/** The result of `node`, or null where it is no such operator or changes stored values. */
export function moveConstants(node: Node, operands: Constant[]): TensorData | null {
  const [x, indices] = operands;
  const { shape } = node.outputs[0];
  const keeps = sameQuantization(x, node.outputs[0]);
  switch (node.op) {
    case "reshape":
      return x.data;
    case "transpose":
      return permuteData(x.data, x.shape, node.attributes.perm);
    case "slice":
      return keeps ? slice(node, x) : null;
    case "expand":
      // Repeated in the file a constant would only take space.
      return keeps && elementCount(shape) <= mostRepeated
        ? walked(x, shape, broadcastSteps(x.shape, shape))
        : null;
    case "gather":
      return keeps ? gathered(node, x, indices) : null;
    case "concat":
      return concat(node, operands);
    case "pad":
      return pad(node, x);
    default:
      return null;
  }
}

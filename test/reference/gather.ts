import type { NodeOf, Tensor, TensorData } from "../../src/graph/graph.ts";
import { emptyLike, indexOf, type Operands, stridesOf } from "./tensor.ts";

const dot = (index: readonly number[], steps: readonly number[]): number =>
  index.reduce((sum, i, d) => sum + i * steps[d], 0);

const nearest = (index: number, size: number): number => Math.min(Math.max(index, 0), size - 1);

export function gather(node: NodeOf<"gather">, { values }: Operands): TensorData {
  const [x, indices] = node.inputs as Tensor[];
  const [y] = node.outputs;
  const { axis, batchDims, fromEnd } = node.attributes;
  const size = x.shape[axis];
  const extra = indices.shape.length - batchDims;
  const out = emptyLike(y);
  for (let flat = 0; flat < out.length; flat++) {
    const at = indexOf(flat, y.shape);
    const own = [...at.slice(0, batchDims), ...at.slice(axis, axis + extra)];
    const given = Number(values[1]![dot(own, stridesOf(indices.shape))]);
    const picked = nearest(fromEnd && given < 0 ? given + size : given, size);
    const from = [...at.slice(0, axis), picked, ...at.slice(axis + extra)];
    out[flat] = values[0]![dot(from, stridesOf(x.shape))];
  }
  return out;
}

/** The tuple at `position` of the indices, counted from the front. */
function tupleAt(
  indices: Tensor,
  values: TensorData,
  position: number[],
  sizes: number[],
  fromEnd: boolean,
): number[] {
  const start = dot(position, stridesOf(indices.shape));
  return sizes.map((size, i) => {
    const given = Number(values[start + i]);
    return fromEnd && given < 0 ? given + size : given;
  });
}

export function gatherNd(node: NodeOf<"gatherNd">, { values }: Operands): TensorData {
  const [x, indices] = node.inputs as Tensor[];
  const [y] = node.outputs;
  const { batchDims, fromEnd } = node.attributes;
  const sizes = x.shape.slice(batchDims, batchDims + indices.shape.at(-1)!);
  const lead = indices.shape.length - 1;
  const out = emptyLike(y);
  for (let flat = 0; flat < out.length; flat++) {
    const at = indexOf(flat, y.shape);
    const tuple = tupleAt(indices, values[1]!, at.slice(0, lead), sizes, fromEnd);
    const from = [...at.slice(0, batchDims), ...tuple.map((i, d) => nearest(i, sizes[d])), ...at.slice(lead)];
    out[flat] = values[0]![dot(from, stridesOf(x.shape))];
  }
  return out;
}

export function scatterNd(node: NodeOf<"scatterNd">, { values }: Operands): TensorData {
  const [x, indices, updates] = node.inputs as Tensor[];
  const { batchDims, fromEnd } = node.attributes;
  const sizes = x.shape.slice(batchDims, batchDims + indices.shape.at(-1)!);
  const lead = indices.shape.length - 1;
  const out = values[0]!.slice();
  for (const [flat, value] of (values[2] as Float32Array).entries()) {
    const at = indexOf(flat, updates.shape);
    const tuple = tupleAt(indices, values[1]!, at.slice(0, lead), sizes, fromEnd);
    if (tuple.some((i, d) => i < 0 || i >= sizes[d])) continue;
    out[dot([...at.slice(0, batchDims), ...tuple, ...at.slice(lead)], stridesOf(x.shape))] = value;
  }
  return out;
}

/** Where a part of shape `size` begins so that it lies inside. */
const startsOf = (starts: TensorData, whole: readonly number[], size: readonly number[]): number[] =>
  whole.map((n, d) => Math.min(Math.max(Number(starts[d]), 0), n - size[d]));

export function dynamicSlice(node: NodeOf<"dynamicSlice">, { values }: Operands): TensorData {
  const { shape } = node.inputs[0]!;
  const [y] = node.outputs;
  const starts = startsOf(values[1]!, shape, y.shape);
  const out = emptyLike(y);
  for (let flat = 0; flat < out.length; flat++) {
    const from = indexOf(flat, y.shape).map((i, d) => i + starts[d]);
    out[flat] = values[0]![dot(from, stridesOf(shape))];
  }
  return out;
}

export function dynamicUpdateSlice(node: NodeOf<"dynamicUpdateSlice">, { values }: Operands): TensorData {
  const [x, update] = node.inputs as Tensor[];
  const starts = startsOf(values[2]!, x.shape, update.shape);
  const out = values[0]!.slice();
  for (const [flat, value] of (values[1] as Float32Array).entries()) {
    const to = indexOf(flat, update.shape).map((i, d) => i + starts[d]);
    out[dot(to, stridesOf(x.shape))] = value;
  }
  return out;
}

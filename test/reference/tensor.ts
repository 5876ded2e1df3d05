import {
  arrayOf,
  elementCount,
  type Graph,
  type Node,
  type Tensor,
  type TensorData,
} from "../../src/graph/graph.ts";
import type { IntegerEnd } from "../../src/numerics/int16.ts";
import type { ScalarQuantization } from "../../src/numerics/range.ts";

/** What an operator sees: its node's tensors with their values. */
export interface Operands {
  graph: Graph;
  /** Values of the node's inputs, in order; null where an input is absent. */
  values: (TensorData | null)[];
}

export type Numbers = Exclude<TensorData, BigInt64Array>;

export const isInt16 = (tensor: Tensor | null): boolean => tensor?.dtype === "int16";

export const isQuantized = (tensor: Tensor): boolean => tensor.dtype === "int8" || tensor.dtype === "uint8";

/** Scale and zero point of a tensor that has one of each. */
export function scalarQuantization(tensor: Tensor): ScalarQuantization {
  const { quantization } = tensor;
  if (quantization?.scale.length !== 1)
    throw new Error(`tensor "${tensor.name}": expected one scale, found ${quantization?.scale.length ?? 0}`);
  return { scale: quantization.scale[0], zeroPoint: quantization.zeroPoint[0] };
}

/** The quantization and type at one end of an operator. */
export const endOf = (tensor: Tensor): IntegerEnd => ({
  ...scalarQuantization(tensor),
  dtype: tensor.dtype,
});

/** Numbers of the input at `position`, which has to be there. */
export function numbers({ values }: Operands, position: number): Numbers {
  const value = values[position];
  if (!value || value instanceof BigInt64Array) throw new Error(`input ${position} holds no plain numbers`);
  return value;
}

export const emptyLike = (tensor: Tensor): TensorData =>
  new (arrayOf(tensor.dtype))(elementCount(tensor.shape));

export const emptyNumbers = (tensor: Tensor): Numbers => {
  const data = emptyLike(tensor);
  if (data instanceof BigInt64Array) throw new Error(`tensor "${tensor.name}": int64 has no arithmetic here`);
  return data;
};

/** Elements to skip for one step along each dimension, row-major. */
export const stridesOf = (shape: readonly number[]): number[] =>
  shape.map((_, d) => elementCount(shape.slice(d + 1)));

/** The index of element `flat` of a tensor of `shape`. */
export function indexOf(flat: number, shape: readonly number[]): number[] {
  const steps = stridesOf(shape);
  return shape.map((d, axis) => Math.floor(flat / steps[axis]) % d);
}

export const refuse = (node: Node, why: string): Error => new Error(`${node.op} "${node.name}": ${why}`);

import { elementCount, type NodeOf, type TensorData } from "../../src/graph/graph.ts";
import { padValue } from "../../src/numerics/convert.ts";
import { activationRange } from "../../src/numerics/range.ts";
import { clamp } from "../../src/numerics/rounding.ts";
import { concatTable } from "../../src/numerics/table.ts";
import {
  emptyLike,
  emptyNumbers,
  endOf,
  indexOf,
  isQuantized,
  type Numbers,
  numbers,
  type Operands,
  refuse,
  scalarQuantization,
  stridesOf,
} from "./tensor.ts";
import { throughTable } from "./unary.ts";

export const reshape = (node: NodeOf<"reshape">, { values }: Operands): TensorData => {
  if (!values[0]) throw refuse(node, "the input is missing");
  return values[0].slice();
};

export function transpose(node: NodeOf<"transpose">, { values }: Operands): TensorData {
  const [y] = node.outputs;
  const steps = stridesOf(node.inputs[0]!.shape);
  const { perm } = node.attributes;
  const x = values[0]!;
  const out = emptyLike(y);
  for (let flat = 0; flat < out.length; flat++)
    out[flat] = x[indexOf(flat, y.shape).reduce((at, i, d) => at + i * steps[perm[d]], 0)];
  return out;
}

export function slice(node: NodeOf<"slice">, { values }: Operands): TensorData {
  const [y] = node.outputs;
  const { begin, stride } = node.attributes;
  const steps = stridesOf(node.inputs[0]!.shape);
  const x = values[0]!;
  const out = emptyLike(y);
  for (let flat = 0; flat < out.length; flat++)
    out[flat] = x[indexOf(flat, y.shape).reduce((at, i, d) => at + (begin[d] + i * stride[d]) * steps[d], 0)];
  return out;
}

export function expand(node: NodeOf<"expand">, { values }: Operands): TensorData {
  const [y] = node.outputs;
  const { shape } = node.inputs[0]!;
  const steps = stridesOf(shape);
  const x = values[0]!;
  const out = emptyLike(y);
  for (let flat = 0; flat < out.length; flat++) {
    const own = indexOf(flat, y.shape).slice(y.shape.length - shape.length);
    out[flat] = x[own.reduce((at, i, d) => at + (i % shape[d]) * steps[d], 0)];
  }
  return out;
}

export function pad(node: NodeOf<"pad">, { values }: Operands): TensorData {
  const { shape } = node.inputs[0]!;
  const [y] = node.outputs;
  const { before, value } = node.attributes;
  const steps = stridesOf(shape);
  const x = values[0]!;
  const isStepped = y.quantization && y.dtype !== "int32";
  const stored = isStepped ? padValue(value, scalarQuantization(y), y.dtype) : value;
  const out = emptyLike(y);
  for (let flat = 0; flat < out.length; flat++) {
    const own = indexOf(flat, y.shape).map((i, d) => i - before[d]);
    const isInside = own.every((i, d) => i >= 0 && i < shape[d]);
    const filler = y.dtype === "int64" ? BigInt(stored) : stored;
    out[flat] = isInside ? x[own.reduce((at, i, d) => at + i * steps[d], 0)] : filler;
  }
  return out;
}

export function dilate(node: NodeOf<"dilate">, operands: Operands): Numbers {
  const [y] = node.outputs;
  const { shape } = node.inputs[0]!;
  const { before, step } = node.attributes;
  const steps = stridesOf(y.shape);
  const out = emptyNumbers(y).fill(isQuantized(y) ? scalarQuantization(y).zeroPoint : 0) as Numbers;
  numbers(operands, 0).forEach((value, flat) => {
    out[indexOf(flat, shape).reduce((at, i, d) => at + (before[d] + i * step[d]) * steps[d], 0)] = value;
  });
  return out;
}

export function concat(node: NodeOf<"concat">, operands: Operands): TensorData {
  const [y] = node.outputs;
  const { axis, activation } = node.attributes;
  const out = emptyLike(y);
  const outer = elementCount(y.shape.slice(0, axis));
  const parts = node.inputs.map((tensor, i) => {
    if (!isQuantized(y) || !y.quantization) return operands.values[i]!;
    return throughTable(numbers(operands, i), concatTable(endOf(tensor!), endOf(y)), y);
  });
  let at = 0;
  for (let i = 0; i < outer; i++) {
    for (const part of parts) {
      const length = part.length / outer;
      for (let k = 0; k < length; k++) out[at++] = part[i * length + k];
    }
  }
  const bounded = activation.min !== -Infinity || activation.max !== Infinity;
  if (!bounded || out instanceof BigInt64Array) return out;
  const range = isQuantized(y)
    ? activationRange(activation, scalarQuantization(y), y.dtype, operands.graph.rounding)
    : { min: Math.fround(activation.min), max: Math.fround(activation.max) };
  return out.map((value: number) => clamp(value, range.min, range.max)) as Numbers;
}

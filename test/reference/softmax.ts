import type { NodeOf } from "../../src/graph/graph.ts";
import { expf } from "../../src/numerics/exp.ts";
import { quantizedRange } from "../../src/numerics/range.ts";
import { softmaxParameters, softmaxRow } from "../../src/numerics/softmax.ts";
import {
  emptyNumbers,
  isQuantized,
  type Numbers,
  numbers,
  type Operands,
  scalarQuantization,
} from "./tensor.ts";

const f = Math.fround;

function floatRow(row: readonly number[], beta: number): number[] {
  const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = row.map((x) => expf(f(f(x - top) * f(beta))));
  const sum = powers.reduce((acc, power) => f(acc + power), 0);
  return powers.map((power) => f(power / sum));
}

export function softmax(node: NodeOf<"softmax">, operands: Operands): Numbers {
  const x = numbers(operands, 0);
  const [y] = node.outputs;
  const { beta } = node.attributes;
  const length = y.shape[y.shape.length - 1];
  const out = emptyNumbers(y);
  let row = (values: number[]): number[] => floatRow(values, beta);
  if (isQuantized(y)) {
    const output = scalarQuantization(y);
    const range = quantizedRange(y.dtype);
    const { scale } = scalarQuantization(node.inputs[0]!);
    const how = softmaxParameters(operands.graph.rounding, scale, beta, output, range);
    row = (values) => softmaxRow(values, how, output.zeroPoint, range);
  }
  for (let at = 0; at < x.length; at += length) out.set(row(Array.from(x.subarray(at, at + length))), at);
  return out;
}

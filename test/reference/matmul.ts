import type { NodeOf, Tensor } from "../../src/graph/graph.ts";
import { fixedElement, productElement } from "../../src/numerics/int16.ts";
import { clamp } from "../../src/numerics/rounding.ts";
import {
  emptyNumbers,
  indexOf,
  isQuantized,
  type Numbers,
  numbers,
  type Operands,
  scalarQuantization,
  stridesOf,
} from "./tensor.ts";

const f = Math.fround;

/** acc = bias, then acc + a·b for k in order, each product and each sum rounded; then the activation. int8: exact sums. */
export function matmul(node: NodeOf<"matmul">, operands: Operands): Numbers {
  const [a, b] = node.inputs as [Tensor, Tensor];
  const [y] = node.outputs;
  const { transposeA, transposeB, activation } = node.attributes;
  const [left, right] = [numbers(operands, 0), numbers(operands, 1)];
  const bias = node.inputs[2] ? numbers(operands, 2) : null;
  const k = a.shape[a.shape.length - (transposeA ? 2 : 1)];
  const out = emptyNumbers(y);
  const zeroOf = (t: Tensor): number => (isQuantized(t) ? scalarQuantization(t).zeroPoint : 0);
  const unit = { scale: 1, zeroPoint: 0 };
  const [from, by, to] = [a, b, y].map((t) => (isQuantized(t) ? scalarQuantization(t) : unit));
  const requantizing = productElement(from, by, to);
  out.forEach((_, flat) => {
    const index = indexOf(flat, y.shape);
    const [m, n] = index.slice(-2);
    const at = ({ shape }: Tensor, row: number, column: number): number => {
      const steps = stridesOf(shape);
      const lead = index.length - shape.length;
      const place = [...index.slice(lead, -2), row, column];
      return place.reduce((sum, i, axis) => sum + (shape[axis] === 1 ? 0 : i * steps[axis]), 0);
    };
    let acc = bias ? bias[n] : 0;
    let sum = 0;
    for (let i = 0; i < k; i++) {
      const p = left[transposeA ? at(a, i, m) : at(a, m, i)];
      const q = right[transposeB ? at(b, n, i) : at(b, i, n)];
      acc = f(acc + f(p * q));
      sum += (p - zeroOf(a)) * (q - zeroOf(b));
    }
    out[flat] = isQuantized(y)
      ? fixedElement(requantizing, sum)
      : clamp(acc, f(activation.min), f(activation.max));
  });
  return out;
}

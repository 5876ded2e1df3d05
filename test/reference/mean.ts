import { elementCount, type NodeOf } from "../../src/graph/graph.ts";
import { meanParameters, meanQuantized } from "../../src/numerics/mean.ts";
import { quantizedRange } from "../../src/numerics/range.ts";
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

export function mean(node: NodeOf<"mean">, operands: Operands): Numbers {
  const [x] = node.inputs;
  const [y] = node.outputs;
  const { shape } = x!;
  const kept = shape.map((d, axis) => (node.attributes.axes.includes(axis) ? 1 : d));
  const steps = stridesOf(kept).map((step, axis) => (kept[axis] === 1 ? 0 : step));
  const sums = new Array<number>(elementCount(kept)).fill(0);
  numbers(operands, 0).forEach((value, flat) => {
    const at = indexOf(flat, shape).reduce((sum, i, axis) => sum + i * steps[axis], 0);
    sums[at] = isQuantized(y) ? sums[at] + value : f(sums[at] + value);
  });
  const count = elementCount(shape) / sums.length;
  const out = emptyNumbers(y);
  if (!isQuantized(y)) {
    out.set(sums.map((sum) => f(sum / count)));
    return out;
  }
  const how = meanParameters(operands.graph.rounding, scalarQuantization(x!), scalarQuantization(y), count);
  out.set(sums.map((sum) => meanQuantized(sum, how, quantizedRange(y.dtype))));
  return out;
}

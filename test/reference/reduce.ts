import { elementCount, type NodeOf, type TensorData } from "../../src/graph/graph.ts";
import { meanQuantized, sumParameters } from "../../src/numerics/mean.ts";
import { quantizedRange } from "../../src/numerics/range.ts";
import {
  emptyLike,
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

/** The elements that meet in each output, in row-major order. */
function groups(x: ArrayLike<number>, shape: readonly number[], axes: readonly number[]): number[][] {
  const kept = shape.map((d, axis) => (axes.includes(axis) ? 1 : d));
  const steps = stridesOf(kept);
  const out = Array.from({ length: elementCount(kept) }, (): number[] => []);
  for (let flat = 0; flat < x.length; flat++) {
    const index = indexOf(flat, shape);
    out[index.reduce((sum, i, axis) => sum + (kept[axis] === 1 ? 0 : i * steps[axis]), 0)].push(x[flat]);
  }
  return out;
}

export function reduce(node: NodeOf<"reduce">, operands: Operands): Numbers {
  const [x] = node.inputs;
  const [y] = node.outputs;
  const { kind, axes } = node.attributes;
  const out = emptyNumbers(y);
  const round = y.dtype === "int32" ? (v: number) => v | 0 : f;
  const rows = groups(numbers(operands, 0), x!.shape, axes);
  out.set(
    rows.map((row) => {
      if (kind === "max") return Math.max(...row);
      if (kind === "min") return Math.min(...row);
      if (kind === "prod") return row.reduce((p, v) => (y.dtype === "int32" ? Math.imul(p, v) : f(p * v)));
      if (!isQuantized(y)) return row.reduce((sum, v) => round(sum + v), 0);
      const how = sumParameters(
        operands.graph.rounding,
        scalarQuantization(x!),
        scalarQuantization(y),
        row.length,
      );
      const sum = row.reduce((total, v) => total + v, 0);
      return meanQuantized(sum, how, quantizedRange(y.dtype));
    }),
  );
  return out;
}

export function argExtreme(node: NodeOf<"argExtreme">, operands: Operands): TensorData {
  const [y] = node.outputs;
  const { axis, kind, last } = node.attributes;
  const found = groups(numbers(operands, 0), node.inputs[0]!.shape, [axis]).map((row) => {
    let best = 0;
    for (let i = 1; i < row.length; i++) {
      const isBeyond = kind === "max" ? row[i] > row[best] : row[i] < row[best];
      if (isBeyond || (last && row[i] === row[best])) best = i;
    }
    return best;
  });
  const out = emptyLike(y);
  for (let i = 0; i < found.length; i++) {
    if (out instanceof BigInt64Array) out[i] = BigInt(found[i]);
    else out[i] = found[i];
  }
  return out;
}

export function cumsum(node: NodeOf<"cumsum">, operands: Operands): Numbers {
  const [y] = node.outputs;
  const { axis, exclusive, reverse } = node.attributes;
  const x = numbers(operands, 0);
  const out = emptyNumbers(y);
  const round = y.dtype === "int32" ? (v: number) => v | 0 : f;
  const step = stridesOf(y.shape)[axis];
  const count = y.shape[axis];
  for (let flat = 0; flat < x.length; flat++) {
    if (indexOf(flat, y.shape)[axis] !== 0) continue;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const at = flat + (reverse ? count - 1 - k : k) * step;
      const next = round(sum + x[at]);
      out[at] = exclusive ? sum : next;
      sum = next;
    }
  }
  return out;
}

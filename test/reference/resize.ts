import type { NodeOf } from "../../src/graph/graph.ts";
import { integerResize } from "../../src/numerics/resize.ts";
import {
  emptyNumbers,
  indexOf,
  isQuantized,
  type Numbers,
  numbers,
  type Operands,
  stridesOf,
} from "./tensor.ts";

const f = Math.fround;

export function resize2d(node: NodeOf<"resize2d">, operands: Operands): Numbers {
  const x = numbers(operands, 0);
  const [y] = node.outputs;
  const { axis } = node.attributes;
  const steps = stridesOf(node.inputs[0]!.shape);
  const integer = isQuantized(y)
    ? integerResize(node.attributes, operands.graph.rounding, y.dtype === "uint8")!
    : undefined;
  const { rows, columns } = integer ?? node.attributes;
  const rowWeights = integer?.rowWeights ?? rows.weight;
  const columnWeights = integer?.columnWeights ?? columns.weight;
  const round = integer ? (v: number) => v : f;
  const sum = (terms: number[]): number => terms.reduce((a, b) => round(a + b));
  const out = emptyNumbers(y);
  for (let flat = 0; flat < out.length; flat++) {
    const index = indexOf(flat, y.shape);
    const first = index.reduce((at, i, d) => (d === axis || d === axis + 1 ? at : at + i * steps[d]), 0);
    const taps = (count: number, position: number) =>
      Array.from({ length: count }, (_, t) => position * count + t);
    const value = sum(
      taps(rows.taps, index[axis]).map((r) => {
        const part = sum(
          taps(columns.taps, index[axis + 1]).map((c) => {
            const at = first + rows.index[r] * steps[axis] + columns.index[c] * steps[axis + 1];
            return round(columnWeights[c] * x[at]);
          }),
        );
        return round(rowWeights[r] * part);
      }),
    );
    if (!integer) out[flat] = value;
    else {
      const scaled = value / 2 ** integer.shift;
      out[flat] = integer.halvesAway && scaled < 0 ? -Math.floor(-scaled + 0.5) : Math.floor(scaled + 0.5);
    }
  }
  return out;
}

import type { NodeOf } from "../../src/graph/graph.ts";
import { emptyNumbers, type Numbers, numbers, type Operands } from "./tensor.ts";

const f = Math.fround;

/** Four running sums that the elements join in turn. */
function sumInFours(values: readonly number[]): number {
  const sums = [0, 0, 0, 0];
  values.forEach((v, i) => {
    sums[i % 4] = f(sums[i % 4] + v);
  });
  return f(f(sums[0] + sums[1]) + f(sums[2] + sums[3]));
}

export function normalize(node: NodeOf<"normalize">, operands: Operands): Numbers {
  const x = numbers(operands, 0);
  const scale = node.inputs[1] ? numbers(operands, 1) : null;
  const bias = node.inputs[2] ? numbers(operands, 2) : null;
  const { centered, isSum, floor } = node.attributes;
  const epsilon = f(node.attributes.epsilon);
  const depth = node.outputs[0].shape.at(-1)!;
  const out = emptyNumbers(node.outputs[0]);
  for (let row = 0; row < x.length; row += depth) {
    const values = Array.from(x.slice(row, row + depth));
    const mean = centered ? f(sumInFours(values) / depth) : 0;
    const centeredValues = values.map((v) => f(v - mean));
    let s = sumInFours(centeredValues.map((v) => f(v * v)));
    if (!isSum) s = f(s / depth);
    s = floor ? (s < epsilon ? epsilon : s) : f(s + epsilon);
    const factor = f(1 / f(Math.sqrt(s)));
    centeredValues.forEach((v, i) => {
      let y = f(v * factor);
      if (scale) y = f(y * scale[i]);
      if (bias) y = f(y + bias[i]);
      out[row + i] = y;
    });
  }
  return out;
}

import type { NodeOf } from "../../src/graph/graph.ts";
import { blockedWeights, quantizeRowValue, rowQuantization, weightSum } from "../../src/numerics/dynamic.ts";
import type { Operands } from "./tensor.ts";

const f = Math.fround;

/** docs/numerics.md, "Dynamic activations". */
export function dynamicFullyConnected(
  node: NodeOf<"dynamicFullyConnected">,
  { values }: Operands,
): Float32Array {
  const { codebook, activation } = node.attributes;
  const [x, data, bias] = values as [Float32Array, Int8Array, Float32Array | null];
  const w = blockedWeights(node, node.inputs[1]!, data);
  const rows = x.length / w.k;
  const y = new Float32Array(rows * w.n);
  for (let m = 0; m < rows; m++) {
    const row = x.subarray(m * w.k, (m + 1) * w.k);
    const { scale, zeroPoint, inverse } = rowQuantization(row);
    const q = Array.from(row, (v) => quantizeRowValue(v, inverse, zeroPoint));
    for (let n = 0; n < w.n; n++) {
      let total = 0;
      for (let b = 0; b < w.blocks; b++) {
        let sum = 0;
        for (let k = b * w.blockSize; k < Math.min(w.k, (b + 1) * w.blockSize); k++) {
          const stored = data[n * w.k + k];
          sum += q[k] * ((codebook ? codebook[stored] : stored) - w.zeroPoint[n * w.blocks + b]);
        }
        total = f(total + f(f(sum) * w.scale[n * w.blocks + b]));
      }
      const centred = f(total - f(zeroPoint * weightSum(w, n, codebook)));
      let v = f(f(scale * centred) + (bias?.[n] ?? 0));
      if (v < activation.min) v = activation.min;
      if (activation.max < v) v = activation.max;
      y[m * w.n + n] = v;
    }
  }
  return y;
}

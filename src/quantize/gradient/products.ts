/** Products of matrices on the engine, which takes a small part of the time that loops of JavaScript take. */

import { noActivation, type Tensor } from "../../graph/graph.ts";
import { makeNode } from "../../graph/passes/rewrite.ts";
import type { Executor, MakeExecutor } from "../executor.ts";

/** a is m × k and b k × n; where it is transposed, b lies the other way round. */
interface Sizes {
  m: number;
  k: number;
  n: number;
  transposeB?: boolean;
}

export interface Products {
  /** a · b, row by row, in a view that the next product of the same sizes overwrites. */
  multiply(a: Float32Array, b: Float32Array, sizes: Sizes): Float32Array;
  dispose(): void;
}

export function createProducts(makeExecutor: MakeExecutor): Products {
  const known = new Map<string, { executor: Executor; y: Tensor }>();
  const made = ({ m, k, n, transposeB = false }: Sizes) => {
    const key = [m, k, n, transposeB].join();
    const found = known.get(key);
    if (found) return found;
    const matrix = (name: string, shape: number[]): Tensor => ({ name, dtype: "float32", shape });
    const a = matrix("a", [m, k]);
    const b = matrix("b", transposeB ? [n, k] : [k, n]);
    const y = matrix("y", [m, n]);
    const executor = makeExecutor({
      name: "product",
      nodes: [
        makeNode("matmul", "y", [a, b, null], y, {
          transposeA: false,
          transposeB,
          activation: noActivation,
        }),
      ],
      inputs: [a, b],
      outputs: [y],
      rounding: "single",
    });
    known.set(key, { executor, y });
    return { executor, y };
  };
  return {
    multiply(a, b, sizes) {
      const { executor, y } = made(sizes);
      executor.run([a, b]);
      return executor.read(y) as Float32Array;
    },
    dispose() {
      for (const { executor } of known.values()) executor.dispose();
      known.clear();
    },
  };
}

import { describe, expect, test } from "vitest";
import { noActivation, type Tensor } from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import { caseOf, graphOf, node, randomFrom, type Spread } from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

const f32 = (name: string, shape: number[]): Tensor => ({ name, dtype: "float32", shape });
let seed = 5000;

interface Options {
  transposeA?: boolean;
  transposeB?: boolean;
  bias?: boolean;
  activation?: { min: number; max: number };
  spread?: Spread;
}

/** a's batch × [m, k] by b's batch × [k, n]. */
function graphWith(aBatch: number[], bBatch: number[], m: number, k: number, n: number, options: Options) {
  const { transposeA = false, transposeB = false, activation = noActivation } = options;
  const rank = Math.max(aBatch.length, bBatch.length);
  const batch = Array.from({ length: rank }, (_, i) =>
    Math.max(aBatch[i - rank + aBatch.length] ?? 1, bBatch[i - rank + bBatch.length] ?? 1),
  );
  const a = f32("a", [...aBatch, ...(transposeA ? [k, m] : [m, k])]);
  const b = f32("b", [...bBatch, ...(transposeB ? [n, k] : [k, n])]);
  const bias = options.bias ? f32("bias", [n]) : null;
  const y = f32("y", [...batch, m, n]);
  return graphOf([node("matmul", [a, b, bias], y, { transposeA, transposeB, activation })]);
}

function check(aBatch: number[], bBatch: number[], m: number, k: number, n: number, options: Options = {}) {
  const random = randomFrom(seed++);
  const graph = graphWith(aBatch, bBatch, m, k, n, options);
  const label = `[${aBatch}|${m},${k}]×[${bBatch}|${k},${n}] ${JSON.stringify(options)}`;
  expectExact(caseOf(random, graph, options.spread), label);
}

describe("matmul of two computed operands", () => {
  test.each([false, true])("every tile edge, transposeB %s", (transposeB) => {
    const edges = [1, 3, 4, 7, 8, 9, 16, 17, 33];
    for (const [i, n] of edges.entries())
      for (const [j, k] of edges.entries())
        check([], [], [1, 2, 3, 4, 5, 8, 9][(i * 3 + j) % 7]!, k, n, { transposeB, bias: (i + j) % 3 === 0 });
  });

  test("transposed first operand, with and without the second", () => {
    for (const [m, k, n] of [
      [1, 5, 3],
      [4, 1, 8],
      [9, 7, 17],
    ] as const)
      for (const transposeB of [false, true]) {
        check([], [], m, k, n, { transposeA: true, transposeB });
        check([2, 3], [3], m, k, n, { transposeA: true, transposeB });
      }
  });

  test("leading dimensions broadcast as in numpy", () => {
    check([3], [3], 5, 6, 9);
    check([3], [1], 5, 6, 9);
    check([1], [3], 5, 6, 9, { transposeB: true });
    check([2, 3], [3], 4, 5, 8);
    check([3], [2, 3], 4, 5, 8);
    check([2, 1], [1, 3], 4, 5, 8, { bias: true });
    check([2, 3, 1, 2], [1, 3, 4, 1], 3, 4, 5);
    check([], [2, 2], 1, 9, 3);
    check([2, 2], [], 1, 9, 3);
  });

  test("bias and fused activation", () => {
    check([2], [2], 6, 40, 19, { bias: true, activation: { min: 0, max: Infinity } });
    check([2], [2], 6, 40, 19, { activation: { min: -1, max: 1 } });
  });

  test("NaN, infinities, signed zeros and subnormals", () => {
    for (const transposeB of [false, true])
      check([2], [2], 5, 6, 11, { transposeB, bias: true, spread: "special" });
    check([], [], 3, 4, 9, { spread: "zeros" });
  });

  test("a constant operand", () => {
    const random = randomFrom(seed++);
    const graph = graphWith([2], [2], 3, 4, 5, {});
    const [a, b] = graph.inputs as [Tensor, Tensor];
    b.data = Float32Array.from({ length: 40 }, () => random.real(-1, 1));
    expectExact(caseOf(random, { ...graph, inputs: [a] }));
  });

  test("what has no kernel is refused by name", () => {
    const graph = graphWith([1, 2, 1, 2, 1, 2], [2, 1, 2, 1, 2, 1], 2, 2, 2, {});
    expect(() => pack(graph)).toThrow(/matmul "y".*more than 4 leading dimensions/);
    const halves = graphWith([], [], 2, 2, 2, {});
    halves.inputs[1]!.dtype = "int8";
    expect(() => pack(halves)).toThrow(/matmul "y": tensor "b" is int8/);
  });
});

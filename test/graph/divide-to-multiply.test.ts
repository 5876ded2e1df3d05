import { describe, expect, it } from "vitest";
import { type Graph, noActivation, type Tensor } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { constantOf, graphOf, node } from "../helpers/graphs.ts";
import { runReference } from "../reference/run.ts";

const float = (name: string, shape: number[]): Tensor => ({ name, dtype: "float32", shape });
const constant = (name: string, shape: number[], values: number[]): Tensor =>
  constantOf(float(name, shape), Float32Array.from(values));

const plain = { activation: noActivation };
const weights = constant("w", [2, 3], [1, -2, 3, 0.5, 4, -1]);
const bias = constant("b", [2], [10, -20]);

function divided(graph: Graph, input: number[]): [ops: string[], before: number[], after: number[]] {
  const optimized = optimize(graph);
  const values = (g: Graph) =>
    Array.from(runReference(g, [Float32Array.from(input)]).get(g.outputs[0]!)!, Number);
  return [optimized.nodes.map(({ op }) => op), values(graph), values(optimized)];
}

const expectNear = (a: number[], b: number[]): void => {
  expect(a).toHaveLength(b.length);
  for (const [i, v] of a.entries()) expect(Math.abs(v - b[i]!)).toBeLessThan(1e-5 * (1 + Math.abs(v)));
};

describe("divideToMultiply", () => {
  it("a division behind a layer goes into its weights and bias", () => {
    const [x, y, z] = [float("x", [1, 3]), float("y", [1, 2]), float("z", [1, 2])];
    const graph = graphOf([
      node("fullyConnected", [x, weights, bias], y, plain),
      node("binary", [y, constant("d", [2], [3, -7])], z, { kind: "div", ...plain }),
    ]);
    const [ops, before, after] = divided(graph, [1, 2, 3]);
    expect(ops).toEqual(["fullyConnected"]);
    expectNear(before, after);
  });

  it("(x − mean) / deviation in front of a layer goes into it", () => {
    const [x, centred, scaled, y] = [
      float("x", [1, 3]),
      float("c", [1, 3]),
      float("s", [1, 3]),
      float("y", [1, 2]),
    ];
    const graph = graphOf([
      node("sub", [x, constant("m", [3], [1, 2, 5])], centred, plain),
      node("binary", [centred, constant("d", [3], [3, 0.3, 7])], scaled, { kind: "div", ...plain }),
      node("fullyConnected", [scaled, weights, bias], y, plain),
    ]);
    const [ops, before, after] = divided(graph, [0.5, 9, -4]);
    expect(ops).toEqual(["fullyConnected"]);
    expectNear(before, after);
  });

  it("stays a division away from weights, and where a divisor has no reciprocal", () => {
    const [x, y, z] = [float("x", [1, 3]), float("y", [1, 3]), float("z", [1, 2])];
    const alone = graphOf([node("binary", [x, constant("d", [3], [3, 5, 7])], y, { kind: "div", ...plain })]);
    expect(optimize(alone).nodes.map(({ op }) => op)).toEqual(["binary"]);
    const zero = graphOf([
      node("binary", [x, constant("d", [3], [3, 0, 7])], y, { kind: "div", ...plain }),
      node("fullyConnected", [y, weights, bias], z, plain),
    ]);
    expect(optimize(zero).nodes.map(({ op }) => op)).toEqual(["binary", "fullyConnected"]);
  });
});

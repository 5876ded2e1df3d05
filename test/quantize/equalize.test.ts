import { describe, expect, it } from "vitest";
import { type Graph, type Node, noActivation } from "../../src/graph/graph.ts";
import { equalize } from "../../src/quantize/methods/equalize.ts";
import { createExecutor } from "../../src/runtime/executor.ts";
import { activation, constant, convolution, graphOf, operator, pooling, randomValues } from "./build.ts";

const relu = { min: 0, max: Infinity };

/** conv a (relu) → depthwise b (relu) → average pool → conv c, with channels of very different size. */
function chain(bounds = relu): Graph {
  const [x, a, b, p, y] = [
    activation("x", [1, 4, 4, 2]),
    activation("a", [1, 4, 4, 3]),
    activation("b", [1, 4, 4, 3]),
    activation("p", [1, 2, 2, 3]),
    activation("y", [1, 2, 2, 2]),
  ];
  const wa = randomValues(6, 1).map((w, i) => w * [1, 100, 0.01][Math.floor(i / 2)]!);
  const wc = randomValues(6, 2).map((w, i) => w * [1, 0.01, 100][i % 3]!);
  const nodes = [
    operator("conv2d", [x, constant("wa", [3, 1, 1, 2], wa), constant("ba", [3], [0.1, 5, 0.001])], a, {
      ...convolution,
      activation: bounds,
    }),
    operator("depthwiseConv2d", [a, constant("wb", [1, 1, 1, 3], [1, 0.5, 2]), null], b, {
      ...convolution,
      activation: relu,
      multiplier: 1,
    }),
    operator("averagePool2d", [b], p, pooling),
    operator("conv2d", [p, constant("wc", [2, 1, 1, 3], wc), null], y, convolution),
  ];
  return graphOf([x], nodes, [y]);
}

const run = (graph: Graph, input: Float32Array): number[] => {
  const executor = createExecutor(graph);
  executor.run([input]);
  const found = [...(executor.read(graph.outputs[0]!) as Float32Array)];
  executor.dispose();
  return found;
};

const magnitudes = (node: Node, channelOf: (i: number) => number): number[] => {
  const found: number[] = [];
  (node.inputs[1]!.data as Float32Array).forEach((w, i) => {
    const c = channelOf(i);
    found[c] = Math.max(found[c] ?? 0, Math.abs(w));
  });
  return found;
};

describe("equalize", () => {
  it("computes what the graph did, with channels of like reach", () => {
    const graph = chain();
    const before = structuredClone(graph.nodes.map((node) => node.inputs[1]?.data));
    const { graph: even, pairs } = equalize(graph);
    expect(pairs).toEqual([
      { first: "a node", second: "b node" },
      { first: "b node", second: "y node" },
    ]);
    const input = randomValues(32, 8);
    const [expected, found] = [run(graph, input), run(even, input)];
    const largest = Math.max(...expected.map(Math.abs));
    for (const [i, value] of found.entries())
      expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5 * largest);
    const spread = (g: Graph) => {
      const m = magnitudes(g.nodes[0]!, (i) => Math.floor(i / 2));
      return Math.max(...m) / Math.min(...m);
    };
    expect(spread(graph)).toBeGreaterThan(1000);
    expect(spread(even)).toBeLessThan(100);
    expect(graph.nodes.map((node) => node.inputs[1]?.data)).toEqual(before);
    expect(even.nodes[0]!.outputs[0]).toBe(graph.nodes[0]!.outputs[0]);
  });

  it("leaves channels behind ReLU6, branches and outputs alone", () => {
    expect(equalize(chain({ min: 0, max: 6 })).pairs).toEqual([{ first: "b node", second: "y node" }]);
    const branched = chain();
    branched.outputs.push(branched.nodes[0]!.outputs[0]!);
    expect(equalize(branched).pairs).toEqual([{ first: "b node", second: "y node" }]);
    const twice = chain();
    const z = activation("z", [1, 4, 4, 3]);
    const a = twice.nodes[0]!.outputs[0]!;
    twice.nodes.push(operator("add", [a, a], z, { activation: noActivation }));
    twice.outputs.push(z);
    expect(equalize(twice).pairs).toEqual([{ first: "b node", second: "y node" }]);
  });

  it("does not blow up a channel whose weights are next to nothing", () => {
    const graph = chain();
    const weights = graph.nodes[0]!.inputs[1]!.data as Float32Array;
    weights.fill(1e-20, 2, 4);
    const { graph: even } = equalize(graph);
    const input = randomValues(32, 8);
    const executor = createExecutor(even);
    executor.run([input]);
    const largest = Math.max(...(executor.read(even.nodes[0]!.outputs[0]!) as Float32Array));
    executor.dispose();
    expect(largest).toBeLessThan(1000);
  });

  it("names weights that are not finite", () => {
    const graph = chain();
    (graph.nodes[0]!.inputs[1]!.data as Float32Array)[3] = Number.NaN;
    expect(() => equalize(graph)).toThrow('tensor "wa": element 3 is NaN, expected finite values');
  });
});

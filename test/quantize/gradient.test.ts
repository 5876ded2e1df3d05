import { describe, expect, it } from "vitest";
import { type Graph, noActivation } from "../../src/graph/graph.ts";
import { createNetwork } from "../../src/quantize/gradient/network.ts";
import { quantize } from "../../src/quantize/index.ts";
import { activation, constant, convolution, graphOf, operator, randomValues } from "./build.ts";
import { referenceExecutor } from "./reference-executor.ts";

const relu = { min: 0, max: Infinity };

/** Convolution → depthwise → pointwise, added to what came in, averaged, one layer. */
function network(): Graph {
  const x = activation("x", [1, 5, 4, 3]);
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => activation(name, [1, 5, 4, 8]));
  const mean = activation("mean", [1, 8]);
  const y = activation("y", [1, 3]);
  const same = { ...convolution, padding: { top: 1, left: 1, bottom: 1, right: 1 } };
  const w = (name: string, shape: number[], seed: number) => {
    const count = shape.reduce((p, q) => p * q, 1);
    return constant(name, shape, randomValues(count, seed, 2 / Math.sqrt(count / shape[0]!)));
  };
  return graphOf(
    [x],
    [
      operator("conv2d", [x, w("w1", [8, 3, 3, 3], 1), w("b1", [8], 2)], a!, { ...same, activation: relu }),
      operator("depthwiseConv2d", [a!, w("w2", [1, 3, 3, 8], 3), w("b2", [8], 4)], b!, {
        ...same,
        multiplier: 1,
      }),
      operator("conv2d", [b!, w("w3", [8, 1, 1, 8], 5), null], c!, { ...convolution, activation: relu }),
      operator("add", [a!, c!], d!, { activation: relu }),
      operator("mean", [d!], mean, { axes: [1, 2], keepDims: false }),
      operator("fullyConnected", [mean, w("w4", [3, 8], 6), w("b4", [3], 7)], y, {
        activation: noActivation,
      }),
    ],
    [y],
  );
}

describe("a network run backwards", () => {
  it("computes what the reference does, and gradients that small changes confirm", () => {
    const graph = network();
    const net = createNetwork(graph);
    const input = randomValues(60, 11);
    const reference = referenceExecutor(graph);
    reference.run([input]);
    net.forward([input]);
    const [y] = graph.outputs;
    const expected = reference.read(y!);
    for (const [i, value] of net.value(y!).entries()) expect(value).toBeCloseTo(Number(expected[i]), 4);

    const direction = [0.3, -1, 0.7];
    const loss = () => {
      net.forward([input]);
      return net.value(y!).reduce((sum, value, i) => sum + value * direction[i]!, 0);
    };
    loss();
    net.gradient(y!).set(direction);
    net.backward();
    expect(net.layers).toHaveLength(4);
    for (const { weights, bias } of net.layers)
      for (const part of bias ? [weights, bias] : [weights])
        for (let i = 0; i < part.value.length; i += 7) {
          const kept = part.value[i]!;
          part.value[i] = kept + 1e-5;
          const above = loss();
          part.value[i] = kept - 1e-5;
          const slope = (above - loss()) / 2e-5;
          part.value[i] = kept;
          expect(part.gradient[i]).toBeCloseTo(slope, 4);
        }
  });

  it("names an operator that it cannot go back through", () => {
    const [x, y] = [activation("x", [1, 4]), activation("y", [1, 4])];
    const graph = graphOf([x], [operator("softmax", [x], y, { beta: 1 })], [y]);
    expect(() => createNetwork(graph)).toThrow(/softmax "y node": recovery runs backwards through/);
  });
});

describe("recovery", () => {
  const samples = Array.from({ length: 64 }, (_, i) => ({
    name: `${i}`,
    inputs: [randomValues(60, 100 + i)],
  }));
  const run = (recover?: number) =>
    quantize(network(), samples, {
      makeExecutor: referenceExecutor,
      recipe: { default: { scheme: "int8", prune: 0.5, pruneBlock: [1, 1] } },
      ...(recover && { recover }),
    });

  it("gives back much of what pruning takes, at the same share, the same on every run", {
    timeout: 60_000,
  }, () => {
    const [plain, recovered] = [run(), run(20)];
    expect(recovered.report.outputs[0]!.sqnr! - plain.report.outputs[0]!.sqnr!).toBeGreaterThan(3);
    const zeros = recovered.graph.nodes
      .filter(({ op, inputs }) => op !== "depthwiseConv2d" && inputs[1]?.data instanceof Int8Array)
      .flatMap(({ inputs }) => [...(inputs[1]!.data as Int8Array)]);
    expect(zeros.filter((w) => w === 0).length / zeros.length).toBeGreaterThan(0.48);
    expect(run(20).report).toEqual(recovered.report);
  });
});

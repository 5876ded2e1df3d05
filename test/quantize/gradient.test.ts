import { describe, expect, it } from "vitest";
import { type Graph, noActivation } from "../../src/graph/graph.ts";
import { createNetwork } from "../../src/quantize/gradient/network.ts";
import { createProducts } from "../../src/quantize/gradient/products.ts";
import { quantize } from "../../src/quantize/index.ts";
import { createExecutor } from "../../src/runtime/executor.ts";
import {
  activation,
  constant,
  convolution,
  graphOf,
  operator,
  pooling,
  random,
  randomValues,
} from "./build.ts";
import { referenceExecutor } from "./reference-executor.ts";

const relu = { min: 0, max: Infinity };
const same = { ...convolution, padding: { top: 1, left: 1, bottom: 1, right: 1 } };
const w = (name: string, shape: number[], seed: number) => {
  const count = shape.reduce((p, q) => p * q, 1);
  return constant(name, shape, randomValues(count, seed, 2 / Math.sqrt(count / shape[0]!)));
};

/** Convolution → depthwise → pointwise, added to what came in, averaged, one layer. */
function network(): Graph {
  const x = activation("x", [1, 5, 4, 3]);
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => activation(name, [1, 5, 4, 8]));
  const mean = activation("mean", [1, 8]);
  const y = activation("y", [1, 3]);
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

/** Groups, several filters a channel, strides, both pools with padding, a bound above, a flattening, probabilities. */
function mixed(): Graph {
  const x = activation("x", [1, 6, 5, 4]);
  const [a, b] = [activation("a", [1, 6, 5, 4]), activation("b", [1, 3, 3, 8])];
  const [c, d] = [activation("c", [1, 3, 3, 8]), activation("d", [1, 2, 2, 8])];
  const [e, f, y] = [activation("e", [1, 32]), activation("f", [1, 5]), activation("y", [1, 5])];
  const pads = { top: 1, left: 1, bottom: 1, right: 1 };
  return graphOf(
    [x],
    [
      operator("conv2d", [x, w("w1", [4, 3, 3, 2], 1), w("b1", [4], 2)], a, {
        ...{ ...same, groups: 2, activation: { min: 0, max: 0.8 } },
      }),
      operator("depthwiseConv2d", [a, w("w2", [1, 3, 3, 8], 3), null], b, {
        ...{ ...same, stride: [2, 2], multiplier: 2 },
      }),
      operator("averagePool2d", [b], c, {
        ...{ ...pooling, kernel: [3, 3], stride: [1, 1], padding: pads, countIncludePad: true },
      }),
      operator("maxPool2d", [c], d, { ...pooling, padding: { top: 0, left: 0, bottom: 1, right: 1 } }),
      operator("reshape", [d], e, {}),
      operator("fullyConnected", [e, w("w3", [5, 32], 4), w("b3", [5], 5)], f, { activation: noActivation }),
      operator("softmax", [f], y, { beta: 1.5 }),
    ],
    [y],
  );
}

describe("a network run backwards", () => {
  it.each([
    ["with an addition", network],
    ["with pools and groups", mixed],
  ])("%s computes what the reference does, and gradients that small changes confirm", (_, build) => {
    const graph = build();
    const [x] = graph.inputs;
    const [y] = graph.outputs;
    const size = x!.shape.reduce((p, q) => p * q, 1);
    const products = createProducts(referenceExecutor);
    const net = createNetwork(graph, 2, products);
    const inputs = randomValues(2 * size, 11);
    net.forward([inputs]);
    const reference = referenceExecutor(graph);
    const width = net.value(y!).length / 2;
    for (const sample of [0, 1]) {
      reference.run([inputs.slice(sample * size, (sample + 1) * size)]);
      const expected = reference.read(y!);
      const found = net.value(y!).subarray(sample * width);
      for (let i = 0; i < width; i++) expect(found[i]).toBeCloseTo(Number(expected[i]), 4);
    }

    const next = random(5);
    const direction = net.value(y!).map(() => next());
    const loss = () => {
      net.forward([inputs]);
      return net.value(y!).reduce((sum, value, i) => sum + value * direction[i]!, 0);
    };
    loss();
    net.gradient(y!).set(direction);
    net.backward();
    let checked = 0;
    for (const { weights, bias } of net.layers)
      for (const part of bias ? [weights, bias] : [weights])
        for (let i = 0; i < part.value.length; i += 5) {
          const kept = part.value[i]!;
          part.value[i] = kept + 2e-3;
          const above = loss();
          part.value[i] = kept - 2e-3;
          const slope = (above - loss()) / 4e-3;
          part.value[i] = kept;
          // Kinks within the step are allowed for.
          expect(Math.abs(part.gradient[i]! - slope)).toBeLessThan(0.02 + 0.05 * Math.abs(slope));
          checked++;
        }
    expect(checked).toBeGreaterThan(20);
    products.dispose();
  });

  it("names an operator that it cannot go back through", () => {
    const [x, y] = [activation("x", [1, 4]), activation("y", [1, 4])];
    const graph = graphOf([x], [operator("transpose", [x], y, { perm: [1, 0] })], [y]);
    expect(() => createNetwork(graph, 1, createProducts(referenceExecutor))).toThrow(
      /transpose "y node": training runs backwards through/,
    );
  });
});

describe("recovery", () => {
  const samples = Array.from({ length: 64 }, (_, i) => ({
    name: `${i}`,
    inputs: [randomValues(60, 100 + i)],
  }));
  const run = (recover?: number) =>
    quantize(network(), samples, {
      makeExecutor: createExecutor,
      recipe: { default: { scheme: "int8", prune: 0.5, pruneBlock: [1, 1] } },
      ...(recover && { recover }),
    });

  it("gives back much of what pruning takes, at the same share, the same on every run", {
    timeout: 120_000,
  }, () => {
    const [plain, recovered] = [run(), run(200)];
    expect(recovered.report.outputs[0]!.sqnr! - plain.report.outputs[0]!.sqnr!).toBeGreaterThan(3);
    const zeros = recovered.graph.nodes
      .filter(({ op, inputs }) => op !== "depthwiseConv2d" && inputs[1]?.data instanceof Int8Array)
      .flatMap(({ inputs }) => [...(inputs[1]!.data as Int8Array)]);
    expect(zeros.filter((w) => w === 0).length / zeros.length).toBeGreaterThan(0.48);
    expect(run(200).report).toEqual(recovered.report);
  });

  it("refuses where nothing was taken away", () => {
    expect(() => quantize(network(), samples, { makeExecutor: referenceExecutor, recover: 1 })).toThrow(
      /nothing is pruned/,
    );
  });
});

import { describe, expect, it } from "vitest";
import { type Graph, type Node, noActivation } from "../../src/graph/graph.ts";
import { quantize } from "../../src/quantize/index.ts";
import type { Recipe } from "../../src/quantize/recipe.ts";
import { createExecutor } from "../../src/runtime/executor.ts";
import { activation, constant, convolution, graphOf, operator, randomValues } from "./build.ts";

const shape = [1, 4, 4, 8];

/** Two convolutions and a depthwise one over inputs whose mean is far from zero. */
function model(): Graph {
  const [x, a, b, y] = ["x", "a", "b", "y"].map((name) => activation(name, shape));
  const relu = { min: 0, max: Infinity };
  // One large weight a channel makes the step coarse, the small ones are all rounded the same way.
  const weights = (seed: number) =>
    randomValues(64, seed).map((w, i) => (i % 8 === Math.floor(i / 8) ? 1 : 0.0125 + 0.0005 * w));
  return graphOf(
    [x!],
    [
      operator("conv2d", [x!, constant("wa", [8, 1, 1, 8], weights(1)), null], a!, {
        ...convolution,
        activation: relu,
      }),
      operator(
        "depthwiseConv2d",
        [a!, constant("wb", [1, 1, 1, 8], randomValues(8, 3)), constant("bb", [8], randomValues(8, 4))],
        b!,
        {
          ...convolution,
          multiplier: 1,
        },
      ),
      operator("conv2d", [b!, constant("wc", [8, 1, 1, 8], weights(2)), null], y!, {
        ...convolution,
        activation: noActivation,
      }),
    ],
    [y!],
  );
}

const samples = Array.from({ length: 12 }, (_, i) => ({
  name: `${i}`,
  inputs: [randomValues(128, 20 + i).map((v) => 2 + v)],
}));

/** Mean of quantized − float, per channel, largest of all. */
function meanShift(float: Graph, quantized: Graph): number {
  const [a, b] = [createExecutor(float), createExecutor(quantized)];
  const sums = new Float64Array(8);
  for (const { inputs } of samples) {
    a.run([...inputs]);
    b.run([...inputs]);
    const [x, y] = [a.read(float.outputs[0]!), b.read(quantized.outputs[0]!)];
    for (let i = 0; i < x.length; i++)
      sums[i % 8]! += (Number(y[i]) - Number(x[i])) / (x.length / 8) / samples.length;
  }
  a.dispose();
  b.dispose();
  return Math.max(...sums.map(Math.abs));
}

describe("bias correction", () => {
  it("doesn't take away twice what a second-order method took away", () => {
    const plain = model();
    const nodes = plain.nodes.map((node, i) => {
      const [x, weights, bias] = node.inputs;
      return {
        ...node,
        inputs: [x, weights, bias ?? constant(`b${i}`, [8], randomValues(8, 50 + i))],
      } as Node;
    });
    const graph = { ...plain, nodes };
    const recipe: Recipe = { default: { method: "gptq", prune: 0.5, pruneBlock: [1, 1] } };
    const options = { makeExecutor: createExecutor, recipe, biasCorrection: true };
    const corrected = quantize(graph, samples, options);
    expect(meanShift(graph, corrected.graph)).toBeLessThan(corrected.report.layers.at(-1)!.scale! / 2);
  });

  it("takes the mean shift of every channel away", () => {
    const graph = model();
    const options = { makeExecutor: (g: Graph) => createExecutor(g) };
    const plain = quantize(graph, samples, options);
    const corrected = quantize(graph, samples, { ...options, biasCorrection: true });
    const [before, after] = [meanShift(graph, plain.graph), meanShift(graph, corrected.graph)];
    const step = corrected.report.layers.at(-1)!.scale!;
    expect(before).toBeGreaterThan(step);
    expect(after).toBeLessThan(step / 2);
    expect(corrected.report.outputs[0]!.sqnr!).toBeGreaterThan(plain.report.outputs[0]!.sqnr!);
    const layers = corrected.graph.nodes.filter(({ op }) => op === "conv2d" || op === "depthwiseConv2d");
    for (const { inputs } of layers) {
      const [x, weights, bias] = inputs;
      expect(bias!.dtype).toBe("int32");
      expect(bias!.quantization!.scale).toEqual(
        weights!.quantization!.scale.map((scale) => x!.quantization!.scale[0]! * scale),
      );
    }
    expect(graph.nodes[0]!.inputs[2]).toBeNull();
  });

  it("tells its progress, layer by layer", () => {
    const seen: unknown[] = [];
    quantize(model(), samples, {
      makeExecutor: (g) => createExecutor(g),
      biasCorrection: true,
      onProgress: (phase, done, total) => phase === "correct" && seen.push([done, total]),
    });
    expect(seen).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });

  it("corrects layers that a scheme has rounded too, and needs samples", () => {
    const layers = new Set<unknown>();
    const options = {
      makeExecutor: (g: Graph) => createExecutor(g),
      biasCorrection: true,
      onProgress: (phase: string, done: number) => phase === "correct" && layers.add(done),
    };
    quantize(model(), samples, { ...options, recipe: { default: { scheme: "int4", method: "mse" } } });
    expect(layers.size).toBe(3);
    const recipe = { default: { scheme: "float16" as const } };
    expect(() => quantize(model(), undefined, { ...options, recipe })).toThrow(
      "bias correction needs calibration samples",
    );
  });

  it("blames weights that are not finite, not a sample", () => {
    const graph = model();
    (graph.nodes[2]!.inputs[1]!.data as Float32Array)[5] = Infinity;
    expect(() => quantize(graph, samples, { makeExecutor: (g) => createExecutor(g) })).toThrow(
      'tensor "wc": element 5 is Infinity, expected finite values',
    );
  });
});

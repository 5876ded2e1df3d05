import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type Graph, noActivation, type Tensor } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { quantize } from "../../src/quantize/index.ts";
import { openSamples } from "../../src/samples/read.ts";
import type { Sample } from "../../src/samples/sample.ts";
import { activation, constant, convolution, graphOf, operator, pooling, randomValues } from "./build.ts";
import { referenceExecutor } from "./reference-executor.ts";

const relu = { min: 0, max: Infinity };
const same = { top: 1, left: 1, bottom: 1, right: 1 };

/** Weights of about unit gain over `terms` products. */
const weights = (name: string, shape: number[], terms: number, seed: number): Tensor => {
  const count = shape.reduce((n, d) => n * d, 1);
  return constant(name, shape, randomValues(count, seed, Math.sqrt(6 / terms)));
};
const bias = (name: string, count: number, seed: number) =>
  constant(name, [count], randomValues(count, seed, 0.2));

/**
 * 8×8×3 image → conv 3×3 → depthwise 3×3 → 1×1 conv + skip → concat with its tanh → average pool → pad →
 * max pool → mean → dense → softmax over 5 classes.
 */
function smallNet(): Graph {
  const [x, a, d, p, s, t, c, v, z, m, e, f, y] = (
    [
      ["x", [1, 8, 8, 3]],
      ["a", [1, 8, 8, 8]],
      ["d", [1, 8, 8, 8]],
      ["p", [1, 8, 8, 8]],
      ["s", [1, 8, 8, 8]],
      ["t", [1, 8, 8, 8]],
      ["c", [1, 8, 8, 16]],
      ["v", [1, 4, 4, 16]],
      ["z", [1, 6, 6, 16]],
      ["m", [1, 3, 3, 16]],
      ["e", [1, 16]],
      ["f", [1, 5]],
      ["y", [1, 5]],
    ] as [string, number[]][]
  ).map(([name, shape]) => activation(name, shape)) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const { groups: _, ...window } = { ...convolution, padding: same, activation: relu };
  const wide = { before: [0, 1, 1, 0], after: [0, 1, 1, 0], value: 0 };
  return graphOf(
    [x],
    [
      operator("conv2d", [x, weights("aw", [8, 3, 3, 3], 27, 1), bias("ab", 8, 2)], a, {
        ...convolution,
        padding: same,
        activation: relu,
      }),
      operator("depthwiseConv2d", [a, weights("dw", [1, 3, 3, 8], 9, 3), bias("db", 8, 4)], d, {
        ...window,
        multiplier: 1,
      }),
      operator("conv2d", [d, weights("pw", [8, 1, 1, 8], 8, 5), null], p, convolution),
      operator("add", [a, p], s, { activation: noActivation }),
      operator("unary", [s], t, { kind: "tanh" }),
      operator("concat", [s, t], c, { axis: 3, activation: noActivation }),
      operator("averagePool2d", [c], v, pooling),
      operator("pad", [v], z, wide),
      operator("maxPool2d", [z], m, pooling),
      operator("mean", [m], e, { axes: [1, 2], keepDims: false }),
      operator("fullyConnected", [e, weights("fw", [5, 16], 16, 6), bias("fb", 5, 7)], f, {
        activation: noActivation,
      }),
      operator("softmax", [f], y, { beta: 1 }),
    ],
    [f, y],
  );
}

const images = (count: number): Sample[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `image ${i}`,
    inputs: [randomValues(8 * 8 * 3, 100 + i)],
    label: i % 5,
  }));

describe("quantize, on the reference operators", () => {
  const samples = images(16);
  const options = { makeExecutor: referenceExecutor };

  it("keeps a small net of random weights above 25 dB in every layer", () => {
    const graph = smallNet();
    const before = structuredClone(graph);
    const { report, graph: quantized } = quantize(graph, samples, options);
    expect(graph).toEqual(before);
    expect(quantized.nodes.map(({ op }) => op)).toEqual([
      "quantize",
      ...graph.nodes.map(({ op }) => op),
      "dequantize",
      "dequantize",
    ]);
    expect(report.layers.map(({ tensor }) => tensor)).toEqual(
      graph.nodes.map((node) => node.outputs[0]!.name),
    );
    for (const { tensor, sqnr, dtype, cosine, clipped } of report.layers) {
      expect(dtype).toBe("int8");
      expect(sqnr).toBeGreaterThan(25);
      expect(cosine).toBeGreaterThan(0.99);
      // Calibrated on the same samples by their extremes; only tanh has a fixed range, which ends at 127/128.
      expect(clipped).toBeLessThanOrEqual(tensor === "t" ? 0.01 : 0);
    }
    expect(report.agreement!.total).toBe(16);
    expect(report.agreement!.correct).toBeGreaterThanOrEqual(15);
    expect(report.accuracy!.float.all.total).toBe(16);
    expect(report.float).toEqual([]);
  });

  it("is deterministic", () => {
    for (const method of ["min-max", "percentile"] as const) {
      const once = quantize(smallNet(), samples.slice(0, 4), { ...options, method });
      expect(quantize(smallNet(), samples.slice(0, 4), { ...options, method })).toEqual(once);
    }
  });

  it("loses less with scales per channel than per tensor", () => {
    const graph = smallNet();
    // One loud output channel spoils the grid of the others.
    const loud = graph.nodes[0]!.inputs[1]!.data as Float32Array;
    for (let i = 0; i < 27; i++) loud[i]! *= 30;
    const first = (perTensor: boolean) =>
      quantize(graph, samples.slice(0, 4), { ...options, perTensor }).graph.nodes[1]!.inputs[1]!;
    const quietError = (tensor: Tensor) => {
      const { scale } = tensor.quantization!;
      return loud.reduce(
        (sum, w, i) =>
          sum + (i < 27 ? 0 : w - (scale[Math.floor(i / 27)] ?? scale[0]!) * Number(tensor.data![i])) ** 2,
        0,
      );
    };
    expect(quietError(first(false)) * 10).toBeLessThan(quietError(first(true)));
  });

  it("gains from operators that stay float", () => {
    const names = smallNet().nodes.map(({ name }) => name);
    const all = quantize(smallNet(), samples.slice(0, 4), { ...options, exclude: names });
    expect(all.graph.nodes.map(({ op }) => op)).toEqual(smallNet().nodes.map(({ op }) => op));
    expect(all.report.outputs.every(({ sqnr }) => sqnr === null)).toBe(true);
    const some = quantize(smallNet(), samples.slice(0, 4), { ...options, exclude: names.slice(0, 3) });
    const none = quantize(smallNet(), samples.slice(0, 4), options);
    // Nothing but the rounding of its own output is left in the first int8 layer.
    expect(some.report.layers.slice(0, 3).every(({ sqnr }) => sqnr === null)).toBe(true);
    expect(some.report.layers[3]!.sqnr).toBeGreaterThan(none.report.layers[3]!.sqnr!);
    expect(some.report.layers.map(({ dtype }) => dtype).slice(0, 4)).toEqual([
      "float32",
      "float32",
      "float32",
      "int8",
    ]);
  });

  it("gives the same answers with an int8 interface", () => {
    const float = quantize(smallNet(), samples.slice(0, 4), options);
    const int8 = quantize(smallNet(), samples.slice(0, 4), { ...options, io: "int8" });
    expect(int8.graph.inputs[0]!.dtype).toBe("int8");
    expect(int8.graph.outputs.map(({ dtype }) => dtype)).toEqual(["int8", "int8"]);
    expect(int8.report.layers).toEqual(float.report.layers);
    expect(int8.report.outputs[0]!.sqnr).toBeCloseTo(float.report.outputs[0]!.sqnr!, 3);
  });

  it("reports on other samples than it calibrates on", () => {
    const phases: string[] = [];
    const { report } = quantize(smallNet(), samples.slice(0, 4), {
      ...options,
      compareOn: images(20).slice(16),
      compareLimit: 3,
      onProgress: (phase, done, total) => phases.push(`${phase} ${done}/${total}`),
    });
    expect(report.samples).toBe(3);
    expect(phases).toEqual([
      ...[1, 2, 3, 4].map((i) => `calibrate ${i}/4`),
      ...[1, 2, 3].map((i) => `compare ${i}/3`),
    ]);
  });

  it("refuses graphs without float operators", () => {
    const { graph } = quantize(smallNet(), samples.slice(0, 1), { ...options, io: "int8" });
    expect(() => quantize(graph, samples, options)).toThrow('graph "test" has no float operators');
  });
});

const example = join(dirname(fileURLToPath(import.meta.url)), "../../examples/keyword");
const model = join(example, "model.onnx");

describe.skipIf(!existsSync(model))("the keyword example (skipped without its model)", () => {
  it("hears the same words after quantization", { timeout: 120_000 }, () => {
    const labels = readFileSync(join(example, "labels.txt"), "utf8").trim().split(/\s+/);
    const graph = optimize(importOnnx(new Uint8Array(readFileSync(model)), { file: model }));
    const clips = openSamples(join(example, "clips"), graph.inputs, { labels });
    const { report } = quantize(graph, clips, {
      makeExecutor: referenceExecutor,
      withoutLabel: labels.indexOf("_silence_"),
    });
    expect(report.agreement!.correct).toBeGreaterThanOrEqual(clips.length - 1);
    expect(report.outputs[0]!.sqnr).toBeGreaterThan(20);
    expect(report.accuracy!.quantized.all.total).toBe(clips.length);
    expect(report.accuracy!.quantized.without!.total).toBeLessThan(clips.length);
  });
});

import { describe, expect, it } from "vitest";
import { type Graph, noActivation, type Tensor } from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import { quantize } from "../../src/quantize/index.ts";
import { matrixOf, patchesOf } from "../../src/quantize/layers/matrix.ts";
import { assignSchemes, parseRecipe, type Recipe } from "../../src/quantize/recipe.ts";
import { formatReport } from "../../src/quantize/report-text.ts";
import { reportPage } from "../../src/report/page.ts";
import { createExecutor } from "../../src/runtime/executor.ts";
import type { Sample } from "../../src/samples/sample.ts";
import { runReference } from "../reference/run.ts";
import { activation, constant, convolution, graphOf, operator, randomValues } from "./build.ts";

const same = { top: 1, left: 1, bottom: 1, right: 1 };
const relu = { min: 0, max: Infinity };
const weights = (name: string, shape: number[], terms: number, seed: number): Tensor =>
  constant(
    name,
    shape,
    randomValues(
      shape.reduce((n, d) => n * d, 1),
      seed,
      Math.sqrt(6 / terms),
    ),
  );

/** 3×3×4 → conv 3×3 → depthwise 3×3 → conv 1×1 → dense 10. Operators are named after their outputs. */
function net(): Graph {
  const [x, a, d, p, f, y] = [
    activation("x", [1, 3, 3, 4]),
    activation("stem", [1, 3, 3, 16]),
    activation("deep", [1, 3, 3, 16]),
    activation("point", [1, 3, 3, 16]),
    activation("flat", [1, 144]),
    activation("dense", [1, 10]),
  ];
  const window = { ...convolution, padding: same, activation: relu };
  const { groups: _, ...deep } = window;
  return graphOf(
    [x],
    [
      operator(
        "conv2d",
        [x, weights("aw", [16, 3, 3, 4], 36, 1), constant("ab", [16], randomValues(16, 2))],
        a,
        window,
      ),
      operator("depthwiseConv2d", [a, weights("dw", [1, 3, 3, 16], 9, 3), null], d, {
        ...deep,
        multiplier: 1,
      }),
      operator("conv2d", [d, weights("pw", [16, 1, 1, 16], 16, 5), null], p, convolution),
      operator("reshape", [p], f, {}),
      operator("fullyConnected", [f, weights("fw", [10, 144], 144, 6), null], y, {
        activation: noActivation,
      }),
    ],
    [y],
  );
}

const samples: Sample[] = Array.from({ length: 6 }, (_, i) => ({
  name: `sample ${i}`,
  inputs: [randomValues(36, 50 + i)],
  label: 0,
}));
const makeExecutor = (graph: Graph) => createExecutor(graph);
const made = (recipe: Recipe, data: Sample[] | null = samples) =>
  quantize(net(), data ?? undefined, { makeExecutor, recipe });
const sqnr = (recipe: Recipe): number => made(recipe).report.outputs[0]!.sqnr!;

const distinct = (tensor: Tensor): number => new Set(tensor.data as Int8Array).size;
const weightsOf = (graph: Graph, name: string): Tensor =>
  graph.nodes.find((node) => node.name === `${name} node`)!.inputs[1]!;

describe("schemes", () => {
  it("static ones give int8 weights of few values, and smaller files", () => {
    const size = (recipe: Recipe) => pack(made(recipe).graph, { narrow: true }).bytes.length;
    const sizes = (["int8", "int4", "int2"] as const).map((scheme) => size({ default: { scheme } }));
    expect(sizes[1]! * 1.25).toBeLessThan(sizes[0]!);
    expect(sizes[2]! * 1.15).toBeLessThan(sizes[1]!);
    for (const [scheme, low, high] of [
      ["int4", -8, 7],
      ["int2", -2, 1],
    ] as const) {
      const { graph } = made({ default: { scheme, method: "mse" } });
      for (const name of ["stem", "deep", "point", "dense"]) {
        const data = [...(weightsOf(graph, name).data as Int8Array)];
        expect(Math.min(...data)).toBeGreaterThanOrEqual(low);
        expect(Math.max(...data)).toBeLessThanOrEqual(high);
      }
    }
    const { graph } = made({ default: { scheme: "codebook" } });
    expect(distinct(weightsOf(graph, "dense"))).toBe(16);
  });

  it.each(["dynamic-int8", "weight-int4", "weight-int2", "weight-codebook"] as const)(
    "%s runs on the engine as on the reference, and needs no samples",
    (scheme) => {
      for (const asymmetric of [false, true]) {
        const { graph, report } = made({ default: { scheme, asymmetric, method: "mse" } }, null);
        expect(graph.nodes.map(({ op }) => op)).toEqual([
          "conv2d",
          "depthwiseConv2d",
          "dynamicFullyConnected",
          "reshape",
          "dynamicFullyConnected",
        ]);
        expect(report.samples).toBe(0);
        expect(report.weights!.map((layer) => layer.scheme)).toEqual(["float16", "float16", scheme, scheme]);
        expect(report.float.map(({ reason }) => reason)).toEqual(
          Array(2).fill("float16: no matrix multiply"),
        );
        const expected = runReference(graph, samples[0]!.inputs).get(graph.outputs[0]!);
        const executor = createExecutor(graph);
        executor.run(samples[0]!.inputs);
        expect(executor.read(graph.outputs[0]!)).toEqual(expected);
        executor.dispose();
      }
    },
  );

  it("more bits and smaller blocks lose less", () => {
    const of = (scheme: Recipe["default"]) => sqnr({ default: { method: "mse", ...scheme } });
    expect(of({ scheme: "dynamic-int8" })).toBeGreaterThan(of({ scheme: "weight-int4" }) + 6);
    expect(of({ scheme: "weight-int4" })).toBeGreaterThan(of({ scheme: "weight-int2" }) + 6);
    expect(of({ scheme: "weight-int4", blockSize: 8 })).toBeGreaterThan(
      of({ scheme: "weight-int4", blockSize: 144 }),
    );
    expect(of({ scheme: "float16" })).toBeGreaterThan(60);
  });

  it("weights keep more by clipping, and with zero points", () => {
    const kept = (layer: NonNullable<Recipe["default"]>) =>
      made({ default: layer }, null)
        .report.weights!.slice(2)
        .map(({ sqnr }) => sqnr!);
    const scheme = "weight-int2";
    const nearest = kept({ scheme });
    for (const better of [kept({ scheme, method: "mse" }), kept({ scheme, asymmetric: true })])
      for (const [i, value] of better.entries()) expect(value).toBeGreaterThan(nearest[i]! + 1);
  });

  it("GPTQ beats the best clipped range", () => {
    for (const scheme of ["int4", "int2", "codebook", "weight-int4"] as const) {
      const [mse, gptq] = (["mse", "gptq"] as const).map((method) => sqnr({ default: { scheme, method } }));
      expect(gptq).toBeGreaterThan(mse! + 1);
    }
  });

  it("the report has what nearest values would have given", () => {
    const layers = (method: "gptq" | "rtn"): Recipe => ({
      layers: [
        { match: "*", scheme: "int4", method },
        { match: "stem node", scheme: "int8", method: "mse" },
      ],
    });
    const plain = made(layers("rtn")).report;
    const { report } = made(layers("gptq"));
    const { outputs, agreement, accuracy } = plain;
    expect(report.nearest).toEqual({ outputs, agreement, accuracy });
    expect(report.outputs[0]!.sqnr!).toBeGreaterThan(outputs[0]!.sqnr! + 1);
    expect(plain.nearest).toBeUndefined();
    const told = `by nearest values, output ${outputs[0]!.tensor}: ${outputs[0]!.sqnr!.toFixed(1)} dB`;
    expect(formatReport(report)).toContain(told);
    expect(formatReport(plain)).not.toContain("nearest");
    const page = reportPage(report);
    expect(page).toContain(
      `an output SQNR, in dB, of ${outputs[0]!.sqnr!.toFixed(1)} instead of ${report.outputs[0]!.sqnr!.toFixed(1)}`,
    );
  });

  it("layers take their own schemes, and float ones stand between", () => {
    const { graph, report } = made({
      layers: [
        { match: "*", scheme: "int4" },
        { match: "poin?*", scheme: "weight-int4", blockSize: 8 },
        { match: "stem node", scheme: "float32" },
      ],
    });
    expect(graph.nodes.map(({ op }) => op)).toEqual([
      "conv2d",
      "quantize",
      "depthwiseConv2d",
      "dequantize",
      "dynamicFullyConnected",
      "reshape",
      "quantize",
      "fullyConnected",
      "dequantize",
    ]);
    expect(report.weights!.map(({ node, scheme }) => [node, scheme])).toEqual([
      ["deep node", "int4"],
      ["point node", "weight-int4"],
      ["dense node", "int4"],
    ]);
    expect(weightsOf(graph, "point").quantization!.scale).toHaveLength(32);
  });

  it("is deterministic, and leaves the graph alone", () => {
    const recipe: Recipe = { default: { scheme: "codebook", method: "gptq", prune: 0.5 } };
    expect(made(recipe)).toEqual(made(recipe));
    const graph = net();
    quantize(graph, samples, { makeExecutor, recipe });
    expect(graph).toEqual(net());
  });

  it("prunes whole blocks; second-order compensation loses less", () => {
    const prune = { prune: 0.5, pruneBlock: [8, 4] as [number, number] };
    const { graph, report } = made({ default: { scheme: "codebook", method: "gptq", ...prune } });
    const data = weightsOf(graph, "dense").data as Int8Array;
    let blocks = 0;
    for (let k = 0; k < 144; k += 4) {
      const block = Array.from({ length: 32 }, (_, i) => data[Math.floor(i / 4) * 144 + k + (i % 4)]!);
      if (block.every((v) => v === 0)) blocks++;
    }
    expect(blocks).toBeGreaterThan(0);
    expect(report.weights!.map(({ density }) => density <= 0.55)).toEqual([true, false, true, true]);
    for (const scheme of ["int8", "weight-int4", "float32"] as const)
      expect(sqnr({ default: { scheme, method: "gptq", ...prune } })).toBeGreaterThan(
        sqnr({ default: { scheme, method: "rtn", ...prune } }) + 1,
      );
  });
});

describe("patches", () => {
  it("times the weights are the layer's output", () => {
    const graph = net();
    const values = runReference(graph, samples[0]!.inputs);
    for (const node of graph.nodes) {
      const layer = matrixOf(node);
      if (!layer) continue;
      const bias = node.inputs[2]?.data as Float32Array | undefined;
      const patches = patchesOf(layer, values.get(layer.input) as Float32Array, Infinity, 3);
      const y = values.get(node.outputs[0]!) as Float32Array;
      expect(patches).toHaveLength(y.length / layer.n);
      const bounds = (node.attributes as { activation: { min: number; max: number } }).activation;
      for (const [p, patch] of patches.entries())
        for (let n = 0; n < layer.n; n++) {
          const g = Math.floor((n * layer.groups) / layer.n);
          let sum = bias?.[n] ?? 0;
          for (let k = 0; k < layer.k; k++)
            sum += patch[g * layer.k + k]! * Number(layer.weights.data![layer.at(n, k)]);
          expect(y[p * layer.n + n]).toBeCloseTo(Math.min(bounds.max, Math.max(bounds.min, sum)), 4);
        }
    }
  });
});

describe("refusals", () => {
  const refused = (recipe: Recipe, data: Sample[] | undefined = samples) => {
    expect.hasAssertions();
    return expect(() => quantize(net(), data, { makeExecutor, recipe }));
  };
  it("names what is wrong", () => {
    refused({ layers: [{ match: "steam*" }] }).toThrow(
      'layer "steam*": no operator has such a name; there are "stem node"',
    );
    refused({ default: { blockSize: 12 } }).toThrow("default: blockSize expected a multiple of 8");
    refused({ default: { scheme: "int3" as "int4" } }).toThrow("default: scheme expected one of int8, int4");
    refused({ default: { prune: 1 } }).toThrow("prune expected a share from 0 to below 1, found 1");
    const gptq = { scheme: "weight-int4", method: "gptq" } as const;
    expect(() => quantize(net(), undefined, { makeExecutor, recipe: { default: gptq } })).toThrow(
      'conv2d "point node": the method gptq needs samples',
    );
    expect(() => quantize(net(), undefined, { makeExecutor })).toThrow(
      "int8 activations need calibration samples",
    );
    refused({ default: gptq }, []).toThrow("no samples");
  });

  it("weights that are not numbers", () => {
    const graph = net();
    (graph.nodes[4]!.inputs[1]!.data as Float32Array)[7] = Number.NaN;
    expect(() =>
      quantize(graph, undefined, { makeExecutor, recipe: { default: { scheme: "weight-int4" } } }),
    ).toThrow('tensor "fw": element 7 is NaN');
  });

  it("recipes that are not understood", () => {
    expect(() => parseRecipe("{", "r.json")).toThrow("r.json: expected JSON");
    expect(() => parseRecipe('{"defaults":{}}', "r.json")).toThrow('unknown field "defaults"');
    expect(() => parseRecipe('{"layers":[{"scheme":"int4"}]}', "r.json")).toThrow('layers[0]: "match"');
    const recipe = parseRecipe('{"layers":[{"match":"*","bits":4}]}'.replace("bits", "blockSize"), "r.json");
    expect(() => assignSchemes(net(), recipe)).toThrow('layer "*": blockSize expected');
  });
});

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { optimize } from "../../src/graph/passes/index.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import { quantize } from "../../src/quantize/index.ts";
import { dataFolder } from "../helpers/data.ts";
import { loadGolden } from "../helpers/golden.ts";
import { referenceExecutor } from "./reference-executor.ts";

describe.skipIf(!dataFolder())("published float models (skipped without the data folder)", () => {
  it.each([
    ["hello_world_float", 35],
    ["ad01_fp32", 25],
    ["resnet8_float", 17],
  ])("%s keeps %i dB on its golden inputs", { timeout: 60_000 }, (name, floor) => {
    const golden = loadGolden("tflite", name);
    const graph = optimize(importTflite(new Uint8Array(readFileSync(golden.model)), { file: golden.model }));
    const samples = golden.steps.map(({ inputs }, i) => ({
      name: `${name} step ${i}`,
      inputs: inputs.map(({ data }) => data),
    }));
    const { graph: quantized, report } = quantize(graph, samples, { makeExecutor: referenceExecutor });
    expect(report.float).toEqual([]);
    expect(report.samples).toBe(golden.steps.length);
    expect(report.outputs[0]!.sqnr).toBeGreaterThan(floor);
    for (const layer of report.layers) expect(layer.sqnr).toBeGreaterThan(15);
    expect(quantized.nodes.filter(({ op }) => op === "quantize" || op === "dequantize").length).toBe(2);
  });
});

import { expect, test } from "vitest";
import { importTflite } from "../../src/import/tflite/index.ts";
import { asFloatLayers } from "../../src/quantize/hybrid.ts";
import { quantize } from "../../src/quantize/index.ts";
import { buildTflite } from "../helpers/tflite-builder.ts";
import { hybridModel } from "../helpers/tflite-models.ts";
import { referenceExecutor } from "./reference-executor.ts";

const hybrid = () => importTflite(buildTflite(hybridModel()), { file: "hybrid.tflite" });

test("layers with int8 weights under float activations are the floats that they stand for", () => {
  const [layer] = asFloatLayers(hybrid()).nodes;
  const scale = Math.fround(0.1);
  expect(layer.op).toBe("fullyConnected");
  expect(layer.attributes).toEqual({ activation: { min: -Infinity, max: Infinity } });
  expect(layer.inputs[1]).toEqual({
    name: "w",
    dtype: "float32",
    shape: [2, 2],
    data: Float32Array.of(0, scale * 3, scale * 8, scale * 130),
  });
  expect(asFloatLayers(asFloatLayers(hybrid()))).toEqual(asFloatLayers(hybrid()));
});

test("so they can have every scheme", () => {
  const sample = (...x: number[]) => ({ name: x.join(), inputs: [Float32Array.from(x)] });
  const samples = [sample(0.5, -1), sample(2, 1)];
  const { graph, report } = quantize(hybrid(), samples, { makeExecutor: referenceExecutor });
  expect(graph.nodes.map(({ op }) => op)).toEqual(["quantize", "fullyConnected", "dequantize"]);
  expect(graph.nodes[1].inputs[1]!.dtype).toBe("int8");
  expect(report.outputs[0].sqnr).toBeGreaterThan(35);
});

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { optimize } from "../../src/graph/passes/index.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { runReference } from "../reference/run.ts";

const example = (file: string): URL => new URL(`../../examples/keyword/${file}`, import.meta.url);

interface Expected {
  /** Frames × bins, by clip. */
  features: Record<string, number[][]>;
  logits: Record<string, number[]>;
}

it("reads the keyword example as plain NHWC, and both forms give the exporter's logits", () => {
  const imported = importOnnx(readFileSync(example("model.onnx")), { file: "model.onnx" });
  const optimized = optimize(imported);
  const helpers = optimized.nodes.filter(({ op }) => op === "transpose" || op === "mul" || op === "unary");
  expect(helpers).toEqual([]);
  const expected: Expected = JSON.parse(readFileSync(example("features_expected.json"), "utf8"));
  const clips = Object.keys(expected.features);
  expect(clips.length).toBeGreaterThan(0);
  for (const clip of clips) {
    const features = Float32Array.from(expected.features[clip].flat());
    for (const graph of [imported, optimized]) {
      const logits = runReference(graph, [features]).get(graph.outputs[0]) as Float32Array;
      // The file keeps six digits of features and logits.
      logits.forEach((value, i) => {
        expect(Math.abs(value - expected.logits[clip][i])).toBeLessThan(1e-3);
      });
    }
  }
});

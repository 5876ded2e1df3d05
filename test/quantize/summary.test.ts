import { expect, it } from "vitest";
import type { LayerReport, Report } from "../../src/quantize/report.ts";
import { summarize } from "../../src/quantize/summary.ts";

const layer = (node: string, sqnr: number | null): LayerReport => ({
  node,
  op: "conv2d",
  tensor: node,
  dtype: "int8",
  sqnr,
  maxError: 0.123456789,
  cosine: 0.999987654,
  clipped: 0,
});

it("keeps the noisiest layers, four digits a number, and everything else", () => {
  const report: Report = {
    graph: "g",
    samples: 12345,
    layers: [
      layer("exact", null),
      layer("a", 41.23456),
      layer("b", 12.34567),
      layer("c", 30),
      layer("d", 99),
    ],
    outputs: [{ tensor: "y", sqnr: 33.33333, maxError: 1, cosine: 1, clipped: 0 }],
    float: [{ node: "n", reason: "excluded" }],
  };
  const summary = summarize(report);
  expect(summary.layers.map((l) => l.node)).toEqual(["b", "c", "a"]);
  expect(summary.layers[0]).toMatchObject({ sqnr: 12.35, maxError: 0.1235, cosine: 1 });
  expect(summary.outputs[0].sqnr).toBe(33.33);
  expect(summary.samples).toBe(12345);
  expect(summary.float).toEqual(report.float);
  expect(report.layers).toHaveLength(5);
});

import { describe, expect, it } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { topOne } from "../../src/quantize/accuracy.ts";
import { type QuantizeOptions, quantize } from "../../src/quantize/index.ts";
import { createExecutor } from "../../src/runtime/executor.ts";
import type { Sample } from "../../src/samples/sample.ts";
import { dataFolder } from "../helpers/data.ts";
import { models } from "./models.mjs";

function decisions(graph: Graph, samples: readonly Sample[]): number[] {
  const executor = createExecutor(graph);
  const found = samples.map(({ inputs }) => {
    executor.run(inputs);
    const values = executor.read(graph.outputs[0]!) as Float32Array;
    return values.length > 1 ? topOne(values) : Number(values[0]! > 0.5);
  });
  executor.dispose();
  return found;
}

/** A part of what test/quantize/targets.mjs measures. */
const cases: [string, number, number, number, Partial<QuantizeOptions>][] = [
  ["keyword", 100, 432, 4, { method: "percentile" }],
  ["kwt1", 12, 24, 1, {}],
  ["magika", 4, 8, 0, {}],
  ["silero", 300, 600, 3, {}],
];

describe.skipIf(!dataFolder())("int8 keeps decisions (skipped without the data folder)", () => {
  it.each(cases)(
    "%s, calibrated on %i: of %i at most %i differ",
    { timeout: 180_000 },
    (name, calibrated, measured, bound, options) => {
      const { graph, samples, compareOn } = models[name]!(dataFolder()!);
      const some = compareOn.slice(0, measured);
      const { graph: made, report } = quantize(graph, samples.slice(0, calibrated), {
        makeExecutor: createExecutor,
        compareLimit: 1,
        ...options,
      });
      const expected = decisions(graph, some);
      const found = decisions(made, some);
      expect(found.filter((decision, i) => decision !== expected[i]).length).toBeLessThanOrEqual(bound);
      for (const { reason } of report.float) expect(reason).not.toBe("");
      // Layers are integers, whatever stays float around them.
      const stored = made.nodes.flatMap(({ inputs }) => (inputs[1]?.data instanceof Int8Array ? [1] : []));
      expect(stored.length).toBeGreaterThan(1);
    },
  );
});

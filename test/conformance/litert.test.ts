import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { importTflite } from "../../src/import/tflite/index.ts";
import { createExecutor } from "../../src/runtime/executor.ts";
import { tiers } from "../helpers/tiers.ts";
import { litertCases } from "../reference/litert/cases.ts";
import vectors from "../reference/litert/vectors.json" with { type: "json" };

const digests: Record<string, string> = vectors.digests;

describe.each(tiers)("%s equals LiteRT.js bit for bit", (tier) => {
  test.each(litertCases())("$name", ({ name, model, inputs }) => {
    const graph = importTflite(model, { file: `${name}.tflite` });
    const executor = createExecutor(graph, tier);
    executor.run(inputs);
    const value = executor.read(graph.outputs[0]);
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    expect(createHash("sha256").update(bytes).digest("hex").slice(0, 16)).toBe(digests[name]);
    executor.dispose();
  });
});

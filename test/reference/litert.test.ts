import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { importTflite } from "../../src/import/tflite/index.ts";
import { litertCases } from "./litert/cases.ts";
import vectors from "./litert/vectors.json" with { type: "json" };
import { runReference } from "./run.ts";

const digests: Record<string, string> = vectors.digests;

test("every case has its digest", () => {
  const names = litertCases().map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(Object.keys(digests).sort()).toEqual(names.sort());
});

test.each(litertCases())("$name equals LiteRT.js bit for bit", ({ name, model, inputs }) => {
  const graph = importTflite(model, { file: `${name}.tflite` });
  const value = runReference(graph, inputs).get(graph.outputs[0])!;
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  expect(createHash("sha256").update(bytes).digest("hex").slice(0, 16)).toBe(digests[name]);
});

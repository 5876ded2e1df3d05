import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { importModel } from "../../src/import/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { quantize } from "../../src/quantize/index.ts";
import { createExecutor } from "../../src/runtime/executor.ts";
import { dataFolder } from "../helpers/data.ts";

const [beginning, length] = [1, 200];

function readTexts(file: Uint8Array): string[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const texts: string[] = [];
  for (let at = 4; at < file.length; ) {
    const size = view.getInt32(at + 4, true);
    texts.push(Buffer.from(file.subarray(at + 8, at + 8 + size)).toString("latin1"));
    at += 8 + size;
  }
  return texts;
}

const inputsOf = (graph: Graph, token: number, position: number) =>
  graph.inputs.map(({ name }) => Int32Array.of(name === "token" ? token : position));

/** A story: the likeliest token next, or one drawn by the model's probabilities. */
function tell(graph: Graph, seed?: number): number[] {
  let state = seed ?? 0;
  const executor = createExecutor(graph);
  const logits = graph.outputs.find(({ name }) => name === "logits")!;
  const tokens = [beginning];
  while (tokens.length < length) {
    executor.run(inputsOf(graph, tokens.at(-1)!, tokens.length - 1));
    const values = Array.from(executor.read(logits) as Float32Array);
    const top = Math.max(...values);
    if (seed === undefined) tokens.push(values.indexOf(top));
    else {
      const shares = values.map((v) => Math.exp(v - top));
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      let rest = (state / 2 ** 32) * shares.reduce((a, b) => a + b, 0);
      tokens.push(
        Math.max(
          0,
          shares.findIndex((share) => (rest -= share) < 0),
        ),
      );
    }
  }
  executor.dispose();
  return tokens;
}

const stories = (): Graph => {
  const file = join(dataFolder()!, "llm/stories260K.bin");
  return optimize(importModel(new Uint8Array(readFileSync(file)), { file }));
};

describe.skipIf(!dataFolder())("stories260K with int8 weights (skipped without the data folder)", () => {
  it("begins the float model's story, from a third of its bytes", () => {
    const graph = stories();
    const { graph: made } = quantize(graph, undefined, {
      makeExecutor: createExecutor,
      recipe: { default: { scheme: "dynamic-int8" } },
    });
    expect(pack(made).bytes.length).toBeLessThan(pack(graph).bytes.length / 3);
    expect(tell(made).slice(0, 60)).toEqual(tell(graph).slice(0, 60));
  });
});

describe.skipIf(!dataFolder())("stories260K with 4-bit weights (skipped without the data folder)", () => {
  it("still writes English: words that the float model writes too, in sentences", {
    timeout: 180_000,
  }, () => {
    const graph = stories();
    const texts = readTexts(new Uint8Array(readFileSync(join(dataFolder()!, "llm/tok512.bin"))));
    const words = (tokens: number[]) =>
      tokens
        .map((token) => texts[token])
        .join("")
        .toLowerCase()
        .match(/[a-z]+/g) ?? [];
    const drawn = Array.from({ length: 16 }, (_, i) => tell(graph, i + 1));
    const vocabulary = new Set([...drawn, tell(graph)].flatMap(words));
    const samples = drawn
      .slice(0, 6)
      .flatMap((tokens, story) =>
        tokens.map((token, i) => ({ name: `story ${story}, ${i}`, inputs: inputsOf(graph, token, i) })),
      );
    const { graph: made } = quantize(graph, samples, {
      makeExecutor: createExecutor,
      recipe: { default: { scheme: "weight-int4", method: "gptq" } },
      compareLimit: 1,
    });
    expect(pack(made).bytes.length).toBeLessThan(pack(graph).bytes.length / 3);
    const tokens = tell(made);
    const found = words(tokens);
    expect(found.length).toBeGreaterThan(100);
    const known = found.filter((word) => vocabulary.has(word)).length / found.length;
    expect(known).toBeGreaterThan(0.9);
    // Not one sentence over and over, nor one without an end.
    expect(new Set(found).size).toBeGreaterThan(40);
    const text = tokens.map((token) => texts[token]).join("");
    expect(text.split(/[.!?]/).length).toBeGreaterThan(5);
  });
});

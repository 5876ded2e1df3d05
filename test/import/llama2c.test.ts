import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { elementCount, type Graph } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { fileFormat, importModel } from "../../src/import/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { dataFolder } from "../helpers/data.ts";
import { randomFrom } from "../helpers/graphs.ts";
import { tiers } from "../helpers/tiers.ts";

interface Sizes {
  dim: number;
  hidden: number;
  layers: number;
  heads: number;
  kvHeads: number;
  vocabulary: number;
  context: number;
}

const tiny: Sizes = { dim: 12, hidden: 10, layers: 2, heads: 6, kvHeads: 3, vocabulary: 11, context: 7 };

/** A checkpoint of random weights; `isShared`: the classifier is the embedding. */
function checkpoint(sizes: Sizes, isShared: boolean) {
  const { dim, hidden, layers, heads, kvHeads, vocabulary, context } = sizes;
  const random = randomFrom(7);
  const matrix = (rows: number, columns: number) =>
    Array.from({ length: rows }, () =>
      Float32Array.from({ length: columns }, () => random.real(-1, 1) / Math.sqrt(columns)),
    );
  const norm = () => Float32Array.from({ length: dim }, () => random.real(0.5, 1.5));
  const perLayer = <T>(make: () => T) => Array.from({ length: layers }, make);
  const kvDim = (dim / heads) * kvHeads;
  const weights = {
    embedding: matrix(vocabulary, dim),
    attentionNorm: perLayer(norm),
    query: perLayer(() => matrix(dim, dim)),
    key: perLayer(() => matrix(kvDim, dim)),
    value: perLayer(() => matrix(kvDim, dim)),
    output: perLayer(() => matrix(dim, dim)),
    feedForwardNorm: perLayer(norm),
    gate: perLayer(() => matrix(hidden, dim)),
    down: perLayer(() => matrix(dim, hidden)),
    up: perLayer(() => matrix(hidden, dim)),
    finalNorm: norm(),
    rotations: new Float32Array((context * dim) / heads),
    classifier: isShared ? [] : matrix(vocabulary, dim),
  };
  const flat = Object.values(weights)
    .flat(2)
    .flatMap((row) => [...row]);
  const bytes = new Uint8Array(28 + 4 * flat.length);
  const header = [dim, hidden, layers, heads, kvHeads, isShared ? vocabulary : -vocabulary, context];
  new Int32Array(bytes.buffer, 0, 7).set(header);
  new Float32Array(bytes.buffer, 28).set(flat);
  return { bytes, weights };
}

const times = (matrix: Float32Array[], x: number[]): number[] =>
  matrix.map((row) => row.reduce((sum, w, i) => sum + w * x[i]!, 0));

/** Logits after each of `tokens`, in double precision, by the model's definition: pairs of neighbours are turned. */
function expectedLogits(sizes: Sizes, w: ReturnType<typeof checkpoint>["weights"], tokens: number[]) {
  const { dim, layers, heads, kvHeads } = sizes;
  const size = dim / heads;
  const plus = (a: number[], b: number[]) => a.map((v, i) => v + b[i]!);
  const normed = (x: number[], weight: Float32Array) => {
    const mean = x.reduce((sum, v) => sum + v * v, 0) / x.length;
    return x.map((v, i) => (v / Math.sqrt(mean + 1e-5)) * weight[i]!);
  };
  const turned = (x: number[], position: number) =>
    x.map((v, i) => {
      const first = (i % size) - (i % 2);
      const angle = position * 10000 ** (-first / size);
      const other = x[i % 2 === 0 ? i + 1 : i - 1]!;
      return v * Math.cos(angle) + (i % 2 === 0 ? -1 : 1) * other * Math.sin(angle);
    });
  const keys: number[][][] = Array.from({ length: layers }, () => []);
  const values: number[][][] = Array.from({ length: layers }, () => []);
  return tokens.map((token, position) => {
    let x = [...w.embedding[token]!];
    for (let l = 0; l < layers; l++) {
      const a = normed(x, w.attentionNorm[l]!);
      const query = turned(times(w.query[l]!, a), position);
      keys[l]!.push(turned(times(w.key[l]!, a), position));
      values[l]!.push(times(w.value[l]!, a));
      const mixed: number[] = [];
      for (let h = 0; h < heads; h++) {
        const from = Math.floor(h / (heads / kvHeads)) * size;
        const scores = keys[l]!.map((key) => {
          let sum = 0;
          for (let i = 0; i < size; i++) sum += query[h * size + i]! * key[from + i]!;
          return Math.exp(sum / Math.sqrt(size));
        });
        const total = scores.reduce((p, q) => p + q, 0);
        for (let i = 0; i < size; i++)
          mixed.push(values[l]!.reduce((sum, value, t) => sum + (scores[t]! / total) * value[from + i]!, 0));
      }
      x = plus(x, times(w.output[l]!, mixed));
      const f = normed(x, w.feedForwardNorm[l]!);
      const gate = times(w.gate[l]!, f).map((v) => v / (1 + Math.exp(-v)));
      const up = times(w.up[l]!, f);
      x = plus(
        x,
        times(
          w.down[l]!,
          gate.map((v, i) => v * up[i]!),
        ),
      );
    }
    return times(w.classifier.length > 0 ? w.classifier : w.embedding, normed(x, w.finalNorm));
  });
}

/** Logits after each token, on the engine. */
function* logitsOf(graph: Graph, tier: (typeof tiers)[number], tokens: Iterable<number>) {
  const model = createModel(wasm, pack(graph).bytes, { tier, name: "story" });
  let position = 0;
  for (const token of tokens) {
    (model.input("token") as Int32Array)[0] = token;
    (model.input("position") as Int32Array)[0] = position++;
    model.invoke();
    yield (model.output("logits") as Float32Array).slice();
  }
  model.dispose();
}

describe("llama2.c checkpoints", () => {
  test.each([true, false])("compute what the model's definition says, shared classifier %s", (isShared) => {
    const { bytes, weights } = checkpoint(tiny, isShared);
    expect(fileFormat(bytes, "tiny.bin")).toBe("llama2c");
    const graph = optimize(importModel(bytes, { file: "tiny.bin" }));
    const tokens = [1, 4, 10, 0, 4, 7, 2];
    const expected = expectedLogits(tiny, weights, tokens);
    const [first, ...others] = tiers.map((tier) => [...logitsOf(graph, tier, tokens)]);
    first!.forEach((logits, t) => {
      expect(logits.length).toBe(tiny.vocabulary);
      logits.forEach((v, i) => {
        expect(Math.abs(v - expected[t]![i]!), `token ${t}, logit ${i}`).toBeLessThan(1e-5);
      });
    });
    for (const other of others) expect(other).toEqual(first);
  });

  test("what is remembered is saved, restored and forgotten", () => {
    const { bytes } = checkpoint(tiny, true);
    const graph = optimize(importModel(bytes, { file: "tiny.bin" }));
    expect(graph.states!.map(({ value }) => elementCount(value.shape))).toEqual([42, 42, 42, 42]);
    const model = createModel(wasm, pack(graph).bytes, { name: "story" });
    const next = (token: number, position: number) => {
      (model.input("token") as Int32Array)[0] = token;
      (model.input("position") as Int32Array)[0] = position;
      model.invoke();
      return (model.output("logits") as Float32Array).slice();
    };
    const alone = next(5, 0);
    next(3, 1);
    const saved = model.saveState();
    const third = next(9, 2);
    model.reset();
    expect(next(5, 0)).toEqual(alone);
    model.restoreState(saved);
    expect(next(9, 2)).toEqual(third);
    expect(next(9, 0)).not.toEqual(third);
    model.dispose();
  });

  test("bytes that are no checkpoint are not taken for one", () => {
    const { bytes } = checkpoint(tiny, true);
    expect(fileFormat(bytes.subarray(0, bytes.length - 4), "tiny.bin")).toBeUndefined();
    const odd = bytes.slice();
    new Int32Array(odd.buffer)[3] = 5;
    expect(fileFormat(odd, "tiny.bin")).toBeUndefined();
    expect(() => importModel(odd, { file: "tiny.bin" })).toThrow(/tiny\.bin: expected a TFLite, ONNX/);
  });
});

const data = dataFolder();

/** Bytes of each token: a length for the longest, then score, length and text of each. */
function tokenTexts(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const texts: Uint8Array[] = [];
  for (let at = 4; at < file.length; ) {
    const length = view.getInt32(at + 4, true);
    texts.push(file.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return texts;
}

describe.skipIf(!data)("stories260K (needs the test data folder)", () => {
  test.each(tiers)("tells the expected 200 tokens, %s", (tier) => {
    const read = (name: string) => new Uint8Array(readFileSync(join(data!, "llm", name)));
    const graph = optimize(importModel(read("stories260K.bin"), { file: "stories260K.bin" }));
    const texts = tokenTexts(read("tok512.bin"));
    const story: number[] = [];
    const told = [1];
    for (const logits of logitsOf(graph, tier, told)) {
      const next = logits.indexOf(Math.max(...logits));
      const text = texts[next]!;
      const raw = /^<0x([0-9A-F]{2})>$/.exec(new TextDecoder().decode(text));
      if (raw) story.push(Number.parseInt(raw[1]!, 16));
      else story.push(...(told.length === 1 && text[0] === 32 ? text.subarray(1) : text));
      if (told.length < 200) told.push(next);
    }
    expect(told.length).toBe(200);
    expect(new TextDecoder().decode(Uint8Array.from(story))).toBe(
      new TextDecoder().decode(read("expected_stdout.txt")),
    );
  });
});

/** ONNX models on the engine, every tier, against their reference outputs and published answers. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { optimize } from "../../src/graph/passes/index.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel } from "../../src/runtime/model.ts";
import { readNpz } from "../../src/samples/npz.ts";
import { wasm } from "../../src/wasm.ts";
import { dataFolder } from "../helpers/data.ts";
import { type Golden, loadGolden } from "../helpers/golden.ts";
import { tiers } from "../helpers/tiers.ts";

const data = dataFolder();

/** The sampling rate that decides which half of Silero's graph runs. */
const fixed = "sr";

function packed({ model, steps }: Golden): Uint8Array {
  const { inputs } = steps[0]!;
  const rate = inputs.find(({ name }) => name === fixed);
  const graph = importOnnx(readFileSync(model), {
    file: basename(model),
    inputShapes: Object.fromEntries(
      inputs.filter((input) => input !== rate).map(({ name, shape }) => [name, shape]),
    ),
    ...(rate && { inputValues: { [fixed]: Number(rate.data[0]) } }),
  });
  return pack(optimize(graph)).bytes;
}

/** Asserts every step's outputs within the golden's tolerance, and the same bytes in every tier. */
function expectGolden(name: string): void {
  const golden = loadGolden("onnx", name);
  const { compare } = golden;
  if (compare.mode !== "tolerance") throw new Error("expected a tolerance");
  const file = packed(golden);
  let first: Buffer | undefined;
  for (const tier of tiers) {
    const model = createModel(wasm, file, { tier, name });
    const bytes: Uint8Array[] = [];
    for (const [s, step] of golden.steps.entries()) {
      for (const { name: input, data: values } of step.inputs)
        if (input !== fixed) (model.input(input) as Float32Array).set(values as Float32Array);
      model.invoke();
      for (const { name: output, data: expected } of step.outputs) {
        const found = model.output(output) as Float32Array;
        bytes.push(new Uint8Array(found.buffer, found.byteOffset, found.byteLength).slice());
        expect(found.length).toBe(expected.length);
        const worst = found.reduce((most, v, i) => {
          const over = Math.abs(v - Number(expected[i])) - compare.rtol * Math.abs(Number(expected[i]));
          return Number.isNaN(over) ? Infinity : Math.max(most, over);
        }, 0);
        expect(worst, `${tier}, step ${s}, ${output}`).toBeLessThanOrEqual(compare.atol);
      }
    }
    model.dispose();
    first ??= Buffer.concat(bytes);
    expect(Buffer.compare(Buffer.concat(bytes), first), `${tier} gives the bytes of ${tiers[0]}`).toBe(0);
  }
}

const models = [
  "dtln_1_float",
  "dtln_2_float",
  "magika_v3_3",
  "mnist_cntk",
  "mnist_cntk_opt",
  "mnist_torch",
  "oww_embedding",
  "oww_melspectrogram",
  "silero_vad_v5",
  "silero_vad_v6",
];

describe.skipIf(!data)("ONNX models on the engine (need the test data folder)", () => {
  test.each(models)("%s equals its golden", { timeout: 120_000 }, expectGolden);

  test("tract_lgbm_classifier_tensor equals its stored probabilities", () => {
    const name = join(data!, "models/onnx/tract_lgbm_classifier_tensor");
    const stored = readNpz(readFileSync(`${name}.io.npz`), "io.npz");
    const graph = importOnnx(readFileSync(`${name}.onnx`), { file: "lgbm", inputShapes: { input: [1, 13] } });
    for (const tier of tiers) {
      const model = createModel(wasm, pack(optimize(graph)).bytes, { tier, name: "lgbm" });
      (model.input("input") as Float32Array).set(stored.get("input")!.data as Float32Array);
      model.invoke();
      const expected = stored.get("probabilities")!.data as Float32Array;
      (model.output("probabilities") as Float32Array).forEach((v, i) => {
        expect(Math.abs(v - expected[i]!)).toBeLessThan(1e-6);
      });
      model.dispose();
    }
  });
});

interface MagikaConfig {
  beg_size: number;
  end_size: number;
  padding_token: number;
  block_size: number;
  target_labels_space: string[];
}

interface MagikaExample {
  content_base64: string;
  prediction: { dl: string; score: number };
}

const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13);

/** Both ends of a file, white space stripped, as numbers that the model reads. */
function features(content: Uint8Array, config: MagikaConfig): Int32Array {
  const { beg_size, end_size, padding_token, block_size } = config;
  const head = [...content.subarray(0, block_size)];
  const tail = [...content.subarray(Math.max(0, content.length - block_size))];
  while (head.length > 0 && isSpace(head[0]!)) head.shift();
  while (tail.length > 0 && isSpace(tail.at(-1)!)) tail.pop();
  const out = new Int32Array(beg_size + end_size).fill(padding_token);
  out.set(head.slice(0, beg_size));
  const end = tail.slice(-end_size);
  out.set(end, out.length - end.length);
  return out;
}

describe.skipIf(!data)("magika's published answers (need the test data folder)", () => {
  test("label and score of every example that the model decides", () => {
    const read = (path: string) => JSON.parse(readFileSync(join(data!, path), "utf8"));
    const config: MagikaConfig = read("models/onnx/magika_v3_3.config.json");
    const examples: MagikaExample[] = read("magika/examples.json").examples;
    const decided = examples.filter(({ prediction }) => prediction.dl !== "undefined");
    expect(decided.length).toBeGreaterThan(40);
    const model = createModel(wasm, packed(loadGolden("onnx", "magika_v3_3")), { name: "magika" });
    for (const { content_base64, prediction } of decided) {
      const content = new Uint8Array(Buffer.from(content_base64, "base64"));
      (model.input("bytes") as Int32Array).set(features(content, config));
      model.invoke();
      const scores = model.output("target_label") as Float32Array;
      const best = scores.indexOf(Math.max(...scores));
      expect(config.target_labels_space[best]).toBe(prediction.dl);
      expect(Math.abs(scores[best]! - prediction.score)).toBeLessThan(1e-4);
    }
    model.dispose();
  });
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { TensorData } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel, type InspectableModel } from "../../src/runtime/model.ts";
import { readPicture } from "../../src/samples/picture.ts";
import { wasm } from "../../src/wasm.ts";
import { dataFolder } from "../helpers/data.ts";
import { type Golden, loadGolden } from "../helpers/golden.ts";
import { tiers } from "../helpers/tiers.ts";

const names = [
  "mww_okay_nabu_v1.stream",
  "mww_okay_nabu_v2.stream",
  "mww_vad_v2.stream",
  "dtln_noise_suppression",
  "dtln_noise_suppression.upstream",
  "trained_lstm_int8",
];

const fileOf = (
  { model, name, rounding }: Golden,
  wants: (graph: ReturnType<typeof optimize>) => void,
): Uint8Array => {
  const graph = optimize(importTflite(readFileSync(model), { file: name, rounding }));
  wants(graph);
  return pack(graph).bytes;
};

/** One step: a copy of the outputs. */
function step(model: InspectableModel, inputs: readonly { data: TensorData }[]): TensorData[] {
  for (const [i, { data }] of inputs.entries())
    (model.input(model.inputs[i]!.name) as Int8Array).set(data as Int8Array);
  model.invoke();
  return model.outputs.map(({ name }) => model.output(name).slice());
}

describe.skipIf(!dataFolder())("models with state, step by step (need the test data folder)", () => {
  test.each(names)("%s is exact, with another instance on another stream in between", (name) => {
    const golden = loadGolden("tflite", name);
    const { steps } = golden;
    const file = fileOf(golden, (graph) => expect(graph.states?.length).toBeGreaterThan(1));
    for (const tier of tiers) {
      const load = () => createModel(wasm, file, { tier, name });
      const backwards = [...steps].reverse();
      const alone = load();
      const expected = backwards.map(({ inputs }) => step(alone, inputs));
      const [model, other] = [load(), load()];
      const restored = load();
      for (const [i, { inputs, outputs }] of steps.entries()) {
        // The state may move to another instance at any step, and back.
        if (i === Math.floor(steps.length / 2)) restored.restoreState(model.saveState());
        if (i > 0 && i === Math.floor((3 * steps.length) / 4)) {
          model.reset();
          model.restoreState(restored.saveState());
        }
        const found = step(model, inputs);
        if (i >= Math.floor(steps.length / 2) && i < Math.max(Math.floor((3 * steps.length) / 4), 1))
          expect(step(restored, inputs)).toEqual(found);
        expect(found, `${tier}, step ${i}`).toEqual(outputs.map(({ data }) => data));
        expect(step(other, backwards[i]!.inputs)).toEqual(expected[i]);
      }
    }
  });

  test("the wake word fires in the stream", () => {
    const golden = loadGolden("tflite", "mww_okay_nabu_v2.stream");
    const model = createModel(
      wasm,
      fileOf(golden, () => {}),
      {},
    );
    const scores = golden.steps.map(({ inputs }) => Number(step(model, inputs)[0]![0]));
    expect(Math.max(...scores)).toBeGreaterThan(250);
    expect(scores.filter((score) => score < 10).length).toBeGreaterThan(100);
  });

  test.each([
    ["trained_lstm_int8", (pixel: number) => pixel - 128],
    ["trained_lstm_float", (pixel: number) => pixel / 255],
  ])("%s reads the ten digits right", (name, value) => {
    const golden = loadGolden("tflite", name);
    const model = createModel(
      wasm,
      fileOf(golden, () => {}),
      {},
    );
    const read = (digit: number): number => {
      const file = join(dataFolder()!, `images/mnist/${digit}.png`);
      const { data: values } = readPicture(readFileSync(file), file);
      model.reset();
      for (const [i, pixel] of values.entries()) model.input()[i] = value(pixel);
      model.invoke();
      const scores = [...(model.output() as Int8Array)];
      return scores.indexOf(Math.max(...scores));
    };
    const digits = Array.from({ length: 10 }, (_, digit) => digit);
    expect(digits.map(read)).toEqual(digits);
  });
});

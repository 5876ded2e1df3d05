/** TFLite Micro's audio preprocessor models: exact integers, and labels from samples. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { importTflite } from "../../src/import/tflite/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel } from "../../src/runtime/model.ts";
import { readWav } from "../../src/samples/wav.ts";
import { wasm } from "../../src/wasm.ts";
import { dataFolder } from "../helpers/data.ts";
import { buildTflite } from "../helpers/tflite-builder.ts";
import { flexMap, signalFile, signalGain, signalSpec, signalWindow } from "../helpers/tflite-signal.ts";
import { tiers } from "../helpers/tiers.ts";

const data = dataFolder();
const clips = join(data ?? "", "audio/micro_speech");

function samplesOf(name: string): Int16Array {
  const { samples } = readWav(readFileSync(join(clips, name)), name, 16000);
  return Int16Array.from(samples, (v) => Math.round(v * 32768));
}

function modelOf(name: string) {
  const file = join(data!, "models/tflite", name);
  return importTflite(readFileSync(file), { file });
}

describe.skipIf(!existsSync(clips))("the audio preprocessor of TFLite Micro (skipped without data)", () => {
  test.each(tiers)("has the stated features in %s", (tier) => {
    const stated = JSON.parse(readFileSync(join(clips, "expected_features.json"), "utf8"));
    const { bytes } = pack(modelOf("audio_preprocessor_int8.tflite"));
    for (const name of ["yes_30ms.wav", "no_30ms.wav"]) {
      const model = createModel(wasm, bytes, { tier, name });
      model.input().set(samplesOf(name) as never);
      model.invoke();
      expect([...(model.output() as Int8Array)]).toEqual(stated[name]);
      model.dispose();
    }
  });
});

const open = (bytes: Uint8Array) => importTflite(bytes, { file: "signal" });

describe("a chain of signal operators", () => {
  test("becomes one operator with its numbers and tables", () => {
    const { nodes, states } = open(signalFile());
    expect(nodes.map(({ op }) => op)).toEqual(["microFeatures", "cast"]);
    expect(nodes[0]!.attributes).toEqual({
      hop: 8,
      size: 8,
      window: signalWindow,
      windowShift: 12,
      bands: [
        { first: 1, weights: Int16Array.of(4096, 3072, 1024) },
        { first: 2, weights: Int16Array.of(1024, 3072, 2048) },
      ],
      noise: { even: [400, 15984], odd: [980, 15404], leastSignal: 819, bits: 14, smoothingBits: 10 },
      gain: { table: signalGain, shift: 6 },
      log: { scale: 1600, correctionBits: 3 },
    });
    expect(states).toHaveLength(1);
    expect(pack(open(signalFile())).bytes.length).toBeGreaterThan(0);
  });

  test("whose inner result is read elsewhere stays as it is, and is refused", () => {
    const spec = signalSpec();
    expect(() => open(buildTflite({ ...spec, outputs: ["y", "roots"] }))).toThrow(/custom operator/);
  });

  test("that goes round in a circle is refused", () => {
    const spec = signalSpec();
    const turned = spec.operators.flatMap((operator) =>
      operator.inputs[0] === "energy"
        ? [{ op: "CAST" as const, inputs: ["energy"], outputs: ["energy"] }, operator]
        : [operator],
    );
    expect(() => open(buildTflite({ ...spec, operators: turned }))).toThrow(/custom operator/);
  });

  test("without samples is refused", () => {
    const spec = signalSpec();
    const [window, ...others] = spec.operators;
    const operators = [{ ...window!, inputs: [] }, ...others];
    expect(() => open(buildTflite({ ...spec, operators }))).toThrow(/operand 0/);
  });

  test("with a table that is shorter than its shape is refused", () => {
    const spec = signalSpec();
    const cut = spec.tensors.map((tensor) =>
      tensor.name === "window" ? { ...tensor, data: new Uint8Array(15) } : tensor,
    );
    expect(() => open(buildTflite({ ...spec, tensors: cut }))).toThrow(/"window": expected 16 bytes/);
  });

  test("with more features than its filters have is refused", () => {
    const spec = signalSpec();
    const wide = spec.tensors.map((tensor) => (tensor.name === "y" ? { ...tensor, shape: [3] } : tensor));
    expect(() => open(buildTflite({ ...spec, tensors: wide }))).toThrow(/"y".*expected 2/);
  });

  test("with a name of an option that has no end is refused", () => {
    const spec = signalSpec();
    const long = spec.operators.map((operator, i) =>
      i === 0 ? { ...operator, customOptions: flexMap({ ["shift".repeat(20)]: 12 }) } : operator,
    );
    expect(() => open(buildTflite({ ...spec, operators: long }))).toThrow(/no map of numbers/);
  });
});

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

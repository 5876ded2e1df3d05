import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { importTflite } from "../../src/import/tflite/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { dataFolder } from "../helpers/data.ts";
import { randomFrom } from "../helpers/graphs.ts";
import { pairOf, runBoth, runningTiers } from "./instance.ts";

const folder = dataFolder();
const names = [
  "kws_ref_model",
  "vww_96_int8",
  "resnet8_int8",
  "resnet8_float",
  "ad01_int8",
  "person_detect",
  "micro_speech_quantized",
  "mobilenet_v1_025_128_uint8",
];
const path = (name: string): string => join(folder ?? "", "models/tflite", `${name}.tflite`);

describe.skipIf(!folder || names.some((name) => !existsSync(path(name))))(
  "bundles of published models give the engine's bytes (skipped without the test data)",
  () => {
    describe.each(names)("%s", (name) => {
      it.each(runningTiers)("tier %s", async (tier) => {
        const file = pack(importTflite(readFileSync(path(name)), { file: name })).bytes;
        const { it: bundled, model } = await pairOf(file, tier);
        expect(bundled.init()).toBe(0);
        expect(bundled.memory.buffer.byteLength).toBe(model.memory.total);
        const random = randomFrom(3);
        for (let run = 0; run < 2; run++) {
          const [found, expected] = runBoth(bundled, model, random);
          for (const [i, bytes] of found.entries()) expect(Buffer.compare(bytes, expected[i]!)).toBe(0);
        }
      });
    });
  },
);

/** Damaged, cut and senseless files: a result that packs and runs, or a NibbleError; never anything else. */
import { describe, expect, test } from "vitest";
import { importModel } from "../../src/import/index.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { readNpy } from "../../src/samples/npy.ts";
import { readNpz } from "../../src/samples/npz.ts";
import { readWav } from "../../src/samples/wav.ts";
import { type Random, randomFrom } from "../helpers/graphs.ts";
import { attemptImport, type Fate } from "./import-attempt.ts";
import { checkpointSample, onnxSamples, sampleSamples, tfliteSamples } from "./import-samples.ts";
import { mutateFile } from "./mutate-file.ts";
import { randomOnnx } from "./random-onnx.ts";
import { randomTflite } from "./random-tflite.ts";

/** Mutations of TFLite and ONNX files together; half as many files are made by chance. NIBBLENET_FUZZ=50000 for more. */
const mutations = Number(process.env.NIBBLENET_FUZZ ?? 6_000);
const firstSeed = Number(process.env.NIBBLENET_FUZZ_SEED ?? 0);

type Attempt = (bytes: Uint8Array) => Fate;

const asOnnx: Attempt = (bytes) => attemptImport(bytes, (b) => importOnnx(b, { file: "fuzz.onnx" }));
const asTflite: Attempt = (bytes) => attemptImport(bytes, (b) => importTflite(b, { file: "fuzz.tflite" }));
const asModel: Attempt = (bytes) => attemptImport(bytes, (b) => importModel(b, { file: "fuzz.bin" }));

/** Samples, whatever their extension says. */
const asSamples: Attempt = (bytes) => {
  let fate: Fate = "not imported";
  for (const read of [readNpy, readNpz, readWav]) {
    try {
      read(bytes, "fuzz");
      fate = "ran";
    } catch (error) {
      if (!(error instanceof NibbleError)) throw error;
    }
  }
  return fate;
};

/** The fate of a file, with the seed or length in front of whatever else is thrown. */
function fateOf(attempt: Attempt, bytes: Uint8Array, label: string): Fate {
  const kept = bytes.slice();
  try {
    const fate = attempt(bytes);
    if (Buffer.compare(kept, bytes) !== 0) throw new Error("the caller's bytes have changed");
    return fate;
  } catch (cause) {
    throw new Error(`${label}: ${cause}`, { cause });
  }
}

/** How many files met each fate. */
function tallyOf(
  attempt: Attempt,
  count: number,
  make: (random: Random) => Uint8Array,
): Record<Fate, number> {
  const tally = { "not imported": 0, "not packed": 0, "not loaded": 0, large: 0, ran: 0 };
  for (let seed = firstSeed; seed < firstSeed + count; seed++)
    tally[fateOf(attempt, make(randomFrom(seed)), `seed ${seed}`)]++;
  if (process.env.NIBBLENET_FUZZ) console.log(expect.getState().currentTestName, tally);
  return tally;
}

interface Family {
  files: [name: string, bytes: Uint8Array][];
  attempt: Attempt;
  count: number;
}

const families: Record<string, Family> = {
  ONNX: { files: onnxSamples, attempt: asOnnx, count: mutations / 2 },
  TFLite: { files: tfliteSamples, attempt: asTflite, count: mutations / 2 },
  "llama2.c": { files: [["checkpoint", checkpointSample()]], attempt: asModel, count: mutations / 8 },
  samples: { files: sampleSamples, attempt: asSamples, count: mutations / 8 },
};

describe.each(Object.entries(families))("%s files", (_, { files, attempt, count }) => {
  test.each(files)("%s runs while it is sound", (name, bytes) => {
    expect(fateOf(attempt, bytes, name)).toBe("ran");
  });

  test.each(files)("every truncation of %s", (name, bytes) => {
    const fates = new Set<Fate>();
    for (let length = 0; length < bytes.length; length++)
      fates.add(fateOf(attempt, bytes.slice(0, length), `${name} cut at ${length}`));
    expect(fates).toContain("not imported");
  });

  test(`${count} mutations`, { timeout: 3_600_000 }, () => {
    const sound = files.map(([, bytes]) => bytes);
    const tally = tallyOf(attempt, count, (random) => mutateFile(random, random.pick(sound), sound));
    // Both ends are reached: checks refuse, and some damage is harmless.
    expect(tally.ran).toBeGreaterThan(count / 50);
    expect(tally["not imported"]).toBeGreaterThan(count / 50);
  });
});

describe("files put together by chance", () => {
  test.each<[string, Attempt, (random: Random) => Uint8Array]>([
    ["ONNX", asOnnx, randomOnnx],
    ["TFLite", asTflite, randomTflite],
  ])("%s", { timeout: 3_600_000 }, (_, attempt, make) => {
    const count = mutations / 4;
    const tally = tallyOf(attempt, count, make);
    expect(tally.ran).toBeGreaterThan(count / 100);
    expect(tally["not imported"]).toBeGreaterThan(count / 50);
  });
});

import { describe, expect, test } from "vitest";
import * as codes from "../../assembly/codes.ts";
import { ALIGNMENT } from "../../assembly/format.ts";
import { decode } from "../../src/format/decode.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { createModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { randomFrom } from "../helpers/graphs.ts";
import { tiers } from "../helpers/tiers.ts";
import { createSubject, type Outcome, sameOutputs } from "./attempt.ts";
import { fuzzModels } from "./models.ts";
import { anatomyOf, mutate, repair } from "./mutate.ts";

/** Mutations of all models together. More on demand: NIBBLENET_FUZZ=1000000. */
const mutations = Number(process.env.NIBBLENET_FUZZ ?? 20_000);
const firstSeed = Number(process.env.NIBBLENET_FUZZ_SEED ?? 0);

const models = fuzzModels();
const subjects = tiers.map(createSubject);

/** What every tier makes of the file, which must be one and the same. */
function attemptAll(bytes: Uint8Array, label: string): Outcome {
  const kept = bytes.slice();
  const [first, ...others] = subjects.map((subject, i) => {
    try {
      return subject.attempt(bytes);
    } catch (cause) {
      throw new Error(`${label}, ${tiers[i]}: ${cause}`, { cause });
    }
  });
  for (const other of others) {
    if ("refused" in first! || "refused" in other) expect(other, label).toEqual(first);
    else {
      const agree =
        first!.outputs.length === other.outputs.length &&
        first!.outputs.every((o, i) => sameOutputs(o, other.outputs[i]!));
      if (!agree) expect.fail(`${label}: the tiers disagree`);
    }
  }
  if (Buffer.compare(kept, bytes) !== 0) expect.fail(`${label}: the caller's bytes have changed`);
  return first!;
}

test("the models hold every operator of the engine", () => {
  const held = new Set(models.flatMap(([, bytes]) => decode(bytes).operators.map((o) => o.code)));
  const all = Object.entries(codes).filter(([name]) => name.startsWith("OP_"));
  expect(all.length).toBeGreaterThan(40);
  const missing = all.filter(([, code]) => !held.has(code));
  expect(missing).toEqual([]);
});

describe.each(models)("%s", (name, sound) => {
  test("undamaged, it runs alike in every tier", () => {
    expect(attemptAll(sound.slice(), name)).toHaveProperty("outputs");
  });

  test("every truncation is refused as a bad file", () => {
    for (let length = 0; length < sound.length; length++) {
      const outcome = attemptAll(sound.slice(0, length), `${name} cut at ${length}`);
      if (!("refused" in outcome) || outcome.refused !== "bad-file")
        expect.fail(`cut at ${length}: ${JSON.stringify(outcome)}`);
    }
    for (let length = ALIGNMENT; length < sound.length; length += ALIGNMENT)
      expect(
        attemptAll(repair(sound.slice(0, length)), `${name} cut and repaired at ${length}`),
      ).toHaveProperty("refused");
  });

  test(`${mutations / models.length} mutations, with broken and with repaired checksum`, () => {
    const anatomy = anatomyOf(sound);
    const tally: Record<string, number> = {};
    for (let i = 0; i < mutations / models.length; i++) {
      const seed = firstSeed + i;
      const label = `${name}, seed ${seed}`;
      const bytes = mutate(randomFrom(seed), sound, anatomy);
      const isChanged = Buffer.compare(bytes, sound) !== 0;
      const broken = attemptAll(bytes, `${label}, broken`);
      if (isChanged && !("refused" in broken && broken.refused === "bad-file"))
        expect.fail(`${label}: accepted with a wrong checksum`);
      const outcome = attemptAll(repair(bytes), label);
      const kind = "refused" in outcome ? outcome.refused : "ran";
      tally[kind] = (tally[kind] ?? 0) + 1;
    }
    if (process.env.NIBBLENET_FUZZ) console.log(name, tally);
    // Both ends are reached: checks refuse, and much damage is harmless.
    expect(tally["bad-file"]).toBeGreaterThan(mutations / models.length / 20);
    expect(tally.ran).toBeGreaterThan(mutations / models.length / 20);
  });

  test("createModel answers damage with NibbleError only", () => {
    const anatomy = anatomyOf(sound);
    for (let seed = 0; seed < 100; seed++) {
      const bytes = repair(mutate(randomFrom(seed), sound, anatomy));
      for (const tier of tiers) {
        try {
          createModel(wasm, bytes, { tier }).invoke();
        } catch (error) {
          expect(error).toBeInstanceOf(NibbleError);
        }
      }
    }
  });
});

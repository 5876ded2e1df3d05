import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { importTflite } from "../../src/import/tflite/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { createModel } from "../../src/runtime/model.ts";
import type { Tier } from "../../src/runtime/tiers.ts";
import { wasm } from "../../src/wasm.ts";
import { type Golden, listGoldens, loadGolden } from "../helpers/golden.ts";
import { tiers } from "../helpers/tiers.ts";

/** How one golden fared in every tier. */
export interface Outcome {
  golden: string;
  model: string;
  result: "exact" | "within tolerance" | "unsupported" | "wrong";
  /** What is unsupported, or how far off; empty otherwise. */
  detail: string;
  /** Values compared, in one tier. */
  values: number;
  expectsExact: boolean;
  /** All tiers gave the same bytes. */
  tiersAgree: boolean;
}

export const runGoldens = (): Outcome[] => listGoldens("tflite").map(runGolden);

function runGolden(name: string): Outcome {
  const golden = loadGolden("tflite", name);
  const outcome: Outcome = {
    golden: name,
    model: basename(golden.model),
    result: "exact",
    detail: "",
    values: 0,
    expectsExact: golden.compare.mode === "bit-exact",
    tiersAgree: true,
  };
  let file: Uint8Array;
  try {
    file = pack(
      importTflite(readFileSync(golden.model), {
        file: outcome.model,
        subgraph: golden.subgraph,
        rounding: golden.rounding,
      }),
    ).bytes;
  } catch (error) {
    if (!(error instanceof NibbleError) || error.code !== "unsupported") throw error;
    const detail = error.message.replace(/^[^:]*: (unsupported operators: )?/, "");
    return { ...outcome, result: "unsupported", detail };
  }
  const outputs = tiers.map((tier) => runTier(file, golden, tier));
  const [first] = outputs;
  outcome.tiersAgree = outputs.every((o) => Buffer.compare(o.bytes, first.bytes) === 0);
  const { values, different, worst, beyond } = first;
  outcome.values = values;
  if (different === 0) return outcome;
  if (outcome.expectsExact || beyond > 0)
    return { ...outcome, result: "wrong", detail: `${different} of ${values} differ, by at most ${worst}` };
  return { ...outcome, result: "within tolerance", detail: `at most ${worst.toExponential(1)} off` };
}

function runTier(file: Uint8Array, golden: Golden, tier: Tier) {
  const model = createModel(wasm, file, { tier, name: golden.name });
  const parts: Uint8Array[] = [];
  const total = { values: 0, different: 0, worst: 0, beyond: 0 };
  for (const step of golden.steps) {
    for (const [i, { data }] of step.inputs.entries())
      (model.input(model.inputs[i].name) as Uint8Array).set(data as Uint8Array);
    model.invoke();
    for (const [i, { data }] of step.outputs.entries()) {
      const found = model.output(model.outputs[i].name);
      parts.push(new Uint8Array(found.buffer, found.byteOffset, found.byteLength).slice());
      for (let k = 0; k < data.length; k++) {
        const [a, b] = [Number(found[k]), Number(data[k])];
        total.values++;
        if (Object.is(a, b) || a === b) continue;
        const { compare } = golden;
        const bound = compare.mode === "tolerance" ? compare.atol + compare.rtol * Math.abs(b) : 0;
        total.different++;
        total.worst = Math.max(total.worst, Math.abs(a - b));
        if (!(Math.abs(a - b) <= bound)) total.beyond++;
      }
    }
  }
  model.dispose();
  return { ...total, bytes: Buffer.concat(parts) };
}

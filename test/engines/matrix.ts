import { aptInstall } from "./apt.ts";
import type { Engine, Place, Running, Stage } from "./engine.ts";
import { notRun, type Row } from "./page.ts";
import type { Result } from "./subject/check.ts";

const coldStarts = 5;

/** What the plain SIMD build answers in the Node that runs this; the other tests tie that to the goldens. */
export async function referenceOf(place: Place): Promise<Result> {
  const answer = await place.run({ tier: "simd", full: true });
  if ("refusal" in answer) throw new Error(`no reference: ${answer.refusal.message}`);
  const broken = Object.entries(answer.result.outputs).filter(([, hash]) => hash.startsWith("error"));
  if (broken.length) throw new Error(`no reference: ${broken.map((e) => e.join(": ")).join("; ")}`);
  const strange = Object.keys(answer.result.notANumber);
  if (strange.length) throw new Error(`no reference: NaN in the outputs of ${strange.join(", ")}`);
  return answer.result;
}

/** All places of an engine, and its examples. An engine that does not start is one row that says why. */
export async function runEngine(engine: Engine, stage: Stage, reference: Result): Promise<Row[]> {
  let running: Running;
  try {
    if (engine.apt) aptInstall(engine.apt);
    running = await engine.start(stage);
  } catch (error) {
    return [notRun(engine.name, textOf(error))];
  }
  const rows: Row[] = [];
  try {
    for (const place of running.places) rows.push(await runPlace(place, running.version, stage, reference));
    for (const extra of running.extras ?? [])
      try {
        rows[0].extras.push(`${extra.name}: ${await extra.run()}`);
      } catch (error) {
        rows[0].faults.push(`${engine.name}, ${extra.name}: ${textOf(error)}`);
      }
  } finally {
    await running.close();
  }
  return rows;
}

/** Every tier of the package in one place, then cold starts of what it picks by itself. */
export async function runPlace(place: Place, version: string, stage: Stage, reference: Result): Promise<Row> {
  const row: Row = { engine: place.name, version, tiers: [], refused: [], faults: [], extras: [] };
  const fault = (text: string): void => void row.faults.push(`${place.name}: ${text}`);
  try {
    for (const tier of place.tiers ?? stage.tiers) {
      const answer = await place.run({ tier, full: true });
      const expected = place.refuses?.[tier];
      if ("refusal" in answer) {
        if (expected && answer.refusal.code === "unsupported-engine")
          row.refused.push(`${tier}: ${expected}`);
        else fault(`tier ${tier} refused (${answer.refusal.code}): ${answer.refusal.message}`);
        continue;
      }
      if (expected) fault(`tier ${tier} runs, though it should not: ${expected}`);
      const { tier: ran, outputs, latency } = answer.result;
      if (ran !== tier) fault(`asked for tier ${tier}, got ${ran}`);
      const wrong = Object.keys(outputs).filter((name) => outputs[name] !== reference.outputs[name]);
      for (const name of wrong)
        fault(`tier ${tier}, ${name}: expected ${reference.outputs[name]}, found ${outputs[name]}`);
      row.tiers.push({ tier, models: Object.keys(outputs).length, wrong: wrong.length, latency });
    }
    const colds: number[] = [];
    for (let i = 0; i < coldStarts; i++) {
      const answer = await place.run({ tier: "auto", full: false });
      if ("refusal" in answer) throw new Error(`no tier runs: ${answer.refusal.message}`);
      row.auto = answer.result.tier;
      colds.push(answer.result.cold);
    }
    row.cold = colds.sort((a, b) => a - b)[colds.length >> 1];
  } catch (error) {
    fault(textOf(error));
  }
  return row;
}

/** One line for the page. */
const textOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error))
    .replaceAll(process.cwd(), ".")
    .split("\n")
    .join(" ")
    .slice(0, 400);

import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { aptInstall } from "./apt.ts";
import { browsers } from "./browsers.ts";
import type { Engine, Place, Running, Stage } from "./engine.ts";
import { nodeLikeEngines } from "./node-like.ts";
import { notRun, type Row, renderPage, summary } from "./page.ts";
import { installEngines, prepareStage } from "./stage.ts";
import type { Result } from "./subject/check.ts";
import { workerd } from "./workerd.ts";

export const engines: Engine[] = [...nodeLikeEngines, workerd, ...browsers];

const coldStarts = 5;

/** Runs the matrix and answers the exit code: 1 when anything differs from the reference. */
export async function main(args: readonly string[]): Promise<number> {
  const all = args.includes("--all");
  const only = args.includes("--only") ? args[args.indexOf("--only") + 1]?.split(",") : undefined;
  const root = resolve(".");
  installEngines(join(root, "test/engines"));
  const { stage, notes } = await prepareStage(root);
  const reference = await referenceOf(stage);
  const rows: Row[] = [];
  for (const engine of engines) {
    if (only && !only.includes(engine.name)) continue;
    const isLeftOut = engine.slow && !all && !only;
    const found = isLeftOut
      ? [notRun(engine.name, "only with --all")]
      : await runEngine(engine, stage, reference);
    for (const row of found) console.log(summary(row));
    rows.push(...found);
  }
  if (!only) writeFileSync(join(root, "docs/engines.md"), renderPage(rows, reference, notes));
  const faults = rows.flatMap((row) => row.faults);
  for (const fault of faults) console.error(`FAULT ${fault}`);
  const ran = rows.filter((row) => !row.notRun);
  console.log(
    `${ran.length} places ran, ${rows.length - ran.length} did not; ${faults.length} faults` +
      ` (${Object.keys(reference.outputs).length} models each)`,
  );
  return faults.length || ran.length === 0 ? 1 : 0;
}

/** What the plain SIMD build answers in the Node that runs this; the other tests tie that to the goldens. */
async function referenceOf(stage: Stage): Promise<Result> {
  const { places } = await nodeLikeEngines[0].start(stage);
  const answer = await places[0].run({ tier: "simd", full: true, heavy: true });
  if ("refusal" in answer) throw new Error(`no reference: ${answer.refusal.message}`);
  const broken = Object.entries(answer.result.outputs).filter(([, hash]) => hash.startsWith("error"));
  if (broken.length) throw new Error(`no reference: ${broken.map((e) => e.join(": ")).join("; ")}`);
  const strange = Object.keys(answer.result.notANumber);
  if (strange.length) throw new Error(`no reference: NaN in the outputs of ${strange.join(", ")}`);
  return answer.result;
}

async function runEngine(engine: Engine, stage: Stage, reference: Result): Promise<Row[]> {
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
async function runPlace(place: Place, version: string, stage: Stage, reference: Result): Promise<Row> {
  const row: Row = { engine: place.name, version, tiers: [], refused: [], faults: [], extras: [] };
  const fault = (text: string): void => void row.faults.push(`${place.name}: ${text}`);
  try {
    for (const tier of place.tiers ?? stage.tiers) {
      const answer = await place.run({ tier, full: true, heavy: !place.light && tier !== "script" });
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
      const answer = await place.run({ tier: "auto", full: false, heavy: false });
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

const textOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n").join(" ").slice(0, 400);

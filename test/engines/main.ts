import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { arm64 } from "./arm64.ts";
import { browsers } from "./browsers.ts";
import type { Engine } from "./engine.ts";
import { installLocked } from "./install.ts";
import { referenceOf, runEngine } from "./matrix.ts";
import { native } from "./native.ts";
import { nodeLikeEngines } from "./node-like.ts";
import { notRun, type Row, renderPage, summary } from "./page.ts";
import { shells } from "./shells.ts";
import { prepareStage } from "./stage.ts";
import { workerd } from "./workerd.ts";

const engines: Engine[] = [...nodeLikeEngines, workerd, ...shells, ...browsers, arm64, native];

/** Runs the matrix and answers the exit code: 1 when anything differs from the reference. */
export async function main(args: readonly string[]): Promise<number> {
  const all = args.includes("--all");
  const only = args.includes("--only") ? args[args.indexOf("--only") + 1]?.split(",") : undefined;
  const unknown = only?.filter((name) => !engines.some((engine) => engine.name === name)) ?? [];
  if (unknown.length)
    throw new RangeError(
      `--only expected ${engines.map((e) => e.name).join(", ")}; got ${unknown.join(", ")}`,
    );
  const root = resolve(".");
  const missing = await installLocked(join(root, "test/engines"));
  if (missing) console.error(`${missing}\nThe engines that npm brings will be reported as not run.`);
  const { stage, notes } = await prepareStage(root, dataFolder(root));
  const { places } = await nodeLikeEngines[0].start(stage);
  const reference = await referenceOf(places[0]);
  const rows: Row[] = [];
  for (const engine of engines) {
    if (only && !only.includes(engine.name)) continue;
    const isLeftOut = engine.slow && !all && !only;
    const found = isLeftOut
      ? [notRun(engine.name, "only with --all")]
      : await runEngine(engine, stage, reference);
    for (const row of found) {
      console.log([summary(row), ...row.faults].join("\n  FAULT "));
      for (const extra of row.extras) console.log(`  ${extra}`);
    }
    rows.push(...found);
  }
  if (all && !only) writeFileSync(join(root, "docs/engines.md"), renderPage(rows, reference, notes));
  const faults = rows.flatMap((row) => row.faults);
  const ran = rows.filter((row) => !row.notRun);
  console.log(
    `${ran.length} places ran, ${rows.length - ran.length} did not; ${faults.length} faults` +
      ` (${Object.keys(reference.outputs).length} models each)`,
  );
  return faults.length || ran.length === 0 ? 1 : 0;
}

/** The models beside the repository. test/helpers/data.ts can't be used: bundling changes what it is relative to. */
function dataFolder(root: string): string | undefined {
  const folder = process.env.NIBBLENET_DATA ?? join(root, "../shared/data");
  return existsSync(join(folder, "MANIFEST.md")) ? folder : undefined;
}

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Stage } from "./engine.ts";
import { stop } from "./process.ts";
import { bundleWorker, serve, type WorkerFiles } from "./worker-files.ts";

const rounds = 15;
/** ms of processor time: what Cloudflare's free plan gives a request. */
const ceiling = 10;

/** Processor time of all threads of a process so far, in ms. */
function processorTime(pid: number): number {
  const tasks = join("/proc", String(pid), "task");
  const nanoseconds = readdirSync(tasks).map((task) =>
    Number(readFileSync(join(tasks, task, "schedstat"), "utf8").split(" ")[0]),
  );
  return nanoseconds.reduce((sum, time) => sum + time, 0) / 1e6;
}

/** From the start of a process to its first answer, in ms: processor time, and time. */
async function once(program: string, files: WorkerFiles): Promise<[processor: number, wall: number]> {
  const start = performance.now();
  const { child, url } = await serve(program, files);
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
    if (!response.ok) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
    return [processorTime(child.pid!), performance.now() - start];
  } finally {
    await stop(child);
  }
}

/**
 * A Worker's clock stands still while it starts, so this is measured from outside: two Workers, one with the model
 * loaded at global scope, in fresh processes by turns; the difference of the medians.
 */
export async function startUp(stage: Stage, program: string): Promise<string> {
  const bundle = (name: string) => bundleWorker(stage, join(stage.home, "subject", `${name}.ts`), name);
  const workers = [await bundle("startup-without"), await bundle("startup")];
  const times: [number, number][][] = workers.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const [i, files] of workers.entries()) times[i].push(await once(program, files));
  const added = [0, 1].map((kind) => {
    const [without, withModel] = times.map(
      (list) => list.map((pair) => pair[kind]).sort((a, b) => a - b)[rounds >> 1],
    );
    return withModel - without;
  });
  const [processor, wall] = added;
  if (processor > ceiling)
    throw new Error(`start-up takes ${processor.toFixed(1)} ms more of processor time, expected ${ceiling}`);
  return (
    `import and load of the keyword model at global scope add ${processor.toFixed(1)} ms of processor time and ` +
    `${wall.toFixed(1)} ms of time from the start of the process to its first answer (medians of ${rounds} fresh ` +
    "processes with and without, by turns)"
  );
}

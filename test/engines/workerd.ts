import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Engine, Stage } from "./engine.ts";
import { askServer, expectText } from "./examples.ts";
import { output, stop } from "./process.ts";
import type { Answer, Job } from "./subject/check.ts";
import { bundleWorker, serve, type WorkerFiles } from "./worker-files.ts";
import { startUp } from "./workerd-startup.ts";

/** One job in a fresh process. */
async function ask(program: string, files: WorkerFiles, job: Job): Promise<Answer> {
  const { child, url } = await serve(program, files);
  try {
    const body = JSON.stringify(job);
    const response = await fetch(url, { method: "POST", body, signal: AbortSignal.timeout(120_000) });
    if (!response.ok) throw new Error(`HTTP ${response.status}: ${(await response.text()).slice(0, 300)}`);
    return await response.json();
  } finally {
    await stop(child);
  }
}

async function refuseBytes(stage: Stage, program: string): Promise<string> {
  const files = await bundleWorker(stage, join(stage.home, "subject/worker.ts"), "bytes", []);
  const answer = await ask(program, files, { tier: "simd", full: false });
  if ("result" in answer) throw new Error("it compiled from bytes");
  const { code, message } = answer.refusal;
  return expectText(`${code}: ${message}`, /^unsupported-engine: .*hand in a WebAssembly\.Module/s);
}

async function runExample(stage: Stage, program: string): Promise<string> {
  const files = await bundleWorker(stage, join(stage.root, "examples/worker/worker.mjs"), "example");
  const { child, url } = await serve(program, files);
  try {
    return await askServer(url, stage);
  } finally {
    await stop(child);
  }
}

export const workerd: Engine = {
  name: "workerd",
  async start(stage) {
    const program = join(stage.home, "node_modules/@cloudflare/workerd-linux-64/bin/workerd");
    if (!existsSync(program)) throw new Error("its npm package is not installed");
    const version = (await output(program, ["--version"])).trim().replace("workerd ", "");
    const files = await bundleWorker(stage, join(stage.home, "subject/worker.ts"), "matrix");
    return {
      version,
      places: [
        {
          name: "workerd",
          tiers: stage.tiers.filter((tier) => tier !== "script"),
          run: (job) => ask(program, files, job),
        },
      ],
      extras: [
        { name: "start-up", run: () => startUp(stage, program) },
        { name: "examples/worker", run: () => runExample(stage, program) },
        {
          name: "the default entry, asked for WebAssembly from bytes",
          run: () => refuseBytes(stage, program),
        },
      ],
      close: async () => {},
    };
  },
};

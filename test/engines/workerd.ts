import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build, type OnResolveArgs, type Plugin } from "esbuild";
import type { Engine, Stage } from "./engine.ts";
import { askServer, expectText } from "./examples.ts";
import { output, startServer, stop } from "./process.ts";
import type { Answer, Job } from "./subject/check.ts";

type Kind = "esModule" | "wasm" | "data";

interface WorkerFiles {
  folder: string;
  modules: { name: string; kind: Kind }[];
}

const context = ({ importer, namespace, resolveDir, kind }: OnResolveArgs) => ({
  importer,
  namespace,
  resolveDir,
  kind,
});

/** Bundles as wrangler does: `.wasm` becomes a compiled module, `.bin` and `.nbl` become data. */
async function bundleWorker(
  stage: Stage,
  entry: string,
  name: string,
  conditions = ["workerd", "worker", "browser"],
): Promise<WorkerFiles> {
  const folder = join(stage.build, "workerd", name);
  mkdirSync(folder, { recursive: true });
  const modules: WorkerFiles["modules"] = [{ name: "worker.mjs", kind: "esModule" }];
  const places: Record<string, string> = {
    "models.bin": stage.archive,
    "keyword.nbl": join(stage.build, "keyword.nbl"),
  };
  const asModules: Plugin = {
    name: "modules",
    setup(esbuild) {
      esbuild.onResolve({ filter: /\.(wasm|bin|nbl)$/ }, async (request) => {
        const file = basename(request.path);
        if (request.pluginData === "inner") return undefined;
        const path =
          places[file] ??
          (await esbuild.resolve(request.path, { ...context(request), pluginData: "inner" })).path;
        if (!modules.some((module) => module.name === file)) {
          modules.push({ name: file, kind: file.endsWith(".wasm") ? "wasm" : "data" });
          writeFileSync(join(folder, file), readFileSync(path));
        }
        return { path: `./${file}`, external: true };
      });
    },
  };
  await build({
    entryPoints: [entry],
    outfile: join(folder, "worker.mjs"),
    bundle: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions,
    nodePaths: [join(stage.build, "node_modules")],
    plugins: [asModules],
    logLevel: "warning",
  });
  return { folder, modules };
}

/** Starts workerd on a free loopback port and answers its address. */
async function serve(program: string, { folder, modules }: WorkerFiles) {
  const list = modules.map(({ name, kind }) => `(name = "${name}", ${kind} = embed "${name}")`);
  const config = join(folder, "config.capnp");
  writeFileSync(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
const worker :Workerd.Worker = (modules = [${list.join(", ")}], compatibilityDate = "2026-09-01");
`,
  );
  const { child, match } = await startServer(
    program,
    ["serve", config, "--control-fd=1"],
    /"event":"listen"[^}]*"port":(\d+)/,
  );
  return { child, url: `http://127.0.0.1:${match[1]}/` };
}

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
  const answer = await ask(program, files, { tier: "simd", full: false, heavy: false });
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

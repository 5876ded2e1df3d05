import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build, type OnResolveArgs, type Plugin } from "esbuild";
import type { Stage } from "./engine.ts";
import { startServer } from "./process.ts";

type Kind = "esModule" | "wasm" | "data";

export interface WorkerFiles {
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
export async function bundleWorker(
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
export async function serve(program: string, { folder, modules }: WorkerFiles) {
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

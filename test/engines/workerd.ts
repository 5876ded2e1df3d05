import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build, type OnResolveArgs, type Plugin } from "esbuild";
import type { Engine, Stage } from "./engine.ts";
import { output, startServer, stop } from "./process.ts";
import { builtFile, entryConditions } from "./stage.ts";

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
async function bundleWorker(stage: Stage, entry: string, name: string): Promise<WorkerFiles> {
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
      esbuild.onResolve({ filter: /handed\.mjs$/ }, () => ({ path: "handed", namespace: "handed" }));
      esbuild.onLoad({ filter: /./, namespace: "handed" }, () => ({
        contents: handedModules(stage),
        resolveDir: stage.build,
      }));
    },
  };
  await build({
    entryPoints: [entry],
    outfile: join(folder, "worker.mjs"),
    bundle: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    nodePaths: [join(stage.build, "node_modules")],
    plugins: [asModules],
    logLevel: "warning",
  });
  return { folder, modules };
}

/** The engine's modules by tier, for a package without an entry for workerd. */
function handedModules(stage: Stage): string {
  if (entryConditions(stage).includes("workerd")) return "export const handed = {};";
  const tiers = stage.tiers.filter((tier) => builtFile(stage, `${tier}.wasm`));
  const imports = tiers.map((tier) => `import ${tier} from "nibblenet/${tier}.wasm";`);
  return `${imports.join("\n")}\nexport const handed = { ${tiers.join(", ")}, auto: ${tiers[0]} };`;
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

export const workerd: Engine = {
  name: "workerd",
  async start(stage) {
    const program = join(stage.home, "node_modules/@cloudflare/workerd-linux-64/bin/workerd");
    const version = (await output(program, ["--version"])).trim().replace("workerd ", "");
    const files = await bundleWorker(stage, join(stage.home, "subject/worker.ts"), "matrix");
    return {
      version,
      places: [
        {
          name: "workerd",
          async run(job) {
            const { child, url } = await serve(program, files);
            try {
              const body = JSON.stringify(job);
              const response = await fetch(url, {
                method: "POST",
                body,
                signal: AbortSignal.timeout(120_000),
              });
              if (!response.ok)
                throw new Error(`HTTP ${response.status}: ${(await response.text()).slice(0, 300)}`);
              return await response.json();
            } finally {
              await stop(child);
            }
          },
        },
      ],
      close: async () => {},
    };
  },
};

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import type { Stage } from "./engine.ts";

/**
 * The package as npm would install it, the packed models, and the programs that run them.
 * `data` is the folder of test models, where there is one; `folder` is emptied and filled.
 */
export async function prepareStage(
  root: string,
  data: string | undefined,
  folder = join(root, "test/engines/build"),
): Promise<{ stage: Stage; notes: string[] }> {
  const home = join(root, "test/engines");
  const archive = join(folder, "models.bin");
  for (const old of ["node_modules", "deno-cache"])
    rmSync(join(folder, old), { recursive: true, force: true });
  mkdirSync(join(folder, "node_modules/nibblenet"), { recursive: true });
  const file = execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], {
    cwd: root,
    encoding: "utf8",
  });
  const tarball = join(folder, file.trim().split("\n").at(-1)!);
  execFileSync("tar", ["xzf", tarball, "--strip-components=1", "-C", join(folder, "node_modules/nibblenet")]);
  rmSync(tarball);
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');

  const entry = (name: string) =>
    import(pathToFileURL(join(folder, "node_modules/nibblenet/build", name)).href);
  const { tiers, loadModelSync }: typeof import("../../src/index.ts") = await entry("index.js");
  const { bundle }: typeof import("../../src/tools.ts") = await entry("tools.js");
  const { archiveOf, clipFeatures, packModels } = await bundleModels(home, folder);
  const { models, notes } = packModels(root, data);
  writeFileSync(archive, archiveOf(models));
  writeFileSync(join(folder, "keyword.bin"), archiveOf(models.slice(0, 1)));
  writeFileSync(join(folder, "keyword.nbl"), models[0].bytes);
  writeFileSync(join(folder, "keyword.wasm"), (await bundle(models[0].bytes)).bytes);
  const features = clipFeatures(root);
  writeFileSync(join(folder, "clip.f32"), new Uint8Array(features.buffer));
  const model = loadModelSync(models[0].bytes, { tier: "simd" });
  const logits = [...(model.run({ features }).logits as Float32Array)];
  const { labels } = model.metadata as { labels: string[] };
  const clip = { heard: labels[logits.indexOf(Math.max(...logits))], logits };
  await build({
    entryPoints: { node: join(home, "subject/node.ts") },
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "neutral",
    external: ["nibblenet", "node:*"],
    logLevel: "warning",
  });
  const megabytes = models.reduce((n, m) => n + m.bytes.length, 0) / 1e6;
  console.log(`${models.length} packed models, ${megabytes.toFixed(1)} MB`);
  return { stage: { root, home, build: folder, archive, tiers, clip }, notes };
}

/** models.ts on the staged package, so that a source tree in the middle of a change does not matter. */
async function bundleModels(home: string, folder: string): Promise<typeof import("./models.ts")> {
  const tools = "./node_modules/nibblenet/build/tools.js";
  await build({
    entryPoints: [join(home, "models.ts")],
    outfile: join(folder, "models.mjs"),
    bundle: true,
    format: "esm",
    platform: "node",
    plugins: [
      {
        name: "built-tools",
        setup({ onResolve }) {
          onResolve({ filter: /src\/(tools|pack\/pack)\.ts$/ }, () => ({ path: tools, external: true }));
        },
      },
    ],
  });
  return import(pathToFileURL(join(folder, "models.mjs")).href);
}

/** A file of the staged package's build, if it is there. */
export function builtFile({ build: folder }: Stage, name: string): string | undefined {
  const path = join(folder, "node_modules/nibblenet/build", name);
  return existsSync(path) ? path : undefined;
}

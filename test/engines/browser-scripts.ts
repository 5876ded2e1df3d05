import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";
import type { Stage } from "./engine.ts";

/** Scripts for pages import the package by its address; those that are one file hold it. */
export async function bundleScripts({ root, home, build: folder }: Stage): Promise<void> {
  const source = (name: string): string => join(home, "subject/browser", `${name}.ts`);
  const shared = {
    outdir: join(folder, "browser"),
    bundle: true,
    platform: "neutral",
    target: "es2022",
    logLevel: "warning",
  } as const;
  await build({
    ...shared,
    entryPoints: ["page", "web-worker"].map(source),
    format: "esm",
    plugins: [
      {
        name: "by-address",
        setup({ onResolve }) {
          onResolve({ filter: /^nibblenet$/ }, () => ({
            path: "/node_modules/nibblenet/build/index.js",
            external: true,
          }));
        },
      },
    ],
  });
  const whole = {
    ...shared,
    mainFields: ["module", "main"],
    conditions: ["browser"],
    nodePaths: [join(folder, "node_modules")],
  };
  await build({ ...whole, entryPoints: [source("service-worker")], format: "iife" });
  await build({ ...whole, entryPoints: [source("audio")], format: "esm" });
  await bundleExamples(whole, root, folder);
}

/** The examples' folders as their README files say, each served as if it were a site. */
async function bundleExamples(options: BuildOptions, root: string, folder: string): Promise<void> {
  for (const [name, file, format] of [
    ["service-worker", "service-worker", "iife"],
    ["audio-worklet", "processor", "esm"],
  ] as const) {
    const outdir = join(folder, name);
    await build({ ...options, entryPoints: [join(root, "examples", name, `${file}.mjs`)], outdir, format });
    copyFileSync(join(root, "examples", name, "page.mjs"), join(outdir, "page.mjs"));
    copyFileSync(join(folder, "keyword.nbl"), join(outdir, "keyword.nbl"));
  }
}

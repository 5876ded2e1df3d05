// Builds everything under build/: the engine's .wasm per tier, the JavaScript entries, and their types.
import { execFileSync } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import asc from "assemblyscript/asc";
import { build } from "esbuild";

const root = new URL(".", import.meta.url);
process.chdir(new URL(root).pathname);

await rm("build", { recursive: true, force: true });
await mkdir("build");

for (const target of ["simd", "scalar"]) {
  const { error, stderr } = await asc.main(["--config", "asconfig.json", "--target", target]);
  if (error) throw new Error(`asc --target ${target}: ${error.message}\n${stderr}`);
}

const shared = {
  bundle: true,
  format: "esm",
  target: "es2022",
  loader: { ".wasm": "binary" },
  logLevel: "warning",
};
await build({
  ...shared,
  entryPoints: { index: "src/index.ts" },
  outdir: "build",
  platform: "neutral",
  mainFields: ["module", "main"],
  minify: true,
});
await build({
  ...shared,
  entryPoints: { tools: "src/tools.ts", cli: "src/cli/bin.ts" },
  outdir: "build",
  platform: "node",
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
  packages: "external",
});

execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.types.json"], {
  stdio: "inherit",
});

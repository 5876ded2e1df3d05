/** What a TypeScript file of this repository exports; works in the repository's folder from there on. */
import { basename } from "node:path";
import { build } from "esbuild";

export async function bundled(entry) {
  process.chdir(new URL("../..", import.meta.url).pathname);
  const outfile = `build/listen-${basename(entry, ".ts")}.mjs`;
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    logLevel: "warning",
  });
  return import(`../../${outfile}`);
}

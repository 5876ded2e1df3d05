// Runs the same packed models in every engine that can be had; exits with 1 when a byte differs anywhere.
//   node test/engines/run.mjs [--all] [--only NAME,…]     after `npm run build`
// --all adds browsers and emulated machines, and writes docs/engines.md.
import { build } from "esbuild";

process.chdir(new URL("../..", import.meta.url).pathname);
await build({
  entryPoints: ["test/engines/main.ts"],
  outfile: "test/engines/build/main.mjs",
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  external: ["esbuild"],
  logLevel: "warning",
});
const { main } = await import("./build/main.mjs");
process.exitCode = await main(process.argv.slice(2));

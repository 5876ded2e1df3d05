/**
 * Runs every case of cases.ts in LiteRT.js and writes the digests of its outputs to vectors.json.
 * `npm ci` in test/bench, then `node make-vectors.mjs` here.
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { loadLitert } from "../../bench/litert.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "../../bench/node_modules");
const work = join(modules, ".vectors");

async function loadCases() {
  const outfile = join(work, "cases.mjs");
  await build({
    entryPoints: [join(here, "cases.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
  });
  const { litertCases } = await import(pathToFileURL(outfile).href);
  return litertCases();
}

async function digest(litert, { model, inputs }) {
  const compiled = await litert.loadAndCompile(model, { accelerator: "wasm" });
  const details = compiled.getInputDetails();
  const tensors = inputs.map((data, i) => new litert.Tensor(data, [...details[i].shape]));
  const [output] = await compiled.run(tensors);
  const { buffer, byteOffset, byteLength } = await output.data();
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

mkdirSync(work, { recursive: true });
const litert = await loadLitert(modules, "compat");
const digests = {};
for (const item of await loadCases()) digests[item.name] = await digest(litert, item);
const file = { runtime: "@litertjs/core 2.5.3, simd128 build", digests };
writeFileSync(join(here, "vectors.json"), `${JSON.stringify(file, null, 2)}\n`);
console.log(`${Object.keys(digests).length} cases`);
// LiteRT keeps the process alive.
process.exit(0);

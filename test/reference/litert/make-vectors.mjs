/**
 * Runs every case of cases.ts in LiteRT.js and writes the digests of its outputs to vectors.json.
 *
 * LiteRT.js is made for browsers, and its list of element types leaves out int8, which its wasm supports. So
 * it is loaded as in a worker, from a copy of its script with that type added and without a GPU.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const core = join(here, "node_modules/@litertjs/core");
const work = join(here, "node_modules/.vectors");
const wasm = join(core, "wasm/litert_wasm_compat_internal");

function withInt8(script) {
  const firstType = script.lastIndexOf("{", script.indexOf('dtype: "uint8"'));
  if (firstType < 0) throw new Error("the list of element types was not found: is this another version?");
  const int8 = '{ dtype: "int8", typedArrayConstructor: Int8Array, elementType: ElementType.INT8 },\n  ';
  return (script.slice(0, firstType) + int8 + script.slice(firstType)).replaceAll(
    "data instanceof GPUBuffer",
    "false",
  );
}

async function loadLitert() {
  writeFileSync(join(work, "litert.js"), withInt8(readFileSync(join(core, "dist/index.js"), "utf8")));
  Object.assign(globalThis, {
    self: globalThis,
    require: createRequire(import.meta.url),
    __dirname: join(core, "wasm"),
    __filename: `${wasm}.js`,
    importScripts: (file) => runInThisContext(readFileSync(file, "utf8"), { filename: file }),
    location: { href: `${pathToFileURL(join(core, "wasm"))}/` },
    Module: {
      wasmBinary: readFileSync(`${wasm}.wasm`),
      locateFile: (file) => join(core, "wasm", file),
      print: () => {},
      printErr: () => {},
    },
  });
  globalThis.navigator ??= {};
  const litert = await import(pathToFileURL(join(work, "litert.js")).href);
  await litert.loadLiteRt(`${wasm}.js`);
  return litert;
}

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
const litert = await loadLitert();
const digests = {};
for (const item of await loadCases()) digests[item.name] = await digest(litert, item);
const file = { runtime: "@litertjs/core 2.5.3, simd128 build", digests };
writeFileSync(join(here, "vectors.json"), `${JSON.stringify(file, null, 2)}\n`);
console.log(`${Object.keys(digests).length} cases`);
// LiteRT keeps the process alive.
process.exit(0);

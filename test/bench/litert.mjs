import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";

/** LiteRT.js leaves int8 and int16 out of its list of element types, which its wasm supports. */
function withSmallTypes(script) {
  const firstType = script.lastIndexOf("{", script.indexOf('dtype: "uint8"'));
  if (firstType < 0) throw new Error("the list of element types was not found: is this another version?");
  const small = [8, 16].map(
    (n) => `{ dtype: "int${n}", typedArrayConstructor: Int${n}Array, elementType: ElementType.INT${n} },\n  `,
  );
  return (script.slice(0, firstType) + small.join("") + script.slice(firstType)).replaceAll(
    "data instanceof GPUBuffer",
    "false",
  );
}

/** A copy of its script with int8 and int16 added and without a GPU, beside the package; returns its path. */
export function patchLitert(modules) {
  const folder = join(modules, ".litert");
  mkdirSync(folder, { recursive: true });
  const script = readFileSync(join(modules, "@litertjs/core/dist/index.js"), "utf8");
  writeFileSync(join(folder, "litert.js"), withSmallTypes(script));
  return join(folder, "litert.js");
}

/**
 * LiteRT.js in Node, once per process, imported and not yet started. It is made for browsers, so it is loaded as in a
 * worker. `modules`: the node_modules that holds @litertjs/core. `build`: "relaxed" (needs relaxed SIMD) or "compat"
 * (plain SIMD). `start` takes its loader script and its wasm from memory.
 */
export async function importLitert(modules, build) {
  const folder = join(modules, "@litertjs/core/wasm");
  const name = build === "compat" ? "litert_wasm_compat_internal" : "litert_wasm_internal";
  const path = join(folder, `${name}.js`);
  const script = readFileSync(path, "utf8");
  Object.assign(globalThis, {
    self: globalThis,
    require: createRequire(import.meta.url),
    __dirname: folder,
    __filename: path,
    importScripts: (file) => runInThisContext(script, { filename: file }),
    location: { href: `${pathToFileURL(folder)}/` },
    Module: {
      wasmBinary: readFileSync(join(folder, `${name}.wasm`)),
      locateFile: (file) => join(folder, file),
      print: () => {},
      printErr: () => {},
    },
  });
  globalThis.navigator ??= {};
  const litert = await import(pathToFileURL(patchLitert(modules)).href);
  return { litert, start: () => litert.loadLiteRt(path) };
}

/** LiteRT.js in Node, ready. */
export async function loadLitert(modules, build) {
  const { litert, start } = await importLitert(modules, build);
  await start();
  return litert;
}

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";

/** LiteRT.js leaves int8 out of its list of element types, which its wasm supports. */
function withInt8(script) {
  const firstType = script.lastIndexOf("{", script.indexOf('dtype: "uint8"'));
  if (firstType < 0) throw new Error("the list of element types was not found: is this another version?");
  const int8 = '{ dtype: "int8", typedArrayConstructor: Int8Array, elementType: ElementType.INT8 },\n  ';
  return (script.slice(0, firstType) + int8 + script.slice(firstType)).replaceAll(
    "data instanceof GPUBuffer",
    "false",
  );
}

/**
 * LiteRT.js in Node, once per process. It is made for browsers, so it is loaded as in a worker, from a copy of its
 * script with int8 added and without a GPU. `modules`: the node_modules that holds @litertjs/core. `build`:
 * "relaxed" (needs relaxed SIMD) or "compat" (plain SIMD).
 */
export async function loadLitert(modules, build) {
  const core = join(modules, "@litertjs/core");
  const work = join(modules, ".litert");
  const wasm = join(
    core,
    "wasm",
    build === "compat" ? "litert_wasm_compat_internal" : "litert_wasm_internal",
  );
  mkdirSync(work, { recursive: true });
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

/** One system in a process of its own: node subject-node.mjs SYSTEM, spoken to over the process's channel (bench.mjs). */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { importLitert } from "./litert.mjs";
import { makeSubject } from "./systems.mjs";

const modules = fileURLToPath(new URL("node_modules", import.meta.url));
const require = createRequire(import.meta.url);

/** Emscripten's script is not a module, and believes that what it finds in `module` is the page's. */
async function startTflite() {
  const folder = `${modules}/@tensorflow/tfjs-tflite/wasm/`;
  const name = `${folder}tflite_web_api_cc_simd`;
  const module = { exports: {} };
  const script = new Function(
    "module",
    "exports",
    "require",
    "__dirname",
    readFileSync(`${name}.js`, "utf8"),
  );
  script(module, module.exports, require, folder);
  return module.exports({ wasmBinary: readFileSync(`${name}.wasm`), print() {}, printErr() {} });
}

const host = {
  module: (name) => (name === "nibblenet" ? import("../../build/index.js") : import(name)),
  bytes: (file) => new Uint8Array(readFileSync(file)),
  litert: (build) => importLitert(modules, build),
  tflite: startTflite,
};

/** Processor time of this process, so that what else the machine does disturbs less. */
function now() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const subject = await makeSubject(process.argv[2], host, now);
process.on("message", async ({ call, argument }) => {
  try {
    process.send({ value: await subject[call](argument) });
  } catch (error) {
    process.send({ error: String(error?.message ?? error) });
  }
});
process.send({ value: "ready" });

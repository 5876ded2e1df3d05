/** One system in a page: start(SYSTEM) makes globalThis.subject (see processes.mjs). */
import { makeSubject } from "./systems.mjs";

const addresses = {
  nibblenet: "/build/index.js",
  "onnxruntime-web": "/test/bench/node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
};
const modules = "/test/bench/node_modules";

async function startLitert(build) {
  const runtime = await import(`${modules}/.litert/litert.js`);
  const name = build === "compat" ? "litert_wasm_compat_internal" : "litert_wasm_internal";
  await runtime.loadLiteRt(`${modules}/@litertjs/core/wasm/${name}.js`);
  return runtime;
}

async function startTflite() {
  const folder = `${modules}/@tensorflow/tfjs-tflite/wasm/`;
  const script = await (await fetch(`${folder}tflite_web_api_cc_simd.js`)).text();
  const module = { exports: {} };
  new Function("module", "exports", script)(module, module.exports);
  return module.exports({ locateFile: (file) => folder + file, print() {}, printErr() {} });
}

const host = {
  module: (name) => import(addresses[name]),
  bytes: async (file) =>
    new Uint8Array(await (await fetch(`/files/${file.split("/").at(-1)}`)).arrayBuffer()),
  litert: startLitert,
  tflite: startTflite,
};

globalThis.start = async (name) => {
  globalThis.subject = await makeSubject(name, host, () => performance.now());
};

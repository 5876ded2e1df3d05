/** What the systems of systems.mjs and cold-systems.mjs get from a page. */

const modules = "/test/bench/node_modules";
const addresses = {
  nibblenet: "/build/index.js",
  "onnxruntime-web": `${modules}/onnxruntime-web/dist/ort.wasm.bundle.min.mjs`,
};
const read = async (address) => new Uint8Array(await (await fetch(address)).arrayBuffer());

/** Its wasm is answered from memory when it fetches it; its loader script, a tag in the page, is not. */
async function importLitert(build) {
  const core = `${modules}/@litertjs/core/wasm`;
  const name = build === "compat" ? "litert_wasm_compat_internal" : "litert_wasm_internal";
  const bytes = await read(`${core}/${name}.wasm`);
  const fetchOutside = globalThis.fetch;
  globalThis.fetch = async (address, options) =>
    String(address).endsWith(".wasm")
      ? new Response(bytes, { headers: { "content-type": "application/wasm" } })
      : fetchOutside(address, options);
  const litert = await import(`${modules}/.litert/litert.js`);
  return { litert, start: () => litert.loadLiteRt(`${core}/${name}.js`) };
}

async function startTflite() {
  const folder = `${modules}/@tensorflow/tfjs-tflite/wasm/`;
  const script = await (await fetch(`${folder}tflite_web_api_cc_simd.js`)).text();
  const module = { exports: {} };
  new Function("module", "exports", script)(module, module.exports);
  return module.exports({ locateFile: (file) => folder + file, print() {}, printErr() {} });
}

async function importWllama() {
  const folder = `${modules}/@wllama/wllama/esm`;
  const { Wllama } = await import(`${folder}/index.js`);
  return { Wllama, wasm: `${folder}/wasm/wllama.wasm` };
}

export const host = {
  module: (name) => import(addresses[name]),
  /** A page that has just been opened is still being laid out, painted and collected, by threads that share the cores. */
  settle: () => new Promise((resolve) => setTimeout(resolve, 500)),
  bytes: (file) => read(`/files/${file.split("/").at(-1)}`),
  litert: importLitert,
  tflite: startTflite,
  wllama: importWllama,
};

/** One system in a page: globalThis.cold(name) answers its times (see cold.mjs). */
import { measure } from "./cold-systems.mjs";

const addresses = {
  nibblenet: "/build/index.js",
  "onnxruntime-web": "/test/bench/node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
};
const core = "/test/bench/node_modules/@litertjs/core/wasm";
const read = async (address) => new Uint8Array(await (await fetch(address)).arrayBuffer());

/** Its wasm is answered from memory when it fetches it; its loader script, a tag in the page, is not. */
async function importLitert(build) {
  const name = build === "compat" ? "litert_wasm_compat_internal" : "litert_wasm_internal";
  const bytes = await read(`${core}/${name}.wasm`);
  const fetchOutside = globalThis.fetch;
  globalThis.fetch = async (address, options) =>
    String(address).endsWith(".wasm")
      ? new Response(bytes, { headers: { "content-type": "application/wasm" } })
      : fetchOutside(address, options);
  const litert = await import("/test/bench/node_modules/.litert/litert.js");
  return { litert, start: () => litert.loadLiteRt(`${core}/${name}.js`) };
}

globalThis.cold = (name) =>
  measure(name, {
    module: (module) => import(addresses[module]),
    bytes: (file) => read(`/cold/${file}`),
    litert: importLitert,
  });

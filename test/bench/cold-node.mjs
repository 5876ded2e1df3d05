// One system in this process: node cold-node.mjs FOLDER SYSTEM (see cold.mjs); prints its times as JSON.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { measure } from "./cold-systems.mjs";
import { importLitert } from "./litert.mjs";

const [folder, name] = process.argv.slice(2);
const modules = fileURLToPath(new URL("node_modules", import.meta.url));
const addresses = {
  nibblenet: "../../build/index.js",
  "onnxruntime-web": "./node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
};
const times = await measure(name, {
  module: (module) => import(addresses[module]),
  bytes: async (file) => new Uint8Array(readFileSync(join(folder, file))),
  litert: (build) => importLitert(modules, build),
});
console.log(JSON.stringify(times));
// LiteRT keeps the process alive.
process.exit(0);

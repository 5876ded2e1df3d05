// What a change of the engine brings: two builds of one tier's .wasm, interleaved in one run.
// node builds.mjs before.wasm after.wasm [name…]; needs the test data and `npm run build` in the root.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadModelSync } from "../../build/index.js";
import { importTflite, optimize, pack } from "../../build/tools.js";

const rounds = 60;
const blockMilliseconds = 4;
const warmMilliseconds = 500;

const [before, after, ...names] = process.argv.slice(2);
if (!after) throw new Error("expected two .wasm files, before and after");
const modules = [before, after].map((file) => new WebAssembly.Module(readFileSync(file)));
const data = process.env.NIBBLENET_DATA ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));

/** Milliseconds of processor time. */
function now() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Milliseconds per inference over one block. */
function time(model, count) {
  const start = now();
  for (let i = 0; i < count; i++) model.invoke();
  return (now() - start) / count;
}

console.log(`Node ${process.versions.node}, µs per inference: median (best), before → after`);
for (const name of names.length > 0
  ? names
  : ["kws_ref_model", "vww_96_int8", "resnet8_int8", "person_detect"]) {
  const graph = importTflite(readFileSync(`${data}/models/tflite/${name}.tflite`), { file: name });
  const { bytes } = pack(optimize(graph), { narrow: false });
  const models = modules.map((wasm) => loadModelSync(bytes, { wasm }));
  for (const model of models)
    for (const start = performance.now(); performance.now() - start < warmMilliseconds; ) time(model, 5);
  const count = Math.max(1, Math.round(blockMilliseconds / time(models[0], 5)));
  const times = models.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const [i, model] of models.entries()) times[i].push(time(model, count));
  const cells = times.map((list) => {
    list.sort((a, b) => a - b);
    return `${(list[rounds >> 1] * 1000).toFixed(0)} (${(list[0] * 1000).toFixed(0)})`;
  });
  console.log(`${name.padEnd(24)}${cells.join(" → ")}`);
}

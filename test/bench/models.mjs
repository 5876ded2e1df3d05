// int8 models, one inference at a time on one thread: nibblenet's tiers and LiteRT.js, interleaved in one run.
// node models.mjs [relaxed|compat] [name…]; needs the test data, `npm ci` here and `npm run build` in the root.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadModelSync } from "../../build/index.js";
import { importTflite, pack } from "../../build/tools.js";
import { loadLitert } from "./litert.mjs";

const all = [
  "kws_ref_model",
  "vww_96_int8",
  "resnet8_int8",
  "ad01_int8",
  "micro_speech_quantized",
  "person_detect",
  "mobilenet_v2_int8_224",
];
const rounds = 60;
const blockMilliseconds = 4;
const warmMilliseconds = 500;

const [build = "compat", ...names] = process.argv.slice(2);
if (build !== "relaxed" && build !== "compat") throw new Error(`expected relaxed or compat, got ${build}`);
const data = process.env.NIBBLENET_DATA ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
if (!existsSync(data)) throw new Error(`${data}: no test data; name its folder in NIBBLENET_DATA`);
const litert = await loadLitert(fileURLToPath(new URL("node_modules", import.meta.url)), build);

/** A function that runs `count` inferences, and the time of one block of them. */
async function subjects(name) {
  const bytes = readFileSync(`${data}/models/tflite/${name}.tflite`);
  const { bytes: packed } = pack(importTflite(bytes, { file: name }));
  const { shape } = loadModelSync(packed).inputs[0];
  const values = new Int8Array(shape.reduce((a, b) => a * b)).map((_, i) => (i * 37) % 256);
  const found = [];
  for (const tier of ["relaxed", "simd"]) {
    try {
      const model = loadModelSync(packed, { tier });
      model.input().set(values);
      found.push({
        label: tier,
        run: async (count) => {
          for (let i = 0; i < count; i++) model.invoke();
        },
      });
    } catch (error) {
      if (error.code !== "unsupported-engine" && !(error instanceof TypeError)) throw error;
    }
  }
  const compiled = await compile(bytes);
  if (!compiled) return found;
  const tensor = new litert.Tensor(values, [...compiled.getInputDetails()[0].shape]);
  const run = async (count) => {
    for (let i = 0; i < count; i++) for (const output of await compiled.run([tensor])) output.delete();
  };
  return [...found, { label: `LiteRT.js ${build}`, run }];
}

/** Null for the one model whose bias tensors LiteRT.js refuses. */
async function compile(bytes) {
  try {
    return await litert.loadAndCompile(new Uint8Array(bytes), { accelerator: "wasm" });
  } catch (error) {
    if (error instanceof Error && error.message.includes("litert_compiled_model")) return null;
    throw error;
  }
}

async function time(run, count) {
  const start = performance.now();
  await run(count);
  return (performance.now() - start) / count;
}

const median = (sorted) => sorted[sorted.length >> 1];
const cell = (text) => String(text).padStart(20);

console.log(`Node ${process.versions.node}, µs per inference: median (best); ratio of medians to LiteRT.js`);
for (const name of names.length > 0 ? names : all) {
  const contenders = await subjects(name);
  for (const contender of contenders) {
    // Long enough for the optimizing compiler, which works beside on the same core where the run is pinned.
    for (const start = performance.now(); performance.now() - start < warmMilliseconds; )
      await contender.run(5);
    const once = await time(contender.run, 5);
    contender.count = Math.max(1, Math.round(blockMilliseconds / once));
    contender.times = [];
  }
  for (let round = 0; round < rounds; round++)
    for (const contender of contenders) contender.times.push(await time(contender.run, contender.count));
  for (const { times } of contenders) times.sort((a, b) => a - b);
  const peer = contenders.at(-1).label.startsWith("LiteRT") ? median(contenders.at(-1).times) : Number.NaN;
  const columns = contenders.map(({ label, times }) => {
    const middle = median(times);
    const figures = `${(middle * 1000).toFixed(1)} (${(times[0] * 1000).toFixed(1)})`;
    return `${label}:${cell(figures)}${peer ? ` ${(middle / peer).toFixed(2)}×` : ""}`;
  });
  console.log(`${name.padEnd(24)}${columns.join("   ")}`);
}
// LiteRT keeps the process alive.
process.exit(0);

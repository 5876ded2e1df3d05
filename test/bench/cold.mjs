// Cold start: a fresh process, or a fresh page in a fresh browser context, for every figure; systems interleaved.
// node cold.mjs [rounds [part of a system's name]]; needs `npm run build` in the root and `npm ci` here. More with: the test
// data (LiteRT.js and its model), Chromium with `npm ci` in test/engines, another Node (NODE=path, or test/engines' node24).
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { importModel, pack } from "../../build/tools.js";
import { systems } from "./cold-systems.mjs";
import { keywordModel } from "./keyword.mjs";
import { launchChromium } from "./pages.mjs";

const rounds = Number(process.argv[2] ?? 15);
const wanted = process.argv[3] ?? "";
const root = fileURLToPath(new URL("../..", import.meta.url));
const engines = join(root, "test/engines/node_modules");
const data = process.env.NIBBLENET_DATA ?? join(root, "../shared/data");
const folder = mkdtempSync(join(tmpdir(), "nibblenet-cold-"));
const run = promisify(execFile);

/** The models in each system's format, and onnxruntime's wasm; returns the names of the systems that have theirs. */
function prepare() {
  const { onnx, packed } = keywordModel();
  const dist = join(root, "test/bench/node_modules/onnxruntime-web/dist");
  const files = {
    "keyword.nbl": packed,
    "keyword.onnx": onnx,
    "ort.wasm": readFileSync(join(dist, "ort-wasm-simd-threaded.wasm")),
  };
  const tflite = join(data, "models/tflite/kws_ref_model.tflite");
  if (existsSync(tflite)) {
    files["keyword.tflite"] = readFileSync(tflite);
    files["kws_ref_model.nbl"] = pack(importModel(files["keyword.tflite"], { file: tflite })).bytes;
  }
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  const hasModel = (name) => existsSync(tflite) || !name.endsWith("kws_ref_model");
  return Object.keys(systems).filter((name) => hasModel(name) && name.includes(wanted));
}

const inNode = (program) => async (name) => {
  const script = fileURLToPath(new URL("cold-node.mjs", import.meta.url));
  const { stdout } = await run(program, [script, folder, name], { timeout: 60_000 });
  return JSON.parse(stdout.trim().split("\n").at(-1));
};

async function nodes() {
  const found = new Map();
  for (const program of [process.execPath, process.env.NODE, join(engines, "node24/bin/node")])
    if (program && existsSync(program)) {
      const version = (await run(program, ["--version"])).stdout.trim();
      found.set(`Node ${version.slice(1)}`, { measure: inNode(program) });
    }
  return found;
}

async function chromium() {
  const browser = await launchChromium("cold-page.mjs", folder);
  if (!browser) return undefined;
  const measure = async (system) => {
    const page = await browser.open();
    try {
      return await page.evaluate(`cold(${JSON.stringify(system)})`);
    } finally {
      await page.close();
    }
  };
  return { ...browser, measure };
}

const names = prepare();
const places = await nodes();
const browser = await chromium();
if (browser) places.set(browser.name, browser);
else console.log("Chromium: not run; it needs /usr/bin/chromium (or CHROMIUM) and `npm ci` in test/engines");
const times = new Map();
for (let round = 0; round < rounds; round++)
  for (const [place, { measure }] of places)
    for (const name of names) {
      const key = `| ${place} | ${name.replace(", ", " | ")} |`;
      if (!times.has(key)) times.set(key, []);
      if (times.get(key) === null) continue;
      try {
        times.get(key).push(await measure(name));
      } catch (error) {
        times.set(key, null);
        if (!/relaxed/i.test(name)) console.error(`${place}, ${name}: ${error.message.split("\n").at(-1)}`);
      }
    }
await browser?.close();
rmSync(folder, { recursive: true });

const spread = (values) => {
  values.sort((a, b) => a - b);
  const at = (part) => values[Math.floor(part * (values.length - 1))].toFixed(1);
  return `${at(0.5)} (${at(0.25)}–${at(0.75)}) | ${at(0)}`;
};
console.log(
  "| engine | system | model | cold start, ms: median (quartiles) | best | import, ms: median (quartiles) | best |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- |");
for (const [key, list] of times)
  console.log(
    list === null
      ? `${key} does not run | | | |`
      : `${key} ${spread(list.map((t) => t.cold))} | ${spread(list.map((t) => t.prepare))} |`,
  );
process.exit(0);

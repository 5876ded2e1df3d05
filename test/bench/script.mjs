// The script tier against what binaryen's wasm2js makes of the ordinary scalar build, on the keyword model, in engines
// without WebAssembly: a fresh process for every figure, the two by turns.
// node script.mjs [rounds]; needs `npm run build` in the root and `npm ci` in test/engines.
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { keywordModel } from "./keyword.mjs";

const rounds = Number(process.argv[2] ?? 5);
const root = fileURLToPath(new URL("../..", import.meta.url));
const engines = join(root, "test/engines");
const folder = mkdtempSync(join(tmpdir(), "nibblenet-script-"));
const run = promisify(execFile);

const versionOf = (name) =>
  JSON.parse(readFileSync(join(engines, "node_modules", name, "package.json"), "utf8")).version;
const hermes = join(engines, "node_modules/hermes-engine-cli/linux64-bin/hermes");
const quickjs = join(engines, "quickjs.mjs");
const places = existsSync(hermes)
  ? {
      [`Hermes VM ${versionOf("hermes-engine-cli")}`]: [hermes, "-O"],
      [`QuickJS ng, quickjs-emscripten ${versionOf("quickjs-emscripten-core")}`]: [process.execPath, quickjs],
    }
  : {};

/** `start(bytes)` gives what runs the model once, and what reads its output. */
const subjects = {
  "script tier": `
    import { loadModelSync } from ${JSON.stringify(join(root, "build/native.js"))};
    const start = (bytes) => {
      const model = loadModelSync(bytes);
      const view = model.output(model.outputs[0].name);
      return [() => model.invoke(), () => new Int8Array(view.buffer, view.byteOffset, 4)];
    };`,
  "plain wasm2js": `
    import * as engine from ${JSON.stringify(join(folder, "plain.js"))};
    const start = (bytes) => {
      const pointer = engine.reserve(bytes.length);
      new Uint8Array(engine.memory.buffer).set(bytes, pointer);
      if (engine.load(pointer, bytes.length) !== 0) throw new Error("load refused the model");
      return [() => engine.invoke(), () => new Int8Array(engine.memory.buffer, engine.output_ptr(0), 4)];
    };`,
};

/** At least 2 s of inferences after one that does not count; prints ms of one, and output. */
const measure = (hex) => `
  const hex = "${hex}";
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.substr(2 * i, 2), 16);
  const [invoke, output] = start(bytes);
  invoke();
  const from = Date.now();
  let count = 0;
  do { invoke(); count++; } while (Date.now() - from < 2000);
  print(JSON.stringify({ ms: (Date.now() - from) / count, output: Array.from(output()) }));`;

async function writeScripts() {
  const wasm2js = join(root, "node_modules/binaryen/bin/wasm2js");
  const plain = join(folder, "plain.js");
  execFileSync(process.execPath, [wasm2js, join(root, "build/scalar.wasm"), "-O", "-o", plain]);
  const tail = measure(Buffer.from(keywordModel().packed).toString("hex"));
  const files = {};
  for (const [name, head] of Object.entries(subjects)) {
    const outfile = join(folder, `${name}.js`.replace(" ", "-"));
    const stdin = { contents: head + tail, resolveDir: folder };
    await build({
      stdin,
      outfile,
      bundle: true,
      minify: true,
      format: "iife",
      target: "es2015",
      logLevel: "error",
    });
    files[name] = outfile;
  }
  return files;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const files = await writeScripts();
if (Object.keys(places).length === 0)
  console.log("not run: `npm ci` in test/engines gets Hermes and QuickJS");
else
  console.log("| engine | script tier, ms | plain wasm2js, ms | times as fast |\n| --- | --- | --- | --- |");
for (const [place, [program, ...args]] of Object.entries(places)) {
  const times = { "script tier": [], "plain wasm2js": [] };
  const outputs = new Set();
  for (let round = 0; round < rounds; round++)
    for (const [name, file] of Object.entries(files)) {
      const { stdout } = await run(program, [...args, file], { maxBuffer: 1 << 24 });
      const { ms, output } = JSON.parse(stdout.trim().split("\n").at(-1));
      times[name].push(ms);
      outputs.add(JSON.stringify(output));
    }
  if (outputs.size !== 1)
    throw new Error(`${place}: expected the same outputs of both, found ${[...outputs].join(" and ")}`);
  const [ours, plain] = Object.values(times).map(median);
  console.log(`| ${place} | ${ours.toFixed(1)} | ${plain.toFixed(1)} | ${(plain / ours).toFixed(1)} |`);
}
rmSync(folder, { recursive: true });

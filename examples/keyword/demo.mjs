// Quantizes the keyword model, packs it, and recognises the clips beside it: float against int8, on the engine.
// `npm run demo`; with a folder of labelled clips (sub-folders named after the labels) as argument, measures on it too.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadModel, loadModelSync } from "nibblenet";
import {
  createExecutor,
  evaluate,
  importModel,
  openSamples,
  optimize,
  pack,
  quantize,
} from "nibblenet/tools";

const here = fileURLToPath(new URL(".", import.meta.url));
const labels = readFileSync(`${here}labels.txt`, "utf8").trim().split("\n");
const source = readFileSync(`${here}model.onnx`);

// Float graph → int8 graph, calibrated on the clips → packed file.
const float = optimize(importModel(source, { file: "model.onnx" }));
const clips = openSamples(`${here}clips`, float.inputs, { labels, audio: "log-mel" });
const { graph, report } = quantize(float, clips, { makeExecutor: createExecutor });
const metadata = { labels, frontend: "log-mel" };
const floatFile = pack(float, { metadata }).bytes;
const { bytes } = pack(graph, { metadata });
const out = fileURLToPath(new URL("../../build/keyword.nbl", import.meta.url));
mkdirSync(fileURLToPath(new URL("../../build", import.meta.url)), { recursive: true });
writeFileSync(`${out}.tmp`, bytes);
renameSync(`${out}.tmp`, out);

// What a user of the packed file does.
const model = await loadModel(bytes, { name: "keyword.nbl" });
const best = (scores) => scores.indexOf(Math.max(...scores));
console.log(`clip             heard       score   (engine tier: ${model.tier})`);
for (const { name, inputs } of clips) {
  const { logits } = model.run({ features: inputs[0] });
  const winner = best(logits);
  const share = 1 / logits.reduce((sum, v) => sum + Math.exp(v - logits[winner]), 0);
  console.log(
    `${name.split("/").at(-1).padEnd(16)} ${labels[winner].padEnd(10)} ${(100 * share).toFixed(1).padStart(5)} %`,
  );
}

const kib = (n) => `${(n / 1024).toFixed(1)} KiB`;
const rows = [
  ["", "float", "int8"],
  ["packed file", kib(floatFile.length), kib(bytes.length)],
  ["inference (median)", ...[floatFile, bytes].map((file) => `${medianMicroseconds(file).toFixed(0)} µs`)],
  ["memory, engine included", ...[floatFile, bytes].map((file) => kib(loadModelSync(file).memory.total))],
  ["synthetic clips right", ...["float", "quantized"].map((kind) => share(report.accuracy[kind].all))],
];
const people = process.argv[2] ?? defaultFolder();
if (people) {
  const samples = openSamples(people, float.inputs, { labels, audio: "log-mel" });
  const on = (file) => evaluate(loadModelSync(file), samples, { labels }).accuracy.all;
  rows.push(["clips of people right", ...[floatFile, bytes].map((file) => share(on(file)))]);
}
console.log();
for (const [name, a, b] of rows) console.log(`${name.padEnd(26)}${a.padStart(24)}${b.padStart(24)}`);
const worst = report.layers.reduce((a, b) => (b.sqnr < a.sqnr ? b : a));
console.log(
  `\nOutput SQNR ${report.outputs[0].sqnr.toFixed(1)} dB; lowest layer ${worst.sqnr.toFixed(1)} dB (${worst.node}).`,
);
if (!people)
  console.log("On people's voices: see examples/keyword/README.md, or pass a folder of labelled clips.");
console.log("Packed file: build/keyword.nbl");

function share({ correct, total }) {
  return `${correct} of ${total} (${((100 * correct) / total).toFixed(1)} %)`;
}

/** The speech data that developers have beside the repository. */
function defaultFolder() {
  const folder = `${process.env.NIBBLENET_DATA ?? `${here}../../../shared/data`}/audio/speech_commands/dev`;
  return existsSync(folder) ? folder : undefined;
}

function medianMicroseconds(file) {
  const timed = loadModelSync(file);
  const times = [];
  for (let i = 0; i < 1000; i++) {
    const start = performance.now();
    timed.invoke();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[times.length >> 1] * 1000;
}

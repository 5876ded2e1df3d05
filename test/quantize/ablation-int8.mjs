/**
 * What calibration, equalization and bias correction bring to int8: `node test/quantize/ablation-int8.mjs <test data folder>`.
 * The keyword model on its clips, and two image models on crops of three photographs, where agreement with float counts.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createExecutor, importModel, openSamples, optimize, quantize } from "../../build/tools.js";

const data = process.argv[2];
const keyword = new URL("../../examples/keyword/", import.meta.url).pathname;
const load = (file) => optimize(importModel(new Uint8Array(readFileSync(file)), { file }));

/** Pixel (x, y), channel c, of an uncompressed bitmap. */
function bitmap(file) {
  const bytes = readFileSync(file);
  const [start, width, rows, bits] = [
    bytes.readUInt32LE(10),
    bytes.readInt32LE(18),
    bytes.readInt32LE(22),
    bytes.readUInt16LE(28),
  ];
  const height = Math.abs(rows);
  const stride = Math.ceil((width * bits) / 32) * 4;
  const channel = (c) => (bits === 8 ? 0 : 2 - c);
  const at = (x, y, c) =>
    bytes[start + (rows > 0 ? height - 1 - y : y) * stride + (x * bits) / 8 + channel(c)];
  return { width, height, at };
}

/** `count` square crops, some mirrored, of `size` pixels a side, the photographs by turns. */
function crops(photographs, size, scale, count, seed) {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: count }, (_, i) => {
    const { width, height, at } = photographs[i % photographs.length];
    const side = Math.min(width, height) * (0.3 + 0.7 * random());
    const [left, top] = [random() * (width - side), random() * (height - side)];
    const isMirrored = random() < 0.5;
    const pixels = new Float32Array(size * size * 3);
    for (let j = 0; j < pixels.length; j++) {
      const [x, y, c] = [Math.floor(j / 3) % size, Math.floor(j / 3 / size), j % 3];
      const across = isMirrored ? size - 1 - x : x;
      const place = (from, step, most) => Math.min(most - 1, Math.floor(from + (step * side) / size));
      pixels[j] = at(place(left, across, width), place(top, y, height), c) * scale;
    }
    return { name: `crop ${i}`, inputs: [pixels] };
  });
}

const photographs = ["cat", "person", "no_person"].map((name) => bitmap(join(data, `images/${name}.bmp`)));
const image = (name, size, scale) => ({
  graph: load(join(data, `models/tflite/${name}.tflite`)),
  samples: crops(photographs, size, scale, 100, 7),
  compareOn: crops(photographs, size, scale, 300, 8),
});

function speech() {
  const graph = load(join(keyword, "model.onnx"));
  const labels = readFileSync(join(keyword, "labels.txt"), "utf8").trim().split("\n");
  const clips = (split) =>
    openSamples(join(data, "audio/speech_commands", split), graph.inputs, { audio: "log-mel", labels });
  const all = [...clips("train")];
  const samples = Array.from({ length: 500 }, (_, i) => all[Math.floor((i * all.length) / 500)]);
  return { graph, samples, compareOn: [...clips("dev")] };
}

const models = [speech(), image("vww_96_float", 96, 1 / 255), image("resnet8_float", 32, 1)];

function cells(model, options) {
  const { graph, samples, compareOn } = model;
  const makeExecutor = (g) => createExecutor(g);
  const { report } = quantize(graph, samples, { makeExecutor, compareOn, ...options });
  const { accuracy, agreement, outputs } = report;
  const right = accuracy ? [accuracy.quantized.all.correct] : [];
  return [...right, agreement.correct, outputs[0].sqnr.toFixed(1)];
}

const row = (list) => console.log(`| ${list.join(" | ")} |`);
row([
  "options",
  "keyword right",
  "same class",
  "SQNR dB",
  "VWW same class",
  "SQNR dB",
  "ResNet8 same class",
  "SQNR dB",
]);
row(["---", ...Array(7).fill("--:")]);
const plain = { minmax: "min-max", percentile: "percentile", mse: "mse" };
const corrections = [
  ["", {}],
  [" --equalize", { equalize: true }],
  [" --bias-correction", { biasCorrection: true }],
  [" --equalize --bias-correction", { equalize: true, biasCorrection: true }],
];
const cases = [
  ...["entropy", "moving-average"].map((method) => [method, { method }]),
  ...Object.entries(plain).flatMap(([name, method]) =>
    corrections.map(([flags, options]) => [name + flags, { method, ...options }]),
  ),
  ...corrections.map(([flags, options]) => [`minmax --per-tensor${flags}`, { perTensor: true, ...options }]),
];
for (const [name, options] of cases)
  row([`\`${name}\``, ...models.flatMap((model) => cells(model, options))]);

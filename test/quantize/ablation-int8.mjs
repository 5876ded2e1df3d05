/**
 * What calibration, equalization and bias correction bring to int8: `node test/quantize/ablation-int8.mjs <test data folder>`.
 * The keyword model on its clips, and two image models on crops of three photographs, where agreement with float counts.
 */

import { createExecutor, quantize } from "../../build/tools.js";
import { models as known } from "./models.mjs";

const models = ["keyword", "vww", "resnet8"].map((name) => known[name](process.argv[2]));

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

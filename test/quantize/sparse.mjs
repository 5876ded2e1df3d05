/**
 * The keyword model with most blocks of its weights gone, and recovered:
 * `node test/quantize/sparse.mjs <test data folder> [walks] [share] [scheme] [block] [variations]` after a build.
 * Walks are over the training clips and their variations; 0 walks: one shot by gptq.
 */

import { createExecutor, pack, quantize } from "../../build/tools.js";
import { models } from "./models.mjs";

const [folder, walks = "8", share = "0.75", scheme = "int8", block = "8x4", variations = "12"] =
  process.argv.slice(2);
const { graph, samples, varied, compareOn } = models.keyword(folder, Infinity);
const recover = Number(walks);
const pruneBlock = block.split("x").map(Number);
const layer = { scheme, prune: Number(share), pruneBlock, method: recover > 0 ? "rtn" : "gptq" };
const started = performance.now();
const { graph: made, report } = quantize(graph, samples, {
  makeExecutor: createExecutor,
  recipe: { default: layer },
  method: "percentile",
  compareOn,
  ...(recover > 0 && { recover, recoverOn: varied(Number(variations)) }),
});
const { float, quantized } = report.accuracy;
console.log(
  `${pack(graph).bytes.length} → ${pack(made).bytes.length} bytes, ${report.outputs[0].sqnr.toFixed(1)} dB`,
);
console.log(`${float.all.correct} → ${quantized.all.correct} of ${quantized.all.total} right`);
for (const { node, density } of report.weights) console.log(`${(100 * density).toFixed(0)} % left: ${node}`);
console.log(`${((performance.now() - started) / 1000).toFixed(0)} s`);

/**
 * The keyword model with most blocks of its weights gone, and recovered:
 * `node test/quantize/sparse.mjs <test data folder> [walks] [share] [scheme]` after a build. 0 walks: one shot by gptq.
 */

import { createExecutor, pack, quantize } from "../../build/tools.js";
import { models } from "./models.mjs";

const [folder, walks = "12", share = "0.75", scheme = "int8"] = process.argv.slice(2);
const { graph, samples, compareOn } = models.keyword(folder, Infinity);
const recover = Number(walks);
const layer = { scheme, prune: Number(share), method: recover > 0 ? "rtn" : "gptq" };
const { graph: made, report } = quantize(graph, samples, {
  makeExecutor: createExecutor,
  recipe: { default: layer },
  method: "percentile",
  compareOn,
  ...(recover > 0 && { recover }),
});
const { float, quantized } = report.accuracy;
console.log(
  `${pack(graph).bytes.length} → ${pack(made).bytes.length} bytes, ${report.outputs[0].sqnr.toFixed(1)} dB`,
);
console.log(`${float.all.correct} → ${quantized.all.correct} of ${quantized.all.total} right`);
for (const { node, density } of report.weights) console.log(`${(100 * density).toFixed(0)} % left: ${node}`);

/**
 * What making static int8 of a model takes: `node test/quantize/bounds.mjs <keyword|kwt1> <test data folder>`, after a
 * build. Seconds from the file to the packed model, reading the samples and measuring the result included; the longest
 * time without a sign of progress; and the most memory that the process had.
 */

import { createExecutor, pack, quantize } from "../../build/tools.js";
import { models } from "./models.mjs";

const [name, data] = process.argv.slice(2);
const start = performance.now();
const { graph, samples, compareOn } = models[name](data);
const read = performance.now();
let [last, longest, label] = [read, 0, ""];
const { graph: quantized, report } = quantize(graph, samples, {
  makeExecutor: (g) => createExecutor(g),
  method: "percentile",
  compareOn,
  onProgress(phase) {
    const now = performance.now();
    if (now - last > longest) [longest, label] = [now - last, phase];
    last = now;
  },
});
const { bytes } = pack(quantized, { report });
const end = performance.now();
const seconds = (millis) => (millis / 1000).toFixed(1);
console.log(
  `${name}: ${bytes.length} bytes from ${samples.length} samples in ${seconds(end - start)} s, ` +
    `${seconds(read - start)} of them reading samples; progress at least every ${Math.ceil(longest)} ms (${label}); ` +
    `${Math.round(process.resourceUsage().maxRSS / 1024)} MiB; ${report.accuracy.quantized.all.correct} of ${report.accuracy.quantized.all.total} right, float ${report.accuracy.float.all.correct}`,
);

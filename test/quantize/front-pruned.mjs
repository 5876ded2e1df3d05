/**
 * Prune, quantize and share: the keyword model over shares of blocks that are gone, and schemes:
 * `node test/quantize/front-pruned.mjs <test data folder> <folder>` after a build. Float models that lost their blocks in
 * training (`examples/keyword/train/train.py --prune 0.75`) are taken from the folder, where they are called by their
 * share: `0.75.onnx`. The packed models are written to it.
 */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createExecutor, pack, quantize } from "../../build/tools.js";
import { load, models } from "./models.mjs";

const [data, folder] = process.argv.slice(2);
const { graph, samples, compareOn } = models.keyword(data);

/** Blocks that are zero already stay zero; others go by GPTQ. */
function made(source, scheme, prune) {
  const method = scheme === "int8" && prune === 0 ? "rtn" : "gptq";
  const { graph: quantized, report } = quantize(source, samples, {
    makeExecutor: createExecutor,
    method: "percentile",
    equalize: true,
    biasCorrection: true,
    recipe: { default: { scheme, method, prune } },
    compareOn,
  });
  const { bytes } = pack(quantized, { narrow: true });
  const right = report.accuracy.quantized.all.correct;
  return { bytes, right, sqnr: report.outputs[0].sqnr };
}

const row = (cells) => console.log(`| ${cells.join(" | ")} |`);
row(["model", "bytes", "right of 432", "SQNR dB"]);
row(["---", "--:", "--:", "--:"]);
const found = [];
for (const share of [0, 0.25, 0.5, 0.75, 0.9]) {
  const trained = join(folder, `${share}.onnx`);
  const sources = [
    [`${share}`, graph, share],
    ...(existsSync(trained) ? [[`${share}-trained`, load(trained), 0]] : []),
  ];
  for (const [name, source, prune] of sources)
    for (const scheme of ["int8", "int4", "codebook"]) {
      const { bytes, right, sqnr } = made(source, scheme, prune);
      const model = `${name}-${scheme}`;
      writeFileSync(join(folder, `${model}.nbl`), bytes);
      found.push({ model, size: bytes.length, right });
      row([model, bytes.length, right, sqnr.toFixed(1)]);
    }
}
const isBeaten = (a) =>
  found.some((b) => b.size <= a.size && b.right >= a.right && (b.size < a.size || b.right > a.right));
console.log("On the front of bytes and hits:");
for (const { model, size, right } of found.filter((one) => !isBeaten(one)))
  console.log(`${size} bytes, ${right} right: ${model}`);

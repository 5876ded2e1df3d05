/**
 * The Pareto front of one model, searched on the command line: `node test/quantize/front.mjs <model> <test data folder>
 * <folder for the results> [options of quantize]`, after a build. Samples without a class get the float model's.
 * Begun again with the same folder, it goes on from what was measured.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createExecutor, writeNpy } from "../../build/tools.js";
import { models } from "./models.mjs";

const [name, data, folder, ...options] = process.argv.slice(2);
const sources = {
  keyword: new URL("../../examples/keyword/model.onnx", import.meta.url).pathname,
  vww: join(data, "models/tflite/vww_96_float.tflite"),
  resnet8: join(data, "models/tflite/resnet8_float.tflite"),
  magika: join(data, "models/onnx/magika_v3_3.onnx"),
};
const { graph, samples, compareOn } = models[name](data);

const executor = createExecutor(graph);
const classOf = ({ inputs }) => {
  executor.run(inputs);
  const scores = executor.read(graph.outputs[0]);
  return scores.indexOf(Math.max(...scores));
};
const { dtype, shape } = graph.inputs[0];
for (const [part, list] of Object.entries({ calibration: samples, judged: compareOn }))
  for (const [i, sample] of [...list].entries()) {
    const place = join(folder, part, String(sample.label ?? classOf(sample)));
    mkdirSync(place, { recursive: true });
    const bytes = writeNpy({ dtype, shape, data: sample.inputs[0] });
    writeFileSync(join(place, `${String(i).padStart(4, "0")}.npy`), bytes);
  }

const cli = new URL("../../build/cli.js", import.meta.url).pathname;
const places = ["--data", join(folder, "calibration"), "--eval", join(folder, "judged")];
const outputs = ["-o", join(folder, "model.nbl"), "--report", join(folder, "report.html"), "--json"];
const args = [cli, "quantize", sources[name], ...outputs, ...places, ...options];
const made = spawnSync(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], maxBuffer: 2 ** 28 });
if (made.status !== 0) process.exit(made.status ?? 1);
const { search } = JSON.parse(made.stdout).report;
const row = (cells) => console.log(`| ${cells.join(" | ")} |`);
row(["", "bytes", "µs", "right", "same class", "nats", "dB", "layers"]);
row(["---", "--:", "--:", "--:", "--:", "--:", "--:", "---"]);
for (const model of search.models.filter(({ onFront, chosen }) => onFront || chosen))
  row([
    model.chosen ? "→" : "",
    model.bytes,
    model.micros.toFixed(0),
    model.accuracy.quantized.correct,
    model.agreement.correct,
    model.error.toPrecision(2),
    model.sqnr === null ? "exact" : model.sqnr.toFixed(1),
    model.layers,
  ]);

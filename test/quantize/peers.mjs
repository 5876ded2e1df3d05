/**
 * Our int8 beside the int8 models that others made of the same float models: `node test/quantize/peers.mjs <test data folder>`
 * after a build. Both run here, on the same inputs, and are compared with the float model.
 */

import { statSync } from "node:fs";
import { join } from "node:path";
import { createExecutor, pack, quantize } from "../../build/tools.js";
import { load, models } from "./models.mjs";

const folder = process.argv[2];
const theirs = {
  resnet8: "resnet8_int8",
  vww: "vww_96_int8",
  autoencoder: "ad01_int8",
  dsCnn: "kws_ref_model",
  mnistLstm: "trained_lstm_int8",
  mnistCnn: "aeq_conv_fc_mnist_srq_a8w8",
  sine: "hello_world_int8",
};

const topOne = (values) => values.indexOf(Math.max(...values));

/** Values in the type of `tensor`. */
function stored(values, { dtype, quantization }) {
  if (dtype === "float32") return values;
  const { scale, zeroPoint } = quantization;
  const clamp = (q) => Math.min(127, Math.max(-128, q));
  return Int8Array.from(values, (v) => clamp(Math.round(v / scale[0]) + zeroPoint[0]));
}

function real(data, { quantization }) {
  if (!quantization) return Array.from(data);
  return Array.from(data, (q) => (q - quantization.zeroPoint[0]) * quantization.scale[0]);
}

/** What a graph answers to each sample. */
function answers(graph, { compareOn, independent }) {
  const executor = createExecutor(graph);
  const found = compareOn.map(({ inputs }) => {
    if (independent) executor.reset();
    executor.run([stored(inputs[0], graph.inputs[0])]);
    return real(executor.read(graph.outputs[0]), graph.outputs[0]);
  });
  executor.dispose();
  return found;
}

function cells(expected, found, { compareOn }) {
  let [signal, noise, same, right] = [0, 0, 0, 0];
  for (const [i, values] of expected.entries()) {
    for (const [j, value] of values.entries()) {
      signal += value ** 2;
      noise += (value - found[i][j]) ** 2;
    }
    if (topOne(values) === topOne(found[i])) same++;
    if (topOne(found[i]) === compareOn[i].label) right++;
  }
  const isClassifier = expected[0].length > 1 && expected[0].length < 100;
  const hasLabels = compareOn[0].label !== undefined;
  return [
    (10 * Math.log10(signal / noise)).toFixed(1),
    isClassifier ? `${same} of ${expected.length}` : "",
    hasLabels ? right : "",
  ];
}

const row = (list) => console.log(`| ${list.join(" | ")} |`);
row(["model", "by", "bytes of the file", "packed here", "SQNR dB", "same class", "right"]);
row(["---", "---", ...Array(5).fill("--:")]);
for (const [name, file] of Object.entries(theirs)) {
  const model = models[name](folder);
  const { graph, samples, independent = false } = model;
  const path = (base) => join(folder, `models/tflite/${base}.tflite`);
  const expected = answers(graph, model);
  const { graph: ours } = quantize(graph, samples, {
    makeExecutor: createExecutor,
    independent,
    compareLimit: 1,
    method: "percentile",
    biasCorrection: true,
  });
  const peer = load(path(file));
  const size = pack(ours).bytes.length;
  row([name, "float", "", pack(graph).bytes.length, ...cells(expected, expected, model)]);
  const { size: bytes } = statSync(path(file));
  row([name, "peer", bytes, pack(peer).bytes.length, ...cells(expected, answers(peer, model), model)]);
  row([name, "nibblenet", size, size, ...cells(expected, answers(ours, model), model)]);
}

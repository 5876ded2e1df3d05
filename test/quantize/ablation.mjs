/**
 * What each scheme and method costs stories260K, in nats a token:
 * `node test/quantize/ablation.mjs <folder of stories260K.bin> [method…]`, after a build.
 * Calibrated on stories that the float model tells by drawing tokens; measured on the story that it tells by always
 * taking the likeliest token, and on drawn ones that no method has seen.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createExecutor, importModel, optimize, pack, quantize } from "../../build/tools.js";

const [folder, ...wanted] = process.argv.slice(2);
const file = join(folder, "stories260K.bin");
const graph = optimize(importModel(new Uint8Array(readFileSync(file)), { file }));
const logitsTensor = (g) => g.outputs.find(({ name }) => name === "logits");
const length = 200;

const inputsOf = (token, position) =>
  graph.inputs.map(({ name }) => Int32Array.of(name === "token" ? token : position));

/** Logarithms of the softmax. */
function logShares(logits) {
  const top = Math.max(...logits);
  const total = logits.reduce((sum, v) => sum + Math.exp(v - top), 0);
  return Array.from(logits, (v) => v - top - Math.log(total));
}

function tell(choose) {
  const executor = createExecutor(graph);
  const tokens = [1];
  while (tokens.length < length) {
    executor.run(inputsOf(tokens.at(-1), tokens.length - 1));
    tokens.push(choose(logShares(executor.read(logitsTensor(graph)))));
  }
  executor.dispose();
  return tokens;
}

/** Draws by the model's own probabilities, the same on every run. */
function drawer(seed) {
  let state = seed;
  return (shares) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    let rest = state / 2 ** 32;
    const at = shares.findIndex((share) => {
      rest -= Math.exp(share);
      return rest < 0;
    });
    return Math.max(0, at);
  };
}

/** Mean −log p of each next token. */
function loss(g, stories) {
  const executor = createExecutor(g);
  let [sum, count] = [0, 0];
  for (const tokens of stories)
    for (let i = 0; i + 1 < tokens.length; i++) {
      executor.run(inputsOf(tokens[i], i));
      sum -= logShares(executor.read(logitsTensor(g)))[tokens[i + 1]];
      count++;
    }
  executor.dispose();
  return sum / count;
}

const likeliest = tell((shares) => shares.indexOf(Math.max(...shares)));
const calibration = Array.from({ length: 12 }, (_, i) => tell(drawer(i + 1)));
const unseen = [101, 102, 103, 104].map((seed) => tell(drawer(seed)));
const samples = calibration.flatMap((tokens, s) =>
  tokens.map((token, i) => ({ name: `story ${s}, token ${i}`, inputs: inputsOf(token, i) })),
);

const row = (...cells) => console.log(`| ${cells.join(" | ")} |`);
const measure = (name, g) =>
  row(name, pack(g).bytes.length, loss(g, [likeliest]).toFixed(3), loss(g, unseen).toFixed(3));
row("scheme, method", "bytes", "likeliest story", "drawn stories");
row("---", "--:", "--:", "--:");
measure("float32", graph);
const cases = [
  ["float16"],
  ["dynamic-int8"],
  ...["rtn", "mse", "hqq", "gptq", "adaround"].map((method) => ["weight-int4", method]),
  ...["rtn", "mse", "hqq", "gptq", "adaround"].map((method) => ["weight-int4", method, { asymmetric: true }]),
  ...["rtn", "gptq"].map((method) => ["weight-codebook", method]),
  ...["rtn", "mse", "hqq", "gptq"].map((method) => ["weight-int2", method, { asymmetric: true }]),
  ...["rtn", "gptq"].map((method) => ["float16", method, { prune: 0.5 }]),
];
for (const [scheme, method = "rtn", more = {}] of cases) {
  if (wanted.length > 0 && !wanted.includes(method)) continue;
  const recipe = { default: { scheme, method, ...more } };
  const { graph: made } = quantize(graph, samples, {
    makeExecutor: (g) => createExecutor(g),
    recipe,
    compareLimit: 1,
  });
  const extra = Object.entries(more).map(([key, value]) => (value === true ? ` ${key}` : ` ${key} ${value}`));
  measure(`${scheme}${extra.join("")}, ${method}`, made);
}

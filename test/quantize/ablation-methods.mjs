/**
 * What methods of rounding, of preparing the float graph, and of leaving weights out bring:
 * `node test/quantize/ablation-methods.mjs <test data folder> [model…]` after a build.
 */

import { createExecutor, pack, quantize } from "../../build/tools.js";
import { models } from "./models.mjs";

const [folder, ...wanted] = process.argv.slice(2);

const rounding = (scheme) =>
  ["rtn", "mse", "hqq", "gptq", "adaround"].map((method) => [
    `--scheme ${scheme} --method ${method}`,
    { recipe: { default: { scheme, method } } },
  ]);
const asymmetric = ["rtn", "mse", "hqq", "gptq", "adaround"].map((method) => [
  `--scheme weight-int4 --asymmetric --method ${method}`,
  { recipe: { default: { scheme: "weight-int4", method, asymmetric: true } } },
]);
const prepared = [
  ["", {}],
  ["--absorb", { absorb: true }],
  ["--smooth", { smooth: true }],
];
const cases = {
  resnet8: [...rounding("int4"), ...prepared],
  vww: prepared,
  keyword: [...rounding("int4"), ...prepared],
  kwt1: [
    ...prepared.map(([name, options]) => [
      `--scheme int8 ${name}`,
      { ...options, recipe: { default: { scheme: "int8" } } },
    ]),
    ...asymmetric,
  ],
};

const row = (list) => console.log(`| ${list.join(" | ")} |`);
row(["model", "options", "bytes", "same class", "right", "SQNR dB"]);
row(["---", "---", "--:", "--:", "--:", "--:"]);
for (const [name, list] of Object.entries(cases)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const { graph, samples, compareOn } = models[name](folder);
  // The transformer takes a fifth of a second a clip.
  const [some, measured] =
    name === "kwt1" ? [samples.slice(0, 24), compareOn.filter((_, i) => i % 6 === 0)] : [samples, compareOn];
  for (const [options, settings] of list) {
    const { graph: made, report } = quantize(graph, some.slice(0, 200), {
      makeExecutor: createExecutor,
      method: "percentile",
      compareOn: measured,
      ...settings,
    });
    const { agreement, accuracy, outputs } = report;
    row([
      name,
      options && `\`${options}\``,
      pack(made).bytes.length,
      `${agreement.correct} of ${agreement.total}`,
      accuracy ? accuracy.quantized.all.correct : "",
      outputs[0].sqnr.toFixed(1),
    ]);
  }
}

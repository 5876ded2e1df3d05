/**
 * What methods of rounding, of preparing the float graph, and of leaving weights out bring:
 * `node test/quantize/ablation-methods.mjs <test data folder> [model [words of the options…]]` after a build. Measured
 * against the float graph on the same samples.
 */

import { createExecutor, pack, quantize } from "../../build/tools.js";
import { models } from "./models.mjs";
import { unfolded } from "./unfolded.mjs";

const [folder, wantedModel, ...words] = process.argv.slice(2);

const all = ["rtn", "mse", "hqq", "gptq", "adaround"];
const rounding = (scheme, methods = all, more = {}) =>
  methods.map((method) => {
    const extra = Object.keys(more).map((key) => ` --${key}`);
    return [
      `--scheme ${scheme}${extra.join("")} --method ${method}`,
      { recipe: { default: { scheme, method, ...more } } },
    ];
  });
/** With static int8 throughout: what plain `quantize` leaves float would hide the method. */
const prepared = (...methods) =>
  [[], ...methods].map((names) => [
    ["--scheme int8", ...names.map((name) => `--${name}`)].join(" "),
    { recipe: { default: { scheme: "int8" } }, ...Object.fromEntries(names.map((name) => [name, true])) },
  ]);
const apart = [
  "BatchNorm as operators of their own",
  { change: unfolded, recipe: { default: { scheme: "int8" } } },
];
const lowRank = [0.75, 0.5].map((share) => [
  `--scheme float16 --low-rank ${share}`,
  { lowRank: share, recipe: { default: { scheme: "float16" } } },
]);
const cases = {
  resnet8: [...rounding("int4"), ...prepared(["smooth"]), apart],
  vww: [...prepared(["smooth"]), apart],
  keyword: [
    ...rounding("int4"),
    ...rounding("weight-int4", ["rtn", "mse", "hqq"], { asymmetric: true }),
    ...prepared(["smooth"]),
    apart,
    ...lowRank,
  ],
  magika: lowRank,
  kwt1: [
    ...rounding("weight-int4"),
    ...rounding("weight-int2", all, { asymmetric: true }),
    ...prepared(["smooth"]),
    ...lowRank,
  ],
};

function outputsOf(graph, samples) {
  const executor = createExecutor(graph);
  const found = samples.map(({ inputs }) => {
    executor.run(inputs);
    return Float32Array.from(executor.read(graph.outputs[0]));
  });
  executor.dispose();
  return found;
}

const topOne = (values) => values.indexOf(Math.max(...values));

function sqnr(expected, found) {
  let [signal, noise] = [0, 0];
  for (const [n, values] of expected.entries())
    for (const [i, value] of values.entries()) {
      signal += value ** 2;
      noise += (found[n][i] - value) ** 2;
    }
  return 10 * Math.log10(signal / noise);
}

const row = (list) => console.log(`| ${list.join(" | ")} |`);
row(["model", "options", "bytes", "same class", "right", "SQNR dB"]);
row(["---", "---", "--:", "--:", "--:", "--:"]);
for (const [name, list] of Object.entries(cases)) {
  if (wantedModel !== undefined && name !== wantedModel) continue;
  const { graph, samples, compareOn } = models[name](folder);
  const calibration =
    samples.length <= 200 ? samples : samples.filter((_, i) => (i * 200) % samples.length < 200);
  const expected = outputsOf(graph, compareOn);
  const hits = (outputs) =>
    compareOn[0].label === undefined ? "" : outputs.filter((v, i) => topOne(v) === compareOn[i].label).length;
  row([name, "float", pack(graph).bytes.length, "", hits(expected), ""]);
  for (const [options, { change = (g) => g, ...settings }] of list) {
    if (!words.every((word) => options.split(" ").includes(word))) continue;
    const { graph: made } = quantize(change(graph), calibration, {
      makeExecutor: createExecutor,
      method: "percentile",
      compareLimit: 1,
      ...settings,
    });
    const found = outputsOf(made, compareOn);
    const same = found.filter((values, i) => topOne(values) === topOne(expected[i])).length;
    const figures = [pack(made).bytes.length, `${same} of ${found.length}`, hits(found)];
    row([name, `\`${options}\``, ...figures, sqnr(expected, found).toFixed(1)]);
  }
}

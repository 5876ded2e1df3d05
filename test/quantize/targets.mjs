/**
 * Whether int8, and int8 mixed with fewer bits, keep what float models know:
 * `node test/quantize/targets.mjs <test data folder> [model…]` after a build. Exits with 1 where a bound is broken.
 */

import { createExecutor, pack, quantize } from "../../build/tools.js";
import { models } from "./models.mjs";

const [folder, ...wanted] = process.argv.slice(2);
const topOne = (values) => values.indexOf(Math.max(...values));
/** The likeliest class where the samples have one; above one half or not where there is one output. */
const decision = (values) => (values.length > 1 ? topOne(values) : Number(values[0] > 0.5));

function decisions(graph, samples) {
  const executor = createExecutor(graph);
  const found = samples.map(({ inputs }) => {
    executor.run(inputs);
    return decision(Array.from(executor.read(graph.outputs[0])));
  });
  executor.dispose();
  return found;
}

/** By model: the bound, as a share of samples, and the mixed recipe beside plain int8. */
const targets = {
  keyword: {
    lost: 0.005,
    options: { method: "percentile" },
    mixed: { default: { scheme: "int4", method: "gptq" } },
  },
  kwt1: {
    lost: 0.01,
    mixed: {
      default: { method: "rtn" },
      layers: [{ match: "kws_transformer/*sequential*", scheme: "weight-int4", method: "gptq" }],
    },
  },
  // Uniform 4-bit grids lose labels that the float model is not sure of either; 16 values anywhere keep them.
  magika: {
    lost: 1 / 20,
    mixed: { layers: [{ match: "*Conv_0/Conv2D", scheme: "weight-codebook", method: "mse" }] },
  },
  silero: {
    differing: 0.005,
    mixed: {
      layers: ["1", "2", "3"].map((n) => ({
        match: `*encoder/${n}/*Conv`,
        scheme: "weight-int4",
        method: "gptq",
      })),
    },
  },
};

const row = (list) => console.log(`| ${list.join(" | ")} |`);
row(["model", "scheme", "float bytes", "bytes", "float right", "right", "decisions kept", "bound"]);
row(["---", "---", ...Array(5).fill("--:"), "---"]);
for (const [name, { lost, differing, mixed, options = {} }] of Object.entries(targets)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const { graph, samples, compareOn } = models[name](folder);
  const expected = decisions(graph, compareOn);
  const hasLabels = compareOn[0].label !== undefined;
  const hits = (found) => found.filter((d, i) => d === compareOn[i].label).length;
  for (const [scheme, recipe] of [["int8", {}], ...(mixed ? [["mixed", mixed]] : [])]) {
    const { graph: made } = quantize(graph, samples, {
      ...options,
      makeExecutor: createExecutor,
      recipe,
      compareLimit: 1,
    });
    const found = decisions(made, compareOn);
    const kept = found.filter((d, i) => d === expected[i]).length;
    const count = compareOn.length;
    const isKept = hasLabels
      ? hits(expected) - hits(found) < lost * count
      : count - kept <= differing * count;
    const bound = hasLabels ? `under ${(lost * count).toFixed(2)} lost` : `${100 * (1 - differing)} % kept`;
    const right = hasLabels ? [hits(expected), hits(found)] : ["", ""];
    const sizes = [pack(graph).bytes.length, pack(made).bytes.length];
    row([name, scheme, ...sizes, ...right, `${kept} of ${count}`, `${bound}: ${isKept ? "yes" : "NO"}`]);
    if (!isKept) process.exitCode = 1;
  }
}

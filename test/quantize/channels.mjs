/**
 * What removing channels costs and brings: `node test/quantize/channels.mjs <test data folder> <model> <share,…>
 * [walks of training] [variations]` after a build. Where the model's data has variations, training walks over these.
 */

import { createExecutor, pack, quantize } from "../../build/tools.js";
import { micros } from "./micros.mjs";
import { models } from "./models.mjs";

const [folder, name, shares, walks = "0", variations = "6"] = process.argv.slice(2);
const { graph, samples, varied, compareOn } = models[name](folder);
const recover = Number(walks);
const row = (cells) => console.log(`| ${cells.join(" | ")} |`);
row(["model", "channels", "trained", "bytes", "µs", "same class", "right", "SQNR dB"]);
row(["---", "--:", "--:", "--:", "--:", "--:", "--:", "--:"]);
for (const share of shares.split(",").map(Number)) {
  const { graph: made, report } = quantize(graph, samples, {
    makeExecutor: createExecutor,
    method: "percentile",
    compareOn,
    ...(share > 0 && { pruneChannels: share }),
    ...(share > 0 && recover > 0 && { recover, ...(varied && { recoverOn: varied(Number(variations)) }) }),
  });
  const { agreement, accuracy, outputs, channels } = report;
  const { bytes } = pack(made);
  row([
    name,
    channels ? `${channels.after} of ${channels.before}` : "all",
    recover,
    bytes.length,
    (await micros(bytes)).toFixed(0),
    `${agreement.correct} of ${agreement.total}`,
    accuracy ? accuracy.quantized.all.correct : "",
    outputs[0].sqnr.toFixed(1),
  ]);
}

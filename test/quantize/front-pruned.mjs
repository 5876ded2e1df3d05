/**
 * Prune, quantize and share: the keyword model over shares of blocks that are gone, schemes, and whether it was trained
 * after: `node test/quantize/front-pruned.mjs <test data folder> <folder for the trained models> [walks] [variations]`
 * after a build. Begun again with the same folder, it takes the models that are trained already; 0 walks leave training out.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createExecutor, pack, quantize } from "../../build/tools.js";
import { micros } from "./micros.mjs";
import { models } from "./models.mjs";

const [data, folder, walks = "6", variations = "6"] = process.argv.slice(2);
const { graph, samples, varied, compareOn } = models.keyword(data);
const common = { makeExecutor: createExecutor, method: "percentile", compareOn };
mkdirSync(folder, { recursive: true });

/** The float32 constants of all operators, one after the other. */
const constantsOf = ({ nodes }) => nodes.flatMap(({ inputs }) => inputs.filter((t) => t?.data));

/** The float model with that share of its blocks gone, trained. */
function trained(share) {
  const file = join(folder, `keyword-${share}-${walks}-${variations}.f32`);
  if (!existsSync(file)) {
    const made = quantize(graph, varied(Number(variations)), {
      ...common,
      recipe: { default: { scheme: "float32", prune: share } },
      recover: Number(walks),
    });
    const values = constantsOf(made.graph).map(({ data: values }) =>
      Buffer.from(Float32Array.from(values).buffer),
    );
    writeFileSync(file, Buffer.concat(values));
  }
  const bytes = readFileSync(file);
  let at = 0;
  const read = (tensor) => {
    if (!tensor?.data) return tensor;
    const values = new Float32Array(
      bytes.buffer.slice(bytes.byteOffset + at, bytes.byteOffset + at + 4 * tensor.data.length),
    );
    at += 4 * values.length;
    return { ...tensor, data: values };
  };
  return { ...graph, nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(read) })) };
}

/** The share of blocks of 8 channels × 4 weights that are zero, by layer. */
function zeroBlocks({ nodes }) {
  return nodes.flatMap(({ op, name, inputs }) => {
    if (op !== "conv2d" && op !== "fullyConnected") return [];
    const { shape, data: values } = inputs[1];
    const [n, k] = [shape[0], values.length / shape[0]];
    let [zero, all] = [0, 0];
    for (let row = 0; row < n; row += 8)
      for (let i = 0; i < k; i += 4, all++) {
        let isZero = true;
        for (let r = row; r < Math.min(n, row + 8); r++)
          for (let j = i; j < Math.min(k, i + 4); j++) if (values[r * k + j] !== 0) isZero = false;
        if (isZero) zero++;
      }
    return zero > 0 ? [{ match: name, prune: zero / all }] : [];
  });
}

const row = (cells) => console.log(`| ${cells.join(" | ")} |`);
row(["blocks gone", "trained", "scheme", "bytes", "µs", "right of 432", "SQNR dB"]);
row(["--:", "---", "---", "--:", "--:", "--:", "--:"]);
const found = [];
for (const share of [0, 0.5, 0.75])
  for (const isTrained of share > 0 && Number(walks) > 0 ? [false, true] : [false]) {
    const source = isTrained ? trained(share) : graph;
    for (const scheme of ["int8", "int4", "codebook"]) {
      const method = scheme === "int8" && (isTrained || share === 0) ? "rtn" : "gptq";
      const recipe = {
        default: { scheme, method, ...(!isTrained && { prune: share }) },
        layers: isTrained ? zeroBlocks(source) : [],
      };
      const { graph: made, report } = quantize(source, samples, { ...common, recipe });
      const { bytes } = pack(made, { narrow: true });
      const right = report.accuracy.quantized.all.correct;
      found.push({ share, isTrained, scheme, bytes: bytes.length, micros: await micros(bytes), right });
      const last = found.at(-1);
      row([
        `${100 * share} %`,
        isTrained ? "yes" : "",
        scheme,
        last.bytes,
        last.micros.toFixed(0),
        right,
        report.outputs[0].sqnr.toFixed(1),
      ]);
    }
  }
const isBeaten = (a) =>
  found.some(
    (b) => b !== a && b.bytes <= a.bytes && b.right >= a.right && (b.bytes < a.bytes || b.right > a.right),
  );
console.log("On the front of bytes and hits:");
for (const { share, isTrained, scheme, bytes, right } of found.filter((model) => !isBeaten(model)))
  console.log(
    `${bytes} bytes, ${right} right: ${100 * share} % gone${isTrained ? ", trained" : ""}, ${scheme}`,
  );

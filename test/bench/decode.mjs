/** One token through the matrices of a small Llama, 4 bits and a scale per 32 weights: what decoding spends its time on. */
import { randomFillSync } from "node:crypto";
import { pack } from "../../build/tools.js";
import { ggufOf } from "./gguf.mjs";

const [width, hidden, layers, vocabulary, blockSize] = [1024, 2816, 8, 4096, 32];
const activation = { min: -Infinity, max: Infinity };

function weights(name, n, k) {
  const data = new Int8Array(n * k);
  randomFillSync(data);
  for (let i = 0; i < data.length; i++) data[i] = (data[i] << 28) >> 28;
  const count = (n * k) / blockSize;
  const scale = new Float32Array(count).fill(0.2 / Math.sqrt(k));
  return {
    name,
    dtype: "int8",
    shape: [n, k],
    data,
    quantization: { scale, zeroPoint: new Int32Array(count), axis: 0 },
  };
}

/** Attention's own arithmetic, which grows with the text, is left out: query, key and value are added up. */
export function decodeStack() {
  const nodes = [];
  let macs = 0;
  const add = (op, inputs, length, attributes) => {
    const y = { name: `${op}${nodes.length}`, dtype: "float32", shape: [1, length] };
    nodes.push({ op, name: y.name, inputs, outputs: [y], attributes });
    return y;
  };
  const matrix = (x, n) => {
    const k = x.shape[1];
    macs += n * k;
    const inputs = [x, weights(`w${nodes.length}`, n, k), null];
    return add("dynamicFullyConnected", inputs, n, { bits: 4, blockSize, activation });
  };
  const sum = (a, b) => add("add", [a, b], a.shape[1], { activation });
  const norm = (x) =>
    add("normalize", [x, null, null], x.shape[1], {
      centered: false,
      isSum: false,
      floor: false,
      epsilon: 1e-5,
    });
  const input = { name: "x", dtype: "float32", shape: [1, width] };
  let x = input;
  for (let layer = 0; layer < layers; layer++) {
    const a = norm(x);
    x = sum(x, matrix(sum(sum(matrix(a, width), matrix(a, width)), matrix(a, width)), width));
    const b = norm(x);
    const gated = add("mul", [matrix(b, hidden), matrix(b, hidden)], hidden, { activation });
    x = sum(x, matrix(gated, width));
  }
  const y = matrix(norm(x), vocabulary);
  const graph = { name: "decode", nodes, inputs: [input], outputs: [y], rounding: "single" };
  const gguf = ggufOf({ width, hidden, layers, vocabulary });
  return { macs, input: { dtype: "float32", shape: [1, width] }, files: { nbl: pack(graph).bytes, gguf } };
}

// float32 layers, the same ONNX file in nibblenet and onnxruntime-web, one thread, interleaved, processor time.
// node float.mjs [tier] [part of a layer's name]; needs Node 22.18 or later, `npm ci` here and `npm run build` in the root.
import * as ort from "onnxruntime-web";
import { loadModelSync } from "../../build/index.js";
import { importOnnx, optimize, pack } from "../../build/tools.js";
import { floats, onnxModel } from "../helpers/onnx-builder.ts";

const [rounds, blockMilliseconds, warmMilliseconds] = [15, 8, 300];
const [tier = "auto", part = ""] = process.argv.slice(2);
ort.env.wasm.numThreads = 1;

const values = (count) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898) * 0.5);
const constant = (name, dims) => floats(name, dims, values(dims.reduce((a, b) => a * b)));

const product = (m, n, k) => ({
  name: `GEMM ${m}×${n}×${k}`,
  shape: [m, k],
  macs: m * n * k,
  node: { op: "MatMul", inputs: ["x", "w"], outputs: ["y"] },
  weights: constant("w", [k, n]),
});

/** `size` × `size` pixels of `from` channels to `to`, with SAME padding; `groups` of channels. */
function convolution(name, size, from, to, kernel, stride = 1, groups = 1) {
  const half = (kernel - 1) / 2;
  const out = Math.ceil(size / stride);
  return {
    name: `${name} ${size}×${size}×${from}→${to}${stride > 1 ? ` /${stride}` : ""}`,
    shape: [1, from, size, size],
    macs: out * out * to * kernel * kernel * (from / groups),
    node: {
      op: "Conv",
      inputs: ["x", "w"],
      outputs: ["y"],
      attributes: { pads: [half, half, half, half], strides: [stride, stride], group: groups },
    },
    weights: constant("w", [to, from / groups, kernel, kernel]),
  };
}

const layers = [
  product(1, 256, 256),
  product(1, 2048, 2048),
  product(16, 384, 384),
  product(64, 256, 256),
  product(128, 384, 1536),
  product(256, 256, 256),
  product(512, 512, 512),
  convolution("1×1", 48, 64, 64, 1),
  convolution("1×1", 14, 256, 256, 1),
  convolution("3×3", 56, 64, 64, 3),
  convolution("3×3", 28, 128, 128, 3),
  convolution("3×3", 96, 3, 16, 3, 2),
  convolution("3×3 depthwise", 56, 64, 64, 3, 1, 64),
];

/**
 * Two layers around another layout would cancel their transposes: ours is given the layout it runs in, as it has it
 * inside a network. onnxruntime's is channels first.
 */
function ours(bytes, layer) {
  const graph = optimize(importOnnx(bytes, { file: layer.name }));
  const core = graph.nodes.find(({ op }) => /conv|fullyConnected/i.test(op));
  const inner = { ...graph, nodes: [core], inputs: [core.inputs[0]], outputs: [core.outputs[0]] };
  const model = loadModelSync(pack(inner).bytes, { tier });
  model.input().set(values(model.input().length));
  return (count) => {
    for (let i = 0; i < count; i++) model.invoke();
  };
}

async function theirs(bytes, layer) {
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  const count = layer.shape.reduce((a, b) => a * b);
  const feeds = { x: new ort.Tensor("float32", values(count), layer.shape) };
  return async (times) => {
    for (let i = 0; i < times; i++) await session.run(feeds);
  };
}

async function time(run, count) {
  const { user, system } = process.cpuUsage();
  await run(count);
  const end = process.cpuUsage();
  return (end.user + end.system - user - system) / count;
}

console.log(
  `Node ${process.versions.node}, tier ${tier}; µs, median (best); ratio of medians to onnxruntime-web`,
);
console.log("| layer | million multiply-adds | nibblenet | onnxruntime-web | ratio |\n|---|---|---|---|---|");
for (const layer of layers.filter(({ name }) => name.includes(part))) {
  const bytes = onnxModel({
    nodes: [layer.node],
    inputs: [{ name: "x", shape: layer.shape }],
    outputs: [{ name: "y" }],
    initializers: [layer.weights],
  });
  const contenders = [];
  for (const make of [ours, theirs]) {
    const run = await make(bytes, layer);
    for (const start = performance.now(); performance.now() - start < warmMilliseconds; ) await run(2);
    const once = await time(run, 4);
    contenders.push({ run, count: Math.max(1, Math.round((1000 * blockMilliseconds) / once)), times: [] });
  }
  for (let round = 0; round < rounds; round++)
    for (const contender of contenders) contender.times.push(await time(contender.run, contender.count));
  const [our, their] = contenders.map(({ times }) => {
    times.sort((a, b) => a - b);
    return { median: times[rounds >> 1], best: times[0] };
  });
  const cell = ({ median, best }) => `${median.toFixed(1)} (${best.toFixed(1)})`;
  const ratio = (our.median / their.median).toFixed(2);
  console.log(
    `| ${layer.name} | ${(layer.macs / 1e6).toFixed(2)} | ${cell(our)} | ${cell(their)} | ${ratio} |`,
  );
}

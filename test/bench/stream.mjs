// What a step of a stream costs beside the whole window, both from samples: node stream.mjs; after `npm run build`.
import { loadModelSync } from "../../build/index.js";
import { frontEnds, pack, streamWindows, withFrontEnd } from "../../build/tools.js";
import { keywordGraph } from "./keyword.mjs";

/** The example's layers without padding along time, with weights of no meaning. */
function withoutPadding() {
  const scale = (value) => ({ scale: Float32Array.of(value), zeroPoint: Int32Array.of(0), axis: 0 });
  const nodes = [];
  const relu = { min: 0, max: Number.POSITIVE_INFINITY };
  const free = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };
  const weights = (shape) => ({
    name: `w${nodes.length}`,
    dtype: "int8",
    shape,
    quantization: scale(0.005),
    data: Int8Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => ((i * 7919) % 255) - 127),
  });
  let last = { name: "features", dtype: "int8", shape: [1, 49, 1, 40], quantization: scale(0.05) };
  const [first] = [last];
  const put = (op, inputs, shape, attributes) => {
    last = { name: `t${nodes.length}`, dtype: "int8", shape, quantization: scale(0.05) };
    nodes.push({ op, name: last.name, inputs, outputs: [last], attributes });
  };
  const conv = (op, kernel, channels, stride, activation) => {
    const [, time, , from] = last.shape;
    const isDepthwise = op === "depthwiseConv2d";
    const attributes = {
      stride: [stride, 1],
      dilation: [1, 1],
      padding: { top: 0, left: 0, bottom: 0, right: 0 },
      activation,
      ...(isDepthwise ? { multiplier: 1 } : { groups: 1 }),
    };
    const shape = isDepthwise ? [1, kernel, 1, channels] : [channels, kernel, 1, from];
    put(
      op,
      [last, weights(shape), null],
      [1, Math.floor((time - kernel) / stride) + 1, 1, channels],
      attributes,
    );
  };
  conv("conv2d", 5, 96, 1, relu);
  for (const [kernel, stride] of [
    [9, 1],
    [9, 2],
    [3, 1],
    [3, 1],
    [3, 1],
    [3, 1],
  ]) {
    const skip = last;
    conv("depthwiseConv2d", kernel, 96, stride, relu);
    conv("conv2d", 1, 96, 1, stride === 1 ? free : relu);
    if (stride !== 1) continue;
    const made = last;
    put("slice", [skip], made.shape, { begin: [0, kernel >> 1, 0, 0], stride: [1, 1, 1, 1] });
    put("add", [made, last], made.shape, { activation: relu });
  }
  put("mean", [last], [1, 96], { axes: [1, 2], keepDims: false });
  put("fullyConnected", [last, weights([12, 96]), null], [1, 12], { activation: free });
  return { name: "without padding", nodes, inputs: [first], outputs: [last], rounding: "single" };
}

const { graph } = keywordGraph();
const frontEnd = frontEnds["log-mel"];
const step = (of) => streamWindows(of, { hop: 2 }).graph;
const plain = withoutPadding();
const pairs = [
  ["examples/keyword, from features", graph, step(graph)],
  ["examples/keyword, from samples", withFrontEnd(graph, frontEnd), withFrontEnd(step(graph), frontEnd)],
  ["without padding, from features", plain, step(plain)],
  ["without padding, from samples", withFrontEnd(plain, frontEnd), withFrontEnd(step(plain), frontEnd)],
];
console.log(`Node ${process.versions.node}, µs: median (best) of 60 blocks of 2 ms, interleaved`);
for (const tier of ["relaxed", "simd"])
  for (const [name, ...graphs] of pairs) {
    const contenders = graphs.map((of) => {
      const model = loadModelSync(pack(of).bytes, { tier });
      model
        .input()
        .set(
          model
            .input()
            .map((_, i) => (model.inputs[0].dtype === "int8" ? (i * 37) % 127 : Math.sin(i * i) / 3)),
        );
      for (const start = performance.now(); performance.now() - start < 300; ) model.invoke();
      return { model, times: [] };
    });
    for (let round = 0; round < 60; round++)
      for (const { model, times } of contenders) {
        let count = 0;
        const start = performance.now();
        do {
          model.invoke();
          count++;
        } while (performance.now() - start < 2);
        times.push((1000 * (performance.now() - start)) / count);
      }
    const [whole, part] = contenders.map(({ times }) => times.sort((a, b) => a - b));
    const show = (times) => `${times[30].toFixed(1)} (${times[0].toFixed(1)})`;
    const share = (at) => `${((100 * part[at]) / whole[at]).toFixed(1)} %`;
    console.log(
      `${tier.padEnd(8)}${name.padEnd(34)}window ${show(whole).padEnd(18)}step of 40 ms ${show(part).padEnd(16)}${share(30)} (${share(0)})`,
    );
  }

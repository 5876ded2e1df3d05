// Fully connected layers alone: 8-, 4- and 2-bit weights with dynamic activations, and block-sparse int8, per tier.
// node matmul.mjs [tier…]; needs `npm run build` in the root. Processor time, so that a busy machine disturbs less.
import { loadModelSync } from "../../build/index.js";
import { pack } from "../../build/tools.js";

const rounds = 9;
const macsPerBlock = 1e8;
const shapes = [
  [1, 256, 256],
  [1, 2048, 2048],
  [16, 384, 384],
  [64, 256, 256],
  [128, 384, 1536],
  [256, 256, 256],
  [512, 512, 512],
];
const densities = [1, 0.7, 0.5, 0.25, 0.1];
const [tiers, any] = [process.argv.slice(2), { min: -Infinity, max: Infinity }];

let seed = 1;
const random = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};
const whole = (low, high) => low + Math.floor(random() * (high - low + 1));
const quantization = (scale, count = 1) => ({
  scale: new Float32Array(count).fill(scale),
  zeroPoint: new Int32Array(count),
  axis: 0,
});

function layer(op, dtype, [m, n, k], weights, attributes) {
  const tensor = (name, shape, scale) => ({
    name,
    dtype,
    shape,
    ...(dtype === "int8" && { quantization: quantization(scale) }),
  });
  const [x, y] = [tensor("x", [m, k], 0.1), tensor("y", [m, n], 1)];
  const node = { op, name: op, inputs: [x, weights, null], outputs: [y], attributes };
  return pack({ name: op, nodes: [node], inputs: [x], outputs: [y], rounding: "single" }, { narrow: false })
    .bytes;
}

function dynamicLayer(shape, bits, blockSize = 32) {
  const [, n, k] = shape;
  const data = Int8Array.from({ length: n * k }, () => whole(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1));
  const scales = quantization(0.01, n * Math.ceil(k / blockSize));
  const weights = { name: "w", dtype: "int8", shape: [n, k], data, quantization: scales };
  return layer("dynamicFullyConnected", "float32", shape, weights, { bits, blockSize, activation: any });
}

/** int8, with that share of its blocks of 8 outputs × 4 inputs. */
function sparseLayer(shape, density) {
  const [, n, k] = shape;
  const keeps = Array.from({ length: (n / 8) * (k / 4) }, () => random() < density);
  const isKept = (i) => keeps[(Math.floor(i / k) >> 3) * (k / 4) + ((i % k) >> 2)];
  const data = Int8Array.from({ length: n * k }, (_, i) => (isKept(i) ? whole(-127, 127) : 0));
  const weights = { name: "w", dtype: "int8", shape: [n, k], data, quantization: quantization(0.01) };
  return layer("fullyConnected", "int8", shape, weights, { activation: any });
}

/** Median and best µs of each model, interleaved. */
function measure(files, tier, macs) {
  const models = files.map((bytes) => loadModelSync(bytes, { tier }));
  const times = models.map(() => []);
  const count = Math.max(1, Math.round(macsPerBlock / macs));
  for (const model of models) {
    const input = model.input();
    for (let i = 0; i < input.length; i++) input[i] = whole(-100, 100);
    for (let i = 0; i < count; i++) model.invoke();
  }
  for (let round = 0; round < rounds; round++)
    for (const [i, model] of models.entries()) {
      const start = process.cpuUsage().user;
      for (let j = 0; j < count; j++) model.invoke();
      times[i].push((process.cpuUsage().user - start) / count);
    }
  for (const model of models) model.dispose();
  return times.map((list) => list.sort((a, b) => a - b)).map((list) => [list[rounds >> 1], list[0]]);
}

for (const tier of tiers.length > 0 ? tiers : ["relaxed", "simd"]) {
  console.log(`\nNode ${process.versions.node}, ${tier}: GMAC/s, median (best); block 32`);
  for (const shape of shapes) {
    const macs = shape[0] * shape[1] * shape[2];
    const found = measure(
      [8, 4, 2].map((bits) => dynamicLayer(shape, bits)),
      tier,
      macs,
    );
    const cells = found.map(
      ([median, best]) => `${(macs / median / 1e3).toFixed(1)} (${(macs / best / 1e3).toFixed(1)})`,
    );
    console.log(`| ${shape.join("×")} | ${cells.join(" | ")} |`);
  }
  console.log(`block-sparse int8, speed against dense: ${densities.slice(1).join(", ")} of the blocks`);
  for (const shape of [
    [1, 1024, 1024],
    [64, 256, 256],
    [128, 384, 1536],
  ]) {
    const found = measure(
      densities.map((d) => sparseLayer(shape, d)),
      tier,
      shape[0] * shape[1] * shape[2],
    );
    const cells = found.slice(1).map(([median]) => `${(found[0][0] / median).toFixed(2)}×`);
    console.log(`| ${shape.join("×")} | ${found[0][0].toFixed(1)} µs | ${cells.join(" | ")} |`);
  }
}

/** One fully connected layer of given size in every format: TFLite's, ONNX's and ours, with the same kind of weights. */
import { importTflite, pack } from "../../build/tools.js";
import { onnxModel } from "../helpers/onnx-builder.ts";
import { buildTflite } from "../helpers/tflite-builder.ts";

let state = 1;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};
const whole = (low, high) => low + Math.floor(random() * (high - low + 1));
const bytesOf = (data) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const raw = (name, type, dims, data) => ({ name, type, dims, raw: bytesOf(data) });
const activation = { min: -Infinity, max: Infinity };

const signed = (length, bits) => {
  const low = -(2 ** (bits - 1));
  return Int8Array.from({ length }, () => whole(low + (bits === 8 ? 1 : 0), -low - 1));
};

/** Two values a byte, the first in the low half. */
const nibbles = (values) =>
  Int8Array.from({ length: values.length / 2 }, (_, i) => (values[2 * i] & 15) | (values[2 * i + 1] << 4));

const fullyConnected = (tensors, inputs, weightsFormat = 0) =>
  buildTflite({
    tensors,
    operators: [
      {
        op: "FULLY_CONNECTED",
        inputs,
        outputs: ["y"],
        options: { type: 8, fields: { 0: { int8: 0 }, 1: { int8: weightsFormat } } },
      },
    ],
    inputs: ["x"],
    outputs: ["y"],
  });

/** Static int8: scales such that outputs spread over their range. */
function int8Tflite([m, n, k], data) {
  const fill = (value) => new Array(n).fill(value);
  const [x, w] = [0.02, 0.005];
  return fullyConnected(
    [
      { name: "x", type: "int8", shape: [m, k], scale: [x], zeroPoint: [0] },
      { name: "w", type: "int8", shape: [n, k], data, scale: fill(w), zeroPoint: fill(0), axis: 0 },
      {
        name: "b",
        type: "int32",
        shape: [n],
        data: new Int32Array(n),
        scale: fill(w * x),
        zeroPoint: fill(0),
      },
      { name: "y", type: "int8", shape: [m, n], scale: [x * w * Math.sqrt(k) * 133], zeroPoint: [0] },
    ],
    ["x", "w", "b"],
  );
}

/** float32 in and out, int4 weights with a scale per block of 32. */
function int4Tflite([m, n, k], blockSize, data) {
  const scale = new Uint16Array((n * k) / blockSize).fill(0x2800);
  return fullyConnected(
    [
      { name: "x", type: "float32", shape: [m, k] },
      { name: "s", type: "float16", shape: [n, k / blockSize], data: scale },
      { name: "w", type: "int4", shape: [n, k], data: nibbles(data), blockwise: { scales: 1, blockSize } },
      { name: "y", type: "float32", shape: [m, n] },
    ],
    ["x", "w", null],
  );
}

/** The same with one scale per channel, of int8 or int4: of 4 bits those that LiteRT.js has its fastest kernels for. */
const perChannelTflite = ([m, n, k], type, data) =>
  fullyConnected(
    [
      { name: "x", type: "float32", shape: [m, k] },
      {
        name: "w",
        type,
        shape: [n, k],
        data,
        scale: new Array(n).fill(0.05),
        zeroPoint: new Array(n).fill(0),
        axis: 0,
      },
      { name: "b", type: "float32", shape: [n], data: new Float32Array(n) },
      { name: "y", type: "float32", shape: [m, n] },
    ],
    ["x", "w", "b"],
  );

const packed = (tflite) => pack(importTflite(tflite, { file: "layer" }), { narrow: false }).bytes;

const matMulInteger = ([m, n, k], data) =>
  onnxModel({
    nodes: [{ op: "MatMulInteger", inputs: ["x", "w", "xz", "wz"], outputs: ["y"] }],
    inputs: [{ name: "x", type: "uint8", shape: [m, k] }],
    outputs: [{ name: "y", type: "int32", shape: [m, n] }],
    initializers: [
      raw("w", "int8", [k, n], data),
      raw("xz", "uint8", [], Uint8Array.of(128)),
      raw("wz", "int8", [], Int8Array.of(0)),
    ],
    opset: 17,
  });

const matMulNBits = ([m, n, k], bits, blockSize) => {
  const blocks = k / blockSize;
  const packed = Uint8Array.from({ length: (n * k * bits) / 8 }, () => whole(0, 255));
  return onnxModel({
    nodes: [
      {
        op: "MatMulNBits",
        domain: "com.microsoft",
        inputs: ["x", "w", "s"],
        outputs: ["y"],
        attributes: { K: k, N: n, bits, block_size: blockSize, accuracy_level: 4 },
      },
    ],
    inputs: [{ name: "x", type: "float", shape: [m, k] }],
    outputs: [{ name: "y", type: "float", shape: [m, n] }],
    initializers: [
      raw("w", "uint8", [n, blocks, (blockSize * bits) / 8], packed),
      raw("s", "float", [n * blocks], new Float32Array(n * blocks).fill(0.03)),
    ],
    opset: 17,
    domains: { "com.microsoft": 1 },
  });
};

/** One operator of ours, where no other format has it. */
function ours(op, dtype, [m, n, k], weights, attributes) {
  const quantization = (scale) => ({ scale: Float32Array.of(scale), zeroPoint: new Int32Array(1), axis: 0 });
  const tensor = (name, shape, scale) => ({
    name,
    dtype,
    shape,
    ...(dtype === "int8" && { quantization: quantization(scale) }),
  });
  const [x, y] = [tensor("x", [m, k], 0.1), tensor("y", [m, n], 1)];
  const node = { op, name: op, inputs: [x, weights, null], outputs: [y], attributes };
  const graph = { name: op, nodes: [node], inputs: [x], outputs: [y], rounding: "single" };
  return pack(graph, { narrow: false }).bytes;
}

/** float32 x [m, k] → y [m, n], weights of `bits` bits with a scale per block. */
function dynamicLayer(shape, bits, blockSize) {
  const [, n, k] = shape;
  const count = n * Math.ceil(k / blockSize);
  const quantization = {
    scale: new Float32Array(count).fill(0.01),
    zeroPoint: new Int32Array(count),
    axis: 0,
  };
  const weights = { name: "w", dtype: "int8", shape: [n, k], data: signed(n * k, bits), quantization };
  return ours("dynamicFullyConnected", "float32", shape, weights, { bits, blockSize, activation });
}

/** int8, with that share of its blocks of 8 outputs × 4 inputs. */
function sparseLayer(shape, density) {
  const [, n, k] = shape;
  const keeps = Array.from({ length: (n / 8) * (k / 4) }, () => random() < density);
  const isKept = (i) => keeps[(Math.floor(i / k) >> 3) * (k / 4) + ((i % k) >> 2)];
  const data = Int8Array.from({ length: n * k }, (_, i) => (isKept(i) ? whole(-127, 127) : 0));
  const quantization = { scale: new Float32Array(n).fill(0.01), zeroPoint: new Int32Array(n), axis: 0 };
  const weights = { name: "w", dtype: "int8", shape: [n, k], data, quantization };
  return ours("fullyConnected", "int8", shape, weights, { activation });
}

export const schemes = [
  "int8",
  "dynamic int8",
  "int4 block 32",
  "2 bits block 32",
  "int8, 50 % zeros",
  "int8, 75 % zeros",
  "int8, 90 % zeros",
];

/** Files by kind, and what goes in. */
export function layer(scheme, shape) {
  const [m, n, k] = shape;
  const float = { dtype: "float32", shape: [m, k] };
  const base = { macs: m * n * k };
  if (scheme === "int8") {
    const data = signed(n * k, 8);
    const tflite = int8Tflite(shape, data);
    const nbl = packed(tflite);
    const input = { dtype: "int8", shape: [m, k] };
    const onnxInput = { dtype: "uint8", shape: [m, k] };
    return {
      ...base,
      weightBits: 8,
      input,
      onnxInput,
      files: { nbl, tflite, onnx: matMulInteger(shape, data) },
    };
  }
  if (scheme === "dynamic int8") {
    const tflite = perChannelTflite(shape, "int8", signed(n * k, 8));
    return { ...base, weightBits: 8, input: float, files: { nbl: packed(tflite), tflite } };
  }
  const zeros = scheme.match(/(\d+) % zeros/);
  if (zeros) {
    const [nbl, dense] = [1 - zeros[1] / 100, 1].map((density) => sparseLayer(shape, density));
    return { ...base, weightBits: 8, input: { dtype: "int8", shape: [m, k] }, files: { nbl, dense } };
  }
  const bits = scheme.startsWith("2") ? 2 : 4;
  const files = { onnx: matMulNBits(shape, bits, 32) };
  if (bits === 4) {
    const data = signed(n * k, 4);
    files.tflite = int4Tflite(shape, 32, data);
    files.perChannel = perChannelTflite(shape, "int4", nibbles(data));
    files.nbl = packed(files.tflite);
    files.perChannelNbl = packed(files.perChannel);
  } else files.nbl = dynamicLayer(shape, 2, 32);
  // A float32 scale for 32 weights.
  return { ...base, weightBits: bits + 1, input: float, onnxInput: float, files };
}

/** Small sound files of every importer, from which damage starts. */
import { zipSync } from "fflate";
import wavefile from "wavefile";
import { writeNpy } from "../../src/samples/npy.ts";
import { randomFrom } from "../helpers/graphs.ts";
import {
  floats,
  ints,
  type NodeSpec,
  onnxFunction,
  onnxGraph,
  onnxModel,
  type TensorSpec,
} from "../helpers/onnx-builder.ts";
import { buildTflite, fused, padding, plainOptions, poolOptions } from "../helpers/tflite-builder.ts";
import { activation8, float, ints as indices, sampleFiles, single } from "../helpers/tflite-models.ts";
import { signalFile } from "../helpers/tflite-signal.ts";

const bytes8 = (
  name: string,
  dims: number[],
  values: number[],
  type: "int8" | "uint8" = "int8",
): TensorSpec => ({
  name,
  dims,
  type,
  int32s: values,
});
const scalarByte = (name: string, value: number, type: "int8" | "uint8" = "int8"): TensorSpec =>
  bytes8(name, [], [value], type);
const node = (
  op: string,
  inputs: string[],
  output: string,
  attributes: NodeSpec["attributes"] = {},
): NodeSpec => ({
  op,
  name: output,
  inputs,
  outputs: [output],
  attributes,
});

/** Shapes that are computed, as exporters write them, around a convolution and a dense layer. */
const convolutional = (): Uint8Array =>
  onnxModel({
    nodes: [
      node("Conv", ["x", "w", "b"], "a", { pads: [1, 1, 1, 1], strides: [2, 2] }),
      node("BatchNormalization", ["a", "two", "two", "two", "two"], "n"),
      node("Relu", ["n"], "r"),
      node("MaxPool", ["r"], "p", { kernel_shape: [2, 2] }),
      node("Shape", ["p"], "s"),
      node("Slice", ["s", "zero", "one"], "first"),
      node("Concat", ["first", "open"], "shape", { axis: 0 }),
      node("Reshape", ["p", "shape"], "f"),
      node("Gemm", ["f", "g", "h"], "z", { alpha: { float: 0.5 }, transB: 1 }),
      node("Softmax", ["z"], "y"),
    ],
    inputs: [{ name: "x", shape: ["N", 2, 6, 6] }],
    outputs: [{ name: "y" }],
    initializers: [
      floats("w", [2, 2, 3, 3]),
      floats("b", [2]),
      floats("two", [2]),
      ints("zero", [0]),
      ints("one", [1]),
      ints("open", [-1]),
      floats("g", [3, 8]),
      floats("h", [3]),
    ],
  });

/** Attention of two heads with its normalization, mask and projections, and a gelu written out. */
const attention = (): Uint8Array =>
  onnxModel({
    nodes: [
      node("LayerNormalization", ["x", "scale", "shift"], "n"),
      node("MatMul", ["n", "qkv"], "m"),
      { op: "Split", inputs: ["m"], outputs: ["q", "k", "v"], attributes: { axis: 2 } },
      ...["q", "k", "v"].map((name) => node("Reshape", [name, "heads"], `${name}1`)),
      node("Transpose", ["q1"], "q2", { perm: [0, 2, 1, 3] }),
      node("Transpose", ["k1"], "k2", { perm: [0, 2, 3, 1] }),
      node("Transpose", ["v1"], "v2", { perm: [0, 2, 1, 3] }),
      node("MatMul", ["q2", "k2"], "scores"),
      node("Div", ["scores", "root"], "scaled"),
      node("Where", ["mask", "scaled", "low"], "masked"),
      node("Softmax", ["masked"], "weights", { axis: -1 }),
      node("MatMul", ["weights", "v2"], "mixed"),
      node("Transpose", ["mixed"], "back", { perm: [0, 2, 1, 3] }),
      node("Reshape", ["back", "flat"], "out"),
      node("Add", ["out", "x"], "sum"),
      node("Erf", ["sum"], "e"),
      node("Mul", ["sum", "e"], "y"),
    ],
    inputs: [{ name: "x", shape: [1, 3, 4] }],
    outputs: [{ name: "y" }],
    initializers: [
      floats("scale", [4]),
      floats("shift", [4]),
      floats("qkv", [4, 12]),
      ints("heads", [0, 0, 2, 2]),
      ints("flat", [0, 0, -1]),
      floats("root", [], [1.5]),
      floats("low", [], [-1e9]),
      { name: "mask", dims: [3, 3], type: "bool", int32s: [1, 0, 0, 1, 1, 0, 1, 1, 1] },
    ],
    opset: 17,
  });

/** Existing quantization in every form: QDQ, QLinear and onnxruntime's operators, dynamic, and 4 bits. */
const quantized = (): Uint8Array =>
  onnxModel({
    nodes: [
      node("QuantizeLinear", ["x", "s", "z8"], "x8"),
      node("DequantizeLinear", ["x8", "s"], "rounded"),
      node("QuantizeLinear", ["rounded", "s", "z"], "q"),
      node("DequantizeLinear", ["q", "s", "z"], "d"),
      node("DequantizeLinear", ["w", "ws", "wz"], "dw", { axis: 0 }),
      node("Conv", ["d", "dw"], "c"),
      node("QuantizeLinear", ["c", "s", "z"], "cq"),
      node("QLinearConv", ["cq", "s", "z", "w", "s", "z", "s", "z"], "c2"),
      { ...node("QLinearAdd", ["c2", "s", "z", "cq", "s", "z", "s", "z"], "added"), domain: "com.microsoft" },
      node("DequantizeLinear", ["added", "s", "z"], "real"),
      node("Flatten", ["real"], "rows"),
      {
        op: "DynamicQuantizeLinear",
        inputs: ["rows"],
        outputs: ["dq", "ds", "dz"],
      },
      node("MatMulInteger", ["dq", "m", "dz"], "sums"),
      node("Cast", ["sums"], "whole", { to: 1 }),
      node("Mul", ["whole", "ds"], "scaled"),
      {
        ...node("MatMulNBits", ["scaled", "packed", "blocks"], "y", { K: 16, N: 2, bits: 4, block_size: 16 }),
        domain: "com.microsoft",
      },
    ],
    inputs: [{ name: "x", shape: [1, 2, 2, 2] }],
    outputs: [{ name: "y" }],
    initializers: [
      floats("s", [], [0.1]),
      scalarByte("z", 3),
      { name: "z8", dims: [], type: "float8e4m3fn", int32s: [0] },
      bytes8("w", [2, 2, 1, 1], [1, -2, 3, -4]),
      floats("ws", [2], [0.1, 0.2]),
      bytes8("wz", [2], [0, 0]),
      bytes8(
        "m",
        [8, 16],
        Array.from({ length: 128 }, (_, i) => (i % 9) - 4),
      ),
      bytes8(
        "packed",
        [2, 1, 8],
        Array.from({ length: 16 }, (_, i) => 16 * i),
        "uint8",
      ),
      floats("blocks", [2], [0.5, 0.25]),
    ],
    domains: { "com.microsoft": 1 },
    opset: 19,
  });

/** Recurrent cells, a branch that is chosen while importing, a function, a Constant node; out of order. */
const structured = (): Uint8Array => {
  const branch = (op: string) =>
    onnxGraph({ nodes: [node(op, ["h0"], "b")], inputs: [], outputs: [{ name: "b" }] });
  return onnxModel({
    nodes: [
      { ...node("Twice", ["chosen"], "y"), domain: "mine" },
      {
        op: "If",
        inputs: ["yes"],
        outputs: ["chosen"],
        attributes: { then_branch: { graph: branch("Tanh") }, else_branch: { graph: branch("Relu") } },
      },
      { op: "GRU", inputs: ["g", "gw", "gr"], outputs: ["", "h0"], attributes: { hidden_size: 2 } },
      {
        op: "LSTM",
        inputs: ["x", "w", "r", "b"],
        outputs: ["l", "", ""],
        attributes: { hidden_size: 2, direction: "bidirectional" },
      },
      node("Squeeze", ["l4", "axes"], "g"),
      node("Slice", ["l", "start", "end", "axes"], "l4"),
      {
        op: "Constant",
        outputs: ["start"],
        attributes: { value: { tensor: { dims: [1], type: "int64", int64s: [0] } } },
      },
    ],
    inputs: [{ name: "x", shape: [3, 1, 2] }],
    outputs: [{ name: "y" }],
    initializers: [
      floats("w", [2, 8, 2]),
      floats("r", [2, 8, 2]),
      floats("b", [2, 16]),
      floats("gw", [1, 6, 2]),
      floats("gr", [1, 6, 2]),
      ints("end", [1]),
      ints("axes", [1]),
      { name: "yes", dims: [], type: "bool", int32s: [1] },
    ],
    domains: { mine: 1 },
    functions: [
      onnxFunction({
        name: "Twice",
        domain: "mine",
        inputs: ["a"],
        outputs: ["b"],
        nodes: [node("Add", ["a", "a"], "b")],
        opset: 13,
      }),
    ],
  });
};

/** What moves, resizes and reduces. */
const moving = (): Uint8Array =>
  onnxModel({
    nodes: [
      node("Resize", ["x", "", "scales"], "big", { mode: "linear" }),
      node("ConvTranspose", ["big", "w"], "up", { strides: [2, 2] }),
      node("Pad", ["up", "pads", "fill"], "padded", { mode: "constant" }),
      node("InstanceNormalization", ["padded", "one", "one"], "normal"),
      node("AveragePool", ["normal"], "pooled", { kernel_shape: [3, 3], auto_pad: "SAME_UPPER" }),
      node("ReduceMean", ["pooled"], "means", { axes: [2], keepdims: 0 }),
      node("ArgMax", ["means"], "best", { axis: 2 }),
      node("OneHot", ["best", "depth", "values"], "hot", { axis: -1 }),
      node("GatherElements", ["means", "best"], "picked", { axis: 2 }),
      node("Tile", ["picked", "repeats"], "tiled"),
      node("CumSum", ["tiled", "axis"], "summed"),
      node("Einsum", ["summed", "hot"], "y", { equation: "abc,abcd->abd" }),
    ],
    inputs: [{ name: "x", shape: [1, 1, 2, 2] }],
    outputs: [{ name: "y" }],
    initializers: [
      floats("scales", [4], [1, 1, 2, 2]),
      floats("w", [1, 1, 2, 2]),
      ints("pads", [0, 0, 1, 0, 0, 0, 0, 1]),
      floats("fill", [], [0.5]),
      floats("one", [1], [1]),
      { name: "depth", dims: [], type: "int64", int64s: [9] },
      floats("values", [2], [0, 1]),
      ints("repeats", [1, 1, 1]),
      { name: "axis", dims: [], type: "int64", int64s: [2] },
    ],
  });

export const onnxSamples: [name: string, bytes: Uint8Array][] = [
  ["convolutional", convolutional()],
  ["attention", attention()],
  ["quantized", quantized()],
  ["structured", structured()],
  ["moving", moving()],
];

/** Operators with operands of other kinds than the shared samples have. */
const tfliteMore = (): Uint8Array[] => [
  buildTflite(
    single(
      {
        op: "AVERAGE_POOL_2D",
        options: poolOptions({ padding: padding.same, stride: [1, 1], kernel: [2, 2] }),
      },
      activation8("x", [1, 3, 3, 2]),
      activation8("y", [1, 3, 3, 2]),
    ),
  ),
  buildTflite(
    single(
      { op: "STRIDED_SLICE", options: plainOptions(32, { int32: 1 }, { int32: 0 }) },
      float("x", [3, 4]),
      indices("begin", [0, 1]),
      indices("end", [2, 4]),
      indices("strides", [1, 2]),
      float("y", [2, 2]),
    ),
  ),
  buildTflite({
    tensors: [
      float("x", [1, 4]),
      {
        name: "w",
        type: "int4",
        shape: [2, 4],
        data: Uint8Array.of(0x12, 0xf8, 0x70, 0x07),
        scale: [0.5],
        zeroPoint: [0],
      },
      float("h", [1, 2]),
      float("s", [1, 2]),
      indices("axis", [1]),
      float("y", [1]),
    ],
    operators: [
      {
        op: "FULLY_CONNECTED",
        inputs: ["x", "w", null],
        outputs: ["h"],
        options: plainOptions(8, { int8: fused.relu }),
      },
      { op: "SOFTMAX", inputs: ["h"], outputs: ["s"], options: plainOptions(9, { float32: 1 }) },
      { op: "MEAN", inputs: ["s", "axis"], outputs: ["y"] },
    ],
    inputs: ["x"],
    outputs: ["y"],
  }),
];

export const tfliteSamples: [name: string, bytes: Uint8Array][] = [
  ...Object.entries(sampleFiles)
    .filter(([name]) => name !== "unsupported")
    .map(([name, make]): [string, Uint8Array] => [name, make()]),
  ["signal", signalFile()],
  ...tfliteMore().map((bytes, i): [string, Uint8Array] => [`more ${i}`, bytes]),
];

/** A llama2.c checkpoint with a context of 2 and 3 words. */
export function checkpointSample(): Uint8Array {
  const [dim, hidden, layers, heads, kvHeads, vocabulary, context] = [4, 3, 1, 2, 1, 3, 2];
  const kvDim = (dim / heads) * kvHeads;
  const perLayer = 2 * dim + 2 * dim * dim + 2 * kvDim * dim + 3 * hidden * dim;
  const values = vocabulary * dim + layers * perLayer + dim + context * (dim / heads);
  const bytes = new Uint8Array(28 + 4 * values);
  new Int32Array(bytes.buffer, 0, 7).set([dim, hidden, layers, heads, kvHeads, vocabulary, context]);
  const random = randomFrom(3);
  new Float32Array(bytes.buffer, 28).set(Array.from({ length: values }, () => random.real(-1, 1)));
  return bytes;
}

const array = () => writeNpy({ dtype: "float32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });

function wav(): Uint8Array {
  const file = new wavefile.WaveFile();
  file.fromScratch(2, 16000, "16", [
    [1, 2, 3, 4],
    [-1, -2, -3, -4],
  ]);
  return file.toBuffer();
}

/** Files that hold samples, by their extension. */
export const sampleSamples: [name: string, bytes: Uint8Array][] = [
  ["npy", array()],
  ["npz", zipSync({ "a.npy": array(), "b.npy": array() })],
  ["wav", wav()],
];

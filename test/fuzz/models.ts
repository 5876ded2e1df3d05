/** Small packed models that between them hold every operator of the engine. */

import {
  type Attributes,
  arrayOf,
  type DType,
  elementCount,
  type Graph,
  type Node,
  noActivation,
  type OperatorName,
  type RecurrentCell,
  type Rounding,
  type State,
  type Tensor,
  type UnaryKind,
} from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import {
  activationTensor,
  constantOf,
  drawValues,
  graphOf,
  type Kind,
  node,
  quantization,
  randomFrom,
  unpadded,
} from "../helpers/graphs.ts";
import { microGraph, spectrumGraph } from "./audio-model.ts";
import { int16Network } from "./int16-model.ts";
import { movementNetwork } from "./movement-model.ts";

const plain = { activation: noActivation };
const around = { top: 1, left: 1, bottom: 1, right: 1 };

/** Builds nodes one after another; every call answers the tensor it made. */
function chain(kind: Kind, seed: number) {
  const random = randomFrom(seed);
  const nodes: Node[] = [];
  const isFloat = kind === "float32";
  const zero = kind === "uint8" ? 131 : 3;
  let count = 0;
  const make = (shape: number[], scale = 0.05): Tensor =>
    activationTensor(`t${count++}`, kind, shape, scale, zero);
  const add = (n: Node): Tensor => {
    nodes.push(n);
    return n.outputs[0]!;
  };
  const weights = (shape: number[], axis: number): Tensor => {
    const scales = Array.from({ length: shape[axis]! }, () => random.real(0.001, 0.004));
    const tensor: Tensor = { name: `w${count++}`, dtype: kind, shape };
    if (!isFloat)
      tensor.quantization = kind === "uint8" ? quantization(0.003, 120) : quantization(scales, 0, axis);
    return constantOf(tensor, drawValues(random, kind, elementCount(shape)));
  };
  const bias = (n: number): Tensor => {
    const type = isFloat ? "float32" : "int32";
    return {
      name: `b${count++}`,
      dtype: type,
      shape: [n],
      data: (arrayOf(type) as typeof Int32Array).from({ length: n }, () => random.int(-500, 500)),
    };
  };
  return { nodes, make, add, weights, bias };
}

function network(kind: Kind, rounding: Rounding, seed: number): Graph {
  const { nodes, make, add, weights, bias } = chain(kind, seed);
  const isFloat = kind === "float32";
  const input = activationTensor(
    "input",
    kind === "int8" ? "float32" : kind,
    [1, 6, 5, 3],
    0.05,
    kind === "uint8" ? 131 : 3,
  );
  let x = input;
  if (kind === "int8") x = add(node("quantize", [x], make([1, 6, 5, 3]), {}));
  const window = {
    stride: [1, 1] as [number, number],
    dilation: [1, 1] as [number, number],
    padding: around,
    activation: noActivation,
  };
  x = add(
    node("conv2d", [x, weights([10, 3, 3, 3], 0), bias(10)], make([1, 6, 5, 10]), { ...window, groups: 1 }),
  );
  const branch = add(
    node("depthwiseConv2d", [x, weights([1, 3, 3, 10], 3), bias(10)], make([1, 6, 5, 10]), {
      ...window,
      multiplier: 1,
    }),
  );
  x = add(node("add", [x, branch], make([1, 6, 5, 10]), { activation: { min: 0, max: 6 } }));
  x = add(
    node("maxPool2d", [x], make([1, 3, 3, 10]), {
      kernel: [2, 2],
      stride: [2, 2],
      padding: { ...unpadded, right: 1 },
      activation: noActivation,
    }),
  );
  const halves = add(
    node("conv2d", [x, weights([6, 2, 1, 5], 0), null], make([1, 3, 3, 6]), {
      ...window,
      padding: { ...unpadded, top: 1 },
      groups: 2,
    }),
  );
  const pointwise = add(
    node("conv2d", [x, weights([9, 1, 1, 10], 0), bias(9)], make([1, 3, 3, 9], 0.02), {
      ...window,
      padding: unpadded,
      groups: 1,
    }),
  );
  x = add(node("concat", [halves, pointwise], make([1, 3, 3, 15]), { axis: 3, activation: noActivation }));
  x = add(
    node("averagePool2d", [x], make([1, 2, 3, 15]), {
      kernel: [2, 3],
      stride: [1, 1],
      padding: { ...unpadded, left: 1, right: 1 },
      activation: noActivation,
      countIncludePad: true,
    }),
  );
  x = add(node("pad", [x], make([1, 3, 4, 15]), { before: [0, 1, 0, 0], after: [0, 0, 1, 0], value: 0 }));
  x = add(node("transpose", [x], make([1, 4, 3, 15]), { perm: [0, 2, 1, 3] }));
  const gate = add(node("unary", [x], make([1, 4, 3, 15], 0.01), { kind: "logistic" }));
  x = add(node("mul", [x, gate], make([1, 4, 3, 15], 0.03), plain));
  const factor = constantOf(make([15]), drawValues(randomFrom(seed + 1), kind, 15));
  x = add(node("sub", [x, factor], make([1, 4, 3, 15]), plain));
  if (isFloat)
    for (const unary of [
      "abs",
      "sqrt",
      "hardSwish",
      "gelu",
      "elu",
      "tanh",
      "softplus",
      "log",
      "exp",
    ] as UnaryKind[])
      x = add(node("unary", [x], make([1, 4, 3, 15]), { kind: unary }));
  x = add(node("mean", [x], make([1, 15]), { axes: [1, 2], keepDims: false }));
  x = add(node("reshape", [x], make([3, 5]), {}));
  x = add(node("fullyConnected", [x, weights([7, 5], 0), bias(7)], make([3, 7]), plain));
  const softmaxEnd =
    kind === "int8" ? activationTensor("p", "int8", [3, 7], 1 / 256, -128) : make([3, 7], 0.005);
  const probabilities = add(node("softmax", [x], softmaxEnd, { beta: 1 }));
  const outputs = [x];
  outputs.push(
    kind === "int8"
      ? add(node("dequantize", [probabilities], activationTensor("scores", "float32", [3, 7]), {}))
      : probabilities,
  );
  return graphOf(nodes, rounding, outputs);
}

/** Reductions, normalisation and resampling, with their tables in the weights. */
function resampling(): Graph {
  const { nodes, make, add } = chain("float32", 5);
  const x = make([1, 3, 4, 5]);
  const vector = (seed: number) => constantOf(make([5]), drawValues(randomFrom(seed), "float32", 5));
  const form = { centered: true, isSum: false, floor: false, epsilon: 1e-5 };
  const normal = add(node("normalize", [x, vector(1), vector(2)], make([1, 3, 4, 5]), form));
  const rows = {
    taps: 2,
    index: Int32Array.of(0, 1, 1, 2, 2, 2),
    weight: Float32Array.of(1, 0, 0.5, 0.5, 1, 0),
  };
  const columns = { taps: 1, index: Int32Array.of(3, 0), weight: Float32Array.of(1, 1) };
  const resized = add(node("resize2d", [normal], make([1, 3, 2, 5]), { axis: 1, rows, columns }));
  const spread = add(
    node("dilate", [resized], make([1, 5, 3, 5]), { before: [0, 0, 0, 0], step: [1, 2, 2, 1] }),
  );
  const running = add(
    node("cumsum", [spread], make([1, 5, 3, 5]), { axis: 1, exclusive: true, reverse: true }),
  );
  const sums = (["sum", "max", "min", "prod"] as const).map((kind) =>
    add(node("reduce", [running], make([1, 3, 5]), { kind, axes: [1], keepDims: false })),
  );
  const argument = { kind: "max", axis: 1, keepDims: true, last: true } as const;
  const at = add(node("argExtreme", [running], activationTensor("at", "int64", [1, 1, 3, 5]), argument));
  return graphOf(nodes, "single", [...sums, at]);
}

/** The same layers with weights from −8 to 7, which the file holds in 4 bits. */
function narrowed(graph: Graph): Graph {
  for (const { inputs } of graph.nodes) {
    const { data } = inputs[1] ?? {};
    if (data instanceof Int8Array) for (const [i, w] of data.entries()) data[i] = w >> 4;
  }
  return graph;
}

/** Two layers, of which the second has weights in one block of eight columns × four k only. */
function sparseNetwork(): Graph {
  const random = randomFrom(7);
  const tensor = (name: string, shape: number[]) => activationTensor(name, "int8", shape, 0.05, 3);
  const layer = (name: string, n: number, k: number, keeps: (i: number) => boolean): Tensor => ({
    ...constantOf(
      { name, dtype: "int8", shape: [n, k], quantization: quantization(0.01, 0) },
      (drawValues(random, "int8", n * k) as Int8Array).map((w, i) => (keeps(i) ? w : 0)),
    ),
  });
  const [x, y, z] = [tensor("x", [3, 30]), tensor("y", [3, 17]), tensor("z", [3, 9])];
  return graphOf([
    node("fullyConnected", [x, layer("v", 17, 30, (i) => i % 30 >= 26), null], y, plain),
    node("fullyConnected", [y, layer("w", 9, 17, (i) => i < 4), null], z, plain),
  ]);
}

function dynamicNetwork(): Graph {
  const random = randomFrom(6);
  const float = (name: string, shape: number[]): Tensor => ({ name, dtype: "float32", shape });
  const weights = (name: string, n: number, k: number, blockSize: number): Tensor => {
    const scales = Array.from({ length: n * Math.ceil(k / blockSize) }, () => random.real(0.01, 0.1));
    const data = Int8Array.from({ length: n * k }, () => random.int(-8, 7));
    return { name, dtype: "int8", shape: [n, k], quantization: quantization(scales, 0), data };
  };
  const [x, y, z] = [float("x", [3, 21]), float("y", [3, 10]), float("z", [3, 5])];
  const attributes = { activation: noActivation, bits: 4 as const };
  return graphOf([
    node("dynamicFullyConnected", [x, weights("v", 10, 21, 8), null], y, { ...attributes, blockSize: 8 }),
    node("dynamicFullyConnected", [y, weights("w", 5, 10, 16), null], z, { ...attributes, blockSize: 16 }),
  ]);
}

/** Two heads of attention over three positions, with everything computed. */
function attentionNetwork(): Graph {
  const float = (name: string, shape: number[]): Tensor => ({ name, dtype: "float32", shape });
  const [query, key, value] = [float("query", [2, 3, 5]), float("key", [1, 9, 5]), float("value", [2, 9, 4])];
  const [scores, shares, mixed] = [
    float("scores", [2, 3, 9]),
    float("shares", [2, 3, 9]),
    float("mixed", [2, 3, 4]),
  ];
  const bias = float("bias", [9]);
  const straight = { transposeA: false, transposeB: false };
  return graphOf([
    node("matmul", [query, key, bias], scores, { ...straight, transposeB: true, ...plain }),
    node("softmax", [scores], shares, { beta: 1 }),
    node("matmul", [shares, value, null], mixed, { ...straight, activation: { min: -1, max: 1 } }),
  ]);
}

/** Comparisons, arithmetic of every type, choices and casts. */
function elementwise(): Graph {
  const nodes: Node[] = [];
  let count = 0;
  const add = <K extends OperatorName>(
    op: K,
    inputs: Tensor[],
    dtype: DType,
    shape: number[],
    attributes: Attributes[K],
  ): Tensor => {
    const y: Tensor = { name: `t${count++}`, dtype, shape };
    nodes.push(node(op, inputs, y, attributes));
    return y;
  };
  const x: Tensor = { name: "x", dtype: "float32", shape: [2, 3, 5] };
  const whole = add("cast", [x], "int32", [2, 3, 5], {});
  const long = add("cast", [whole], "int64", [2, 3, 5], {});
  const five = constantOf(
    { name: "five", dtype: "int64", shape: [1, 5] },
    BigInt64Array.of(3n, -2n, 5n, -1n, 0n),
  );
  const rest = add("binary", [long, five], "int64", [2, 3, 5], { kind: "floorMod", ...plain });
  const sum = add("add", [rest, long], "int64", [2, 3, 5], plain);
  const near = add("binary", [sum, five], "bool", [2, 3, 5], { kind: "greater", ...plain });
  const exponent = constantOf(
    { name: "exponent", dtype: "float32", shape: [3, 1] },
    Float32Array.of(2, -1, 3),
  );
  const power = add("binary", [x, exponent], "float32", [2, 3, 5], { kind: "pow", ...plain });
  const quotient = add("binary", [power, x], "float32", [2, 3, 5], { kind: "div", ...plain });
  const far = add("binary", [quotient, x], "bool", [2, 3, 5], { kind: "less", ...plain });
  const both = add("binary", [near, far], "bool", [2, 3, 5], { kind: "xor", ...plain });
  const chosen = add("select", [both, quotient, exponent], "float32", [2, 3, 5], {});
  const wave = add("unary", [chosen], "float32", [2, 3, 5], { kind: "sin" });
  const bytes = add("cast", [both], "uint8", [2, 3, 5], {});
  return graphOf(nodes, "single", [wave, sum, bytes]);
}

/** Each cell once, behind one another; all but the last begin with a state and leave it. */
function recurrentNetwork(): Graph {
  const random = randomFrom(8);
  const nodes: Node[] = [];
  const states: State[] = [];
  const float = (name: string, shape: number[]): Tensor => ({ name, dtype: "float32", shape });
  const constant = (name: string, shape: number[]): Tensor =>
    constantOf(float(name, shape), drawValues(random, "float32", elementCount(shape)));
  const [steps, batch, hidden] = [3, 2, 5];
  const input = float("x", [steps, batch, hidden]);
  let x = input;
  const gates = { lstm: 4, gru: 3, gruResetAfter: 3, rnn: 1 };
  for (const [cell, count] of Object.entries(gates) as [RecurrentCell, number][]) {
    const rows = count * hidden;
    const begins = (cell === "lstm" ? ["h", "c"] : ["h"]).map((s) => float(`${cell}/${s}`, [batch, hidden]));
    const ends = begins.map(({ name, shape }) => float(`${name}/next`, shape));
    const y = float(cell, [steps, batch, hidden]);
    const weights = [constant(`${cell}/w`, [rows, hidden]), constant(`${cell}/r`, [rows, hidden])];
    const biases = [
      constant(`${cell}/b`, [rows]),
      cell === "gruResetAfter" ? constant("rb", [hidden]) : null,
    ];
    const attributes = { cell, reverse: cell === "gru", cellClip: 2 };
    const inputs = [x, ...weights, ...biases, ...begins];
    nodes.push({ op: "recurrent", name: cell, inputs, outputs: [y, ...ends], attributes });
    states.push(...begins.map((value, i) => ({ name: value.name, value, next: ends[i]! })));
    x = y;
  }
  return { ...graphOf(nodes, "single", [x]), inputs: [input], states };
}

function lstmNetwork(): Graph {
  const random = randomFrom(9);
  const [steps, batch, input, hidden] = [2, 1, 9, 6];
  const q = (name: string, shape: number[]) => activationTensor(name, "int8", shape, 0.0078, 5);
  const c = (name: string): Tensor => ({
    name,
    dtype: "int16",
    shape: [batch, hidden],
    quantization: quantization(2 ** -11, 0),
  });
  const weights = (name: string, k: number): Tensor => ({
    name,
    dtype: "int8",
    shape: [4 * hidden, k],
    quantization: quantization(0.01, 0),
    data: drawValues(random, "int8", 4 * hidden * k),
  });
  const bias: Tensor = {
    name: "b",
    dtype: "int32",
    shape: [4 * hidden],
    data: new Int32Array(4 * hidden).fill(99),
  };
  const [x, y, h, h2] = [
    q("x", [steps, batch, input]),
    q("y", [steps, batch, hidden]),
    q("h", [batch, hidden]),
    q("h2", [batch, hidden]),
  ];
  const [c1, c2] = [c("c"), c("c2")];
  const made: Node = {
    op: "recurrent",
    name: "lstm",
    inputs: [x, weights("w", input), weights("r", hidden), bias, null, h, c1],
    outputs: [y, h2, c2],
    attributes: { cell: "lstm", reverse: false, cellClip: 10 },
  };
  const states: State[] = [
    { name: "h", value: h, next: h2, initial: new Int8Array(hidden).fill(5) },
    { name: "c", value: c1, next: c2 },
  ];
  return { ...graphOf([made], "double", [y]), inputs: [x], states };
}

/** What onnxruntime's dynamic quantization writes, and a convolution of integers. */
function integers(): Graph {
  const random = randomFrom(8);
  const plainTensor = (name: string, dtype: DType, shape: number[]): Tensor => ({ name, dtype, shape });
  const layout = { axis: 1, block: 0 };
  const x = plainTensor("x", "float32", [2, 8]);
  const scale = plainTensor("scale", "float32", []);
  const zero = plainTensor("zero", "uint8", []);
  const [q, c] = [plainTensor("q", "uint8", [2, 8]), plainTensor("c", "int16", [2, 8])];
  const weights = { ...plainTensor("w", "int8", [6, 8]), data: drawValues(random, "int8", 48) };
  const [sums, y] = [plainTensor("sums", "int32", [2, 6]), plainTensor("y", "float32", [2, 6])];
  const scales = { ...plainTensor("s", "float32", [6]), data: Float32Array.of(1, 2, 3, 4, 5, 6) };
  const taps = { ...plainTensor("taps", "int16", [2, 2, 2, 1]), data: new Int16Array(8).fill(-9) };
  const image = plainTensor("image", "int16", [1, 4, 2, 2]);
  const map = plainTensor("map", "int32", [1, 4, 2, 2]);
  const window = { top: 1, left: 0, bottom: 0, right: 1 };
  return graphOf(
    [
      node("dynamicRange", [x], scale, {}),
      node("dynamicRange", [x], zero, {}),
      node("quantizeLinear", [x, scale, zero], q, { ...layout, multiplies: false }),
      node("center", [q, zero], c, { axis: 0 }),
      node("integerMatMul", [c, weights], sums, {}),
      node("dequantizeLinear", [sums, scales, null], y, layout),
      node("reshape", [c], image, {}),
      node("integerConv2d", [image, taps, null], map, {
        stride: [1, 1],
        dilation: [1, 1],
        padding: window,
        groups: 2,
      }),
    ],
    "single",
    [y, map],
  );
}

/** Name and bytes of each. */
export function fuzzModels(): [name: string, bytes: Uint8Array][] {
  return [
    ["int8, single rounding", pack(network("int8", "single", 1), { metadata: { labels: ["a", "b"] } }).bytes],
    ["int8, double rounding", pack(network("int8", "double", 2)).bytes],
    ["uint8 with asymmetric weights", pack(network("uint8", "single", 3), { keepAll: true }).bytes],
    ["reductions and resampling", pack(resampling()).bytes],
    ["int8, weights stored in 4 bits", pack(narrowed(network("int8", "single", 5)), { narrow: true }).bytes],
    ["int8 with blocks of zeros", pack(sparseNetwork()).bytes],
    ["dynamic activations, 4-bit weights", pack(dynamicNetwork()).bytes],
    ["recurrent cells with state", pack(recurrentNetwork()).bytes],
    ["int8 LSTM with state", pack(lstmNetwork()).bytes],
    ["moved by indices", pack(movementNetwork()).bytes],
    ["float32", pack(network("float32", "single", 4), { report: { layers: [] } }).bytes],
    ["integers with scales of run time", pack(integers()).bytes],
    ["elementwise", pack(elementwise()).bytes],
    ["int16", pack(int16Network()).bytes],
    ["a spectrum", pack(spectrumGraph()).bytes],
    ["TFLite Micro's front end", pack(microGraph()).bytes],
    ["attention", pack(attentionNetwork()).bytes],
  ];
}

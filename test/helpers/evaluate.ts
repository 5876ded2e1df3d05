/**
 * Computes a graph in real numbers, slowly and plainly: tensors are dequantized when read and rounded to their
 * own scale when written. It follows nobody's rounding, so quantized results come out a step or so off; what
 * it checks is that a graph means what its source meant.
 */
import { elementCount, type Graph, type Node, type NodeOf, type Tensor } from "../../src/graph/graph.ts";
import { runReference } from "../reference/run.ts";

type Values = Float64Array;

const range: Partial<Record<Tensor["dtype"], [number, number]>> = { int8: [-128, 127], uint8: [0, 255] };

const parameter = (tensor: Tensor, i: number): [scale: number, zeroPoint: number] => {
  const { scale, zeroPoint, axis } = tensor.quantization!;
  if (scale.length === 1) return [scale[0], zeroPoint[0]];
  const c = Math.floor(i / elementCount(tensor.shape.slice(axis + 1))) % scale.length;
  return [scale[c], zeroPoint[c]];
};

/** Stored numbers to real ones. int32 is left alone: biases get their scale from input and weights. */
function toReal(tensor: Tensor, stored: ArrayLike<number | bigint>): Values {
  return Float64Array.from(stored as ArrayLike<number>, (value, i) => {
    if (!range[tensor.dtype] || !tensor.quantization) return Number(value);
    const [scale, zeroPoint] = parameter(tensor, i);
    return scale * (Number(value) - zeroPoint);
  });
}

/** Real numbers to stored ones. */
function toStored(tensor: Tensor, real: Values): Values {
  const bounds = range[tensor.dtype];
  if (!bounds || !tensor.quantization) return real;
  return real.map((value, i) => {
    const [scale, zeroPoint] = parameter(tensor, i);
    return Math.min(bounds[1], Math.max(bounds[0], Math.round(value / scale) + zeroPoint));
  });
}

const clamp = (value: number, { min, max }: { min: number; max: number }) =>
  Math.min(max, Math.max(min, value));

function strides(shape: readonly number[]): number[] {
  return shape.map((_, i) => elementCount(shape.slice(i + 1)));
}

/** Calls `visit` with the index of every element of `shape`, in order; the array is reused. */
function each(shape: readonly number[], visit: (index: number[], flat: number) => void): void {
  const index = shape.map(() => 0);
  const count = elementCount(shape);
  for (let flat = 0; flat < count; flat++) {
    visit(index, flat);
    for (let d = shape.length - 1; d >= 0 && ++index[d] === shape[d]; d--) index[d] = 0;
  }
}

/** Bias in real units: an int32 bias counts in steps of input scale × weight scale. */
function biasOf(node: Node, x: Tensor, weights: Tensor, values: Values | null, o: number): number {
  if (!values) return 0;
  if (node.inputs[2]!.dtype !== "int32") return values[o];
  const { scale } = weights.quantization!;
  return values[o] * x.quantization!.scale[0] * (scale.length === 1 ? scale[0] : scale[o]);
}

function convolve(node: NodeOf<"conv2d"> | NodeOf<"depthwiseConv2d">, inputs: (Values | null)[]): Values {
  const [x, weights] = node.inputs as Tensor[];
  const [y] = node.outputs;
  const { stride, dilation, padding, activation } = node.attributes;
  const [, height, width, channels] = x.shape;
  const isDepthwise = node.op === "depthwiseConv2d";
  const [, kernelH, kernelW, last] = weights.shape;
  const perGroup = isDepthwise ? 1 : last;
  const outputs = y.shape[3];
  const groups = isDepthwise ? channels : node.attributes.groups;
  const out = new Float64Array(elementCount(y.shape));
  const [data, w, bias] = inputs;
  each(y.shape, ([n, row, column, o], flat) => {
    let sum = biasOf(node, x, weights, bias, o);
    const first = Math.floor(o / (outputs / groups)) * perGroup;
    for (let p = 0; p < kernelH; p++) {
      const h = row * stride[0] - padding.top + p * dilation[0];
      if (h < 0 || h >= height) continue;
      for (let q = 0; q < kernelW; q++) {
        const v = column * stride[1] - padding.left + q * dilation[1];
        if (v < 0 || v >= width) continue;
        const at = ((n * height + h) * width + v) * channels + first;
        const tap = isDepthwise ? (p * kernelW + q) * last + o : ((o * kernelH + p) * kernelW + q) * last;
        for (let i = 0; i < perGroup; i++) sum += data![at + i] * w![tap + i];
      }
    }
    out[flat] = clamp(sum, activation);
  });
  return out;
}

function fullyConnected(node: NodeOf<"fullyConnected">, [data, w, bias]: (Values | null)[]): Values {
  const [x, weights] = node.inputs as Tensor[];
  const [n, k] = weights.shape;
  return new Float64Array(elementCount(node.outputs[0].shape)).map((_, flat) => {
    const o = flat % n;
    const row = Math.floor(flat / n);
    let sum = biasOf(node, x, weights, bias, o);
    for (let i = 0; i < k; i++) sum += data![row * k + i] * w![o * k + i];
    return clamp(sum, node.attributes.activation);
  });
}

function matmul(node: NodeOf<"matmul">, [left, right, bias]: (Values | null)[]): Values {
  const [a, b] = node.inputs as Tensor[];
  const { transposeA, transposeB, activation } = node.attributes;
  const { shape } = node.outputs[0];
  const k = a.shape[a.shape.length - (transposeA ? 2 : 1)];
  const out = new Float64Array(elementCount(shape));
  const offset = (tensor: Tensor, index: number[]) => {
    const steps = strides(tensor.shape);
    const lead = shape.length - tensor.shape.length;
    return steps.slice(0, -2).reduce((at, s, d) => at + (tensor.shape[d] === 1 ? 0 : index[lead + d] * s), 0);
  };
  each(shape, (index, flat) => {
    const [m, n] = index.slice(-2);
    const [p, q] = [offset(a, index), offset(b, index)];
    const [columnsA, columnsB] = [a.shape[a.shape.length - 1], b.shape[b.shape.length - 1]];
    let sum = bias ? bias[n] : 0;
    for (let i = 0; i < k; i++)
      sum +=
        left![p + (transposeA ? i * columnsA + m : m * columnsA + i)] *
        right![q + (transposeB ? n * columnsB + i : i * columnsB + n)];
    out[flat] = clamp(sum, activation);
  });
  return out;
}

function pool(node: NodeOf<"averagePool2d"> | NodeOf<"maxPool2d">, data: Values): Values {
  const [x] = node.inputs as Tensor[];
  const [y] = node.outputs;
  const { stride, kernel, padding, activation } = node.attributes;
  const [, height, width, channels] = x.shape;
  const out = new Float64Array(elementCount(y.shape));
  each(y.shape, ([n, row, column, c], flat) => {
    const found: number[] = [];
    for (let p = 0; p < kernel[0]; p++) {
      for (let q = 0; q < kernel[1]; q++) {
        const h = row * stride[0] - padding.top + p;
        const v = column * stride[1] - padding.left + q;
        if (h < 0 || h >= height || v < 0 || v >= width) continue;
        found.push(data[((n * height + h) * width + v) * channels + c]);
      }
    }
    const value =
      node.op === "maxPool2d" ? Math.max(...found) : found.reduce((a, b) => a + b, 0) / found.length;
    out[flat] = clamp(value, activation);
  });
  return out;
}

function binary(node: NodeOf<"add"> | NodeOf<"sub"> | NodeOf<"mul">, inputs: Values[]): Values {
  const [y] = node.outputs;
  const out = new Float64Array(elementCount(y.shape));
  const pick = (operand: 0 | 1, index: number[]) => {
    const { shape } = node.inputs[operand]!;
    const step = strides(shape);
    const own = index.slice(index.length - shape.length);
    return inputs[operand][own.reduce((at, i, d) => at + (shape[d] === 1 ? 0 : i * step[d]), 0)];
  };
  each(y.shape, (index, flat) => {
    const a = pick(0, index);
    const b = pick(1, index);
    out[flat] = clamp(
      node.op === "add" ? a + b : node.op === "sub" ? a - b : a * b,
      node.attributes.activation,
    );
  });
  return out;
}

/** `compute` on the elements that broadcasting brings together. */
function pairs(
  tensors: Tensor[],
  y: Tensor,
  inputs: Values[],
  compute: (a: number, b: number, c?: number) => number,
): Values {
  const out = new Float64Array(elementCount(y.shape));
  const steps = tensors.map(({ shape }) => strides(shape));
  each(y.shape, (index, flat) => {
    const [a, b, c] = tensors.map(({ shape }, i) => {
      const own = index.slice(index.length - shape.length);
      return inputs[i][own.reduce((at, n, d) => at + (shape[d] === 1 ? 0 : n * steps[i][d]), 0)];
    });
    out[flat] = compute(a, b, c);
  });
  return out;
}

function general(node: NodeOf<"binary">, inputs: Values[]): Values {
  const { kind, activation } = node.attributes;
  const isWhole = node.inputs[0]!.dtype !== "float32";
  const compute: Record<typeof kind, (a: number, b: number) => number> = {
    and: (a, b) => Number(a && b),
    div: (a, b) => (isWhole ? Math.trunc(a / b) : a / b),
    equal: (a, b) => Number(a === b),
    floorDiv: (a, b) => Math.floor(a / b),
    floorMod: (a, b) => a - b * Math.floor(a / b),
    greater: (a, b) => Number(a > b),
    greaterEqual: (a, b) => Number(a >= b),
    less: (a, b) => Number(a < b),
    lessEqual: (a, b) => Number(a <= b),
    maximum: (a, b) => Math.max(a, b),
    minimum: (a, b) => Math.min(a, b),
    notEqual: (a, b) => Number(a !== b),
    or: (a, b) => Number(a || b),
    pow: (a, b) => a ** b,
    prelu: (a, b) => (a < 0 ? a * b : a),
    remainder: (a, b) => a % b,
    squaredDifference: (a, b) => (a - b) ** 2,
    xor: (a, b) => Number(a !== b),
  };
  return pairs(node.inputs as Tensor[], node.outputs[0], inputs, compute[kind]).map((v) =>
    clamp(v, activation),
  );
}

/** Abramowitz and Stegun 7.1.26, good to 1.5e-7. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}

function unary({ attributes: a }: NodeOf<"unary">, x: number): number {
  switch (a.kind) {
    case "abs":
      return Math.abs(x);
    case "clip":
      return clamp(x, { min: a.min!, max: a.max! });
    case "exp":
      return Math.exp(x);
    case "gelu":
      return a.approximate
        ? 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
        : 0.5 * x * (1 + erf(x / Math.SQRT2));
    case "hardSwish":
      return (x * clamp(x + 3, { min: 0, max: 6 })) / 6;
    case "leakyRelu":
      return x < 0 ? a.alpha! * x : x;
    case "logistic":
      return 1 / (1 + Math.exp(-x));
    case "relu":
      return Math.max(0, x);
    case "rsqrt":
      return 1 / Math.sqrt(x);
    case "sqrt":
      return Math.sqrt(x);
    case "tanh":
      return Math.tanh(x);
    default:
      throw new Error(`unary ${a.kind} is not evaluated`);
  }
}

function mean(node: NodeOf<"mean">, data: Values): Values {
  const { shape } = node.inputs[0]!;
  const { axes } = node.attributes;
  const kept = shape.map((d, i) => (axes.includes(i) ? 1 : d));
  const step = strides(kept);
  const out = new Float64Array(elementCount(kept));
  const count = data.length / out.length;
  each(shape, (index, flat) => {
    const at = index.reduce((sum, i, d) => sum + (axes.includes(d) ? 0 : i * step[d]), 0);
    out[at] += data[flat] / count;
  });
  return out;
}

function softmax(node: NodeOf<"softmax">, data: Values): Values {
  const length = node.outputs[0].shape.at(-1)!;
  const out = new Float64Array(data.length);
  for (let row = 0; row < data.length; row += length) {
    const top = Math.max(...data.subarray(row, row + length));
    const powers = data.subarray(row, row + length).map((x) => Math.exp((x - top) * node.attributes.beta));
    const sum = powers.reduce((a, b) => a + b, 0);
    out.set(
      powers.map((p) => p / sum),
      row,
    );
  }
  return out;
}

function transpose(node: NodeOf<"transpose">, data: Values): Values {
  const step = strides(node.inputs[0]!.shape);
  const { perm } = node.attributes;
  const out = new Float64Array(data.length);
  each(node.outputs[0].shape, (index, flat) => {
    out[flat] = data[index.reduce((at, i, d) => at + i * step[perm[d]], 0)];
  });
  return out;
}

function pad(node: NodeOf<"pad">, data: Values): Values {
  const { shape } = node.inputs[0]!;
  const { before, value } = node.attributes;
  const step = strides(shape);
  const out = new Float64Array(elementCount(node.outputs[0].shape)).fill(value);
  each(node.outputs[0].shape, (index, flat) => {
    const own = index.map((i, d) => i - before[d]);
    if (own.every((i, d) => i >= 0 && i < shape[d]))
      out[flat] = data[own.reduce((at, i, d) => at + i * step[d], 0)];
  });
  return out;
}

function concat(node: NodeOf<"concat">, inputs: Values[]): Values {
  const { axis, activation } = node.attributes;
  const out = new Float64Array(elementCount(node.outputs[0].shape));
  const outer = elementCount(node.outputs[0].shape.slice(0, axis));
  let at = 0;
  for (let i = 0; i < outer; i++) {
    for (const values of inputs) {
      const chunk = values.length / outer;
      out.set(values.subarray(i * chunk, (i + 1) * chunk), at);
      at += chunk;
    }
  }
  return out.map((value) => clamp(value, activation));
}

/** Operators that hand values on as they are, by the reference, on real numbers. */
function moved(node: Node, inputs: Values[]): Values {
  const real: Tensor = { name: node.name, dtype: "float32", shape: node.outputs[0].shape };
  const alone = { ...node, outputs: [real] } as Node;
  const tensors = node.inputs.map((tensor) => ({ ...tensor!, data: undefined }) as unknown as Tensor);
  const graph: Graph = {
    name: node.name,
    nodes: [{ ...alone, inputs: tensors } as Node],
    inputs: tensors,
    outputs: [real],
    rounding: "single",
  };
  const results = runReference(
    graph,
    inputs.map((values) => Float32Array.from(values)),
  );
  return Float64Array.from(results.get(real) as Float32Array);
}

function reduce(node: NodeOf<"reduce">, data: Values): Values {
  const { shape } = node.inputs[0]!;
  const { kind, axes } = node.attributes;
  const kept = shape.map((d, axis) => (axes.includes(axis) ? 1 : d));
  const groups = Array.from({ length: elementCount(kept) }, (): number[] => []);
  each(shape, (index, flat) => {
    groups[index.reduce((at, i, axis) => at * kept[axis] + (kept[axis] === 1 ? 0 : i), 0)].push(data[flat]);
  });
  const of = {
    sum: (row: number[]) => row.reduce((a, b) => a + b, 0),
    prod: (row: number[]) => row.reduce((a, b) => a * b, 1),
    max: (row: number[]) => Math.max(...row),
    min: (row: number[]) => Math.min(...row),
  };
  return Float64Array.from(groups, of[kind]);
}

function resize2d(node: NodeOf<"resize2d">, data: Values): Values {
  const { shape } = node.inputs[0]!;
  const [y] = node.outputs;
  const { axis, rows, columns } = node.attributes;
  const out = new Float64Array(elementCount(y.shape));
  each(y.shape, (index, flat) => {
    for (let r = index[axis] * rows.taps; r < (index[axis] + 1) * rows.taps; r++)
      for (let c = index[axis + 1] * columns.taps; c < (index[axis + 1] + 1) * columns.taps; c++) {
        const from = index.map((i, d) =>
          d === axis ? rows.index[r] : d === axis + 1 ? columns.index[c] : i,
        );
        out[flat] +=
          rows.weight[r] * columns.weight[c] * data[from.reduce((at, i, d) => at * shape[d] + i, 0)];
      }
  });
  return out;
}

function evaluateNode(node: Node, inputs: (Values | null)[]): Values {
  const present = inputs as Values[];
  switch (node.op) {
    case "conv2d":
    case "depthwiseConv2d":
      return convolve(node, inputs);
    case "fullyConnected":
      return fullyConnected(node, inputs);
    case "matmul":
      return matmul(node, inputs);
    case "averagePool2d":
    case "maxPool2d":
      return pool(node, present[0]);
    case "add":
    case "sub":
    case "mul":
      return binary(node, present);
    case "binary":
      return general(node, present);
    case "select":
      return pairs(node.inputs as Tensor[], node.outputs[0], present, (c, a, b) => (c ? a : b!));
    case "cast":
      return node.outputs[0].dtype === "float32" ? present[0] : present[0].map(Math.trunc);
    case "unary":
      return present[0].map((x) => unary(node, x));
    case "mean":
      return mean(node, present[0]);
    case "softmax":
      return softmax(node, present[0]);
    case "transpose":
      return transpose(node, present[0]);
    case "pad":
      return pad(node, present[0]);
    case "concat":
      return concat(node, present);
    case "reshape":
    case "quantize":
    case "dequantize":
      return present[0];
    case "slice":
    case "expand":
    case "gather":
    case "gatherNd":
    case "scatterNd":
    case "dynamicSlice":
    case "dynamicUpdateSlice":
      return moved(node, present);
    case "reduce":
      return reduce(node, present[0]);
    case "resize2d":
      return resize2d(node, present[0]);
    default:
      throw new Error(`${node.op}: no evaluation in real numbers`);
  }
}

/** Stored values of the outputs for stored values of the inputs. */
export function evaluate(graph: Graph, inputs: ArrayLike<number | bigint>[]): Values[] {
  const values = new Map<Tensor, Values>(
    graph.inputs.map((tensor, i) => [tensor, toReal(tensor, inputs[i])]),
  );
  const read = (tensor: Tensor): Values => {
    const known = values.get(tensor);
    if (known) return known;
    if (!tensor.data) throw new Error(`tensor "${tensor.name}" has no value`);
    const real = toReal(tensor, tensor.data);
    values.set(tensor, real);
    return real;
  };
  for (const node of graph.nodes) {
    const [y] = node.outputs;
    const real = evaluateNode(
      node,
      node.inputs.map((tensor) => tensor && read(tensor)),
    );
    values.set(y, toReal(y, toStored(y, real)));
  }
  return graph.outputs.map((tensor) => toStored(tensor, read(tensor)));
}

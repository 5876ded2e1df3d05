import type { NodeOf, Padding, Tensor } from "../../src/graph/graph.ts";
import { sumForm } from "../../src/numerics/int16.ts";
import type { Range } from "../../src/numerics/range.ts";
import { activationRange } from "../../src/numerics/range.ts";
import { layerRequantizations, type Requantization, requantize } from "../../src/numerics/requantize.ts";
import { clamp } from "../../src/numerics/rounding.ts";
import {
  emptyNumbers,
  isInt16,
  isQuantized,
  type Numbers,
  numbers,
  type Operands,
  scalarQuantization,
} from "./tensor.ts";

const f = Math.fround;

/** Where a convolution reads: shapes are [N, H, W, C], [O, KH, KW, C / groups], [N, H, W, O]. */
export interface ConvGeometry {
  inputShape: readonly number[];
  weightShape: readonly number[];
  outputShape: readonly number[];
  stride: readonly [number, number];
  dilation: readonly [number, number];
  padding: Padding;
  groups: number;
}

/** Calls `tap` with the offsets of every input and weight of one output, in (kh, kw, cin) order; input −1 is padding. */
function forEachTap(
  geometry: ConvGeometry,
  [n, row, column, o]: readonly number[],
  tap: (inputAt: number, weightAt: number) => void,
): void {
  const [, height, width, channels] = geometry.inputShape;
  const [outputs, kernelH, kernelW, perGroup] = geometry.weightShape;
  const group = Math.floor(o / (outputs / geometry.groups));
  let weightAt = o * kernelH * kernelW * perGroup;
  for (let kh = 0; kh < kernelH; kh++) {
    const h = row * geometry.stride[0] - geometry.padding.top + kh * geometry.dilation[0];
    for (let kw = 0; kw < kernelW; kw++) {
      const w = column * geometry.stride[1] - geometry.padding.left + kw * geometry.dilation[1];
      const inside = h >= 0 && h < height && w >= 0 && w < width;
      const inputAt = ((n * height + h) * width + w) * channels + group * perGroup;
      for (let c = 0; c < perGroup; c++) tap(inside ? inputAt + c : -1, weightAt++);
    }
  }
}

/** Fills y with `output(index)`, index = [n, row, column, channel]. */
function fill(y: Numbers, shape: readonly number[], output: (index: readonly number[]) => number): void {
  const [batch, height, width, channels] = shape;
  let at = 0;
  for (let n = 0; n < batch; n++)
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++)
        for (let o = 0; o < channels; o++) y[at++] = output([n, row, column, o]);
}

/** acc = bias, then acc + x·w tap by tap, each product and each sum rounded; padding multiplies a zero. */
function convolveFloat(
  geometry: ConvGeometry,
  x: Numbers,
  w: Numbers,
  bias: Numbers | null,
  { min, max }: Range,
  y: Numbers,
): void {
  fill(y, geometry.outputShape, (index) => {
    let acc = bias ? bias[index[3]] : 0;
    forEachTap(geometry, index, (inputAt, weightAt) => {
      acc = f(acc + f((inputAt < 0 ? 0 : x[inputAt]) * w[weightAt]));
    });
    return clamp(acc, f(min), f(max));
  });
}

/** What a quantized convolution needs besides its operands. Lists run over output channels or hold one entry. */
export interface QuantizedLayer {
  inputZeroPoint: number;
  weightZeroPoints: ArrayLike<number>;
  requantizations: readonly Requantization[];
  outputZeroPoint: number;
  range: Range;
}

const perChannel = <T>(list: ArrayLike<T>, channel: number): T => list[list.length === 1 ? 0 : channel];

export function convolveQuantized(
  geometry: ConvGeometry,
  x: Numbers,
  w: Numbers,
  bias: Numbers | null,
  layer: QuantizedLayer,
  y: Numbers,
): void {
  fill(y, geometry.outputShape, (index) => {
    const o = index[3];
    const weightZeroPoint = perChannel(layer.weightZeroPoints, o);
    let acc = bias ? bias[o] : 0;
    forEachTap(geometry, index, (inputAt, weightAt) => {
      if (inputAt >= 0) acc += (x[inputAt] - layer.inputZeroPoint) * (w[weightAt] - weightZeroPoint);
    });
    return requantize(acc | 0, perChannel(layer.requantizations, o), layer.outputZeroPoint, layer.range);
  });
}

/** Depthwise weights [1, KH, KW, O] as the [O, KH, KW, 1] of a convolution in groups. */
export function depthwiseWeights<T extends Numbers>(w: T, shape: readonly number[]): T {
  const [, kernelH, kernelW, outputs] = shape;
  const out = w.slice() as T;
  for (let k = 0; k < kernelH * kernelW; k++)
    for (let o = 0; o < outputs; o++) out[o * kernelH * kernelW + k] = w[k * outputs + o];
  return out;
}

type LayerNode = NodeOf<"conv2d"> | NodeOf<"depthwiseConv2d"> | NodeOf<"fullyConnected">;

function run(node: LayerNode, operands: Operands, geometry: ConvGeometry, w: Numbers): Numbers {
  const [x, weights] = node.inputs as [Tensor, Tensor];
  const [y] = node.outputs;
  if (isInt16(x)) return layer16(node, operands, geometry, w);
  const out = emptyNumbers(y);
  const bias = operands.values[2] ? numbers(operands, 2) : null;
  const { activation } = node.attributes;
  const { rounding } = operands.graph;
  if (!isQuantized(x)) {
    convolveFloat(geometry, numbers(operands, 0), w, bias, activation, out);
    return out;
  }
  const input = scalarQuantization(x);
  const output = scalarQuantization(y);
  const { scale, zeroPoint } = weights.quantization!;
  const layer = {
    inputZeroPoint: input.zeroPoint,
    weightZeroPoints: zeroPoint,
    requantizations: layerRequantizations(rounding, node.op, x.dtype, input.scale, scale, output.scale),
    outputZeroPoint: output.zeroPoint,
    range: activationRange(activation, output, y.dtype, rounding),
  };
  convolveQuantized(geometry, numbers(operands, 0), w, bias, layer, out);
  return out;
}

/** int16 activations: in `double` with the bias' own width of sums; 64-bit ones meet a factor of 16 bits. */
function layer16(node: LayerNode, operands: Operands, geometry: ConvGeometry, w: Numbers): Numbers {
  const [x, weights, bias] = node.inputs as [Tensor, Tensor, Tensor | null];
  const [y] = node.outputs;
  const [input, output] = [scalarQuantization(x), scalarQuantization(y)];
  const { scale } = weights.quantization!;
  const factors = layerRequantizations("double", node.op, "int16", input.scale, scale, output.scale);
  const range = activationRange(node.attributes.activation, output, "int16", "double");
  const form = sumForm(operands.graph.rounding, node.op, bias?.dtype);
  const values = numbers(operands, 0);
  const out = emptyNumbers(y);
  fill(out, geometry.outputShape, (index) => {
    let acc = bias ? BigInt(operands.values[2]![index[3]!]!) : 0n;
    forEachTap(geometry, index, (inputAt, weightAt) => {
      if (inputAt >= 0) acc += BigInt(values[inputAt] * w[weightAt]);
    });
    const factor = perChannel(factors, index[3]!);
    if (factor.form !== "fixed") throw new Error("expected fixed point");
    const narrow = BigInt.asIntN(32, acc);
    if (form === "double") return requantize(Number(narrow), factor, 0, range);
    const { multiplier, shift } = factor;
    const upper = multiplier < 0x7fff0000 ? (multiplier + 0x8000) >> 16 : 0x7fff;
    const [sum, by, bits] = form === "wide" ? [acc, upper, 15] : [narrow, multiplier, 31];
    const right = BigInt(bits - shift);
    const scaled = (sum * BigInt(by) + (1n << (right - 1n))) >> right;
    return clamp(Number(form === "wide" ? scaled : BigInt.asIntN(32, scaled)), range.min, range.max);
  });
  return out;
}

export function conv2d(node: NodeOf<"conv2d">, operands: Operands): Numbers {
  const [x, weights] = node.inputs as [Tensor, Tensor];
  const geometry = {
    ...node.attributes,
    inputShape: x.shape,
    weightShape: weights.shape,
    outputShape: node.outputs[0].shape,
  };
  return run(node, operands, geometry, numbers(operands, 1));
}

export function depthwiseConv2d(node: NodeOf<"depthwiseConv2d">, operands: Operands): Numbers {
  const [x, weights] = node.inputs as [Tensor, Tensor];
  const [, kernelH, kernelW, outputs] = weights.shape;
  const geometry = {
    ...node.attributes,
    inputShape: x.shape,
    weightShape: [outputs, kernelH, kernelW, 1],
    outputShape: node.outputs[0].shape,
    groups: x.shape[3],
  };
  return run(node, operands, geometry, depthwiseWeights(numbers(operands, 1), weights.shape));
}

/** A 1×1 convolution over as many positions as there are rows. */
export function fullyConnected(node: NodeOf<"fullyConnected">, operands: Operands): Numbers {
  const [n, k] = (node.inputs[1] as Tensor).shape;
  const rows = numbers(operands, 0).length / k;
  const geometry: ConvGeometry = {
    inputShape: [1, 1, rows, k],
    weightShape: [n, 1, 1, k],
    outputShape: [1, 1, rows, n],
    stride: [1, 1],
    dilation: [1, 1],
    padding: { top: 0, left: 0, bottom: 0, right: 0 },
    groups: 1,
  };
  return run(node, operands, geometry, numbers(operands, 1));
}

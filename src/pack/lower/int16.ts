/** Layers of int16 activations and int8 weights, and elementwise operators on integers wider than 8 bits. */

import {
  FIXED_ADD,
  FIXED_LOGISTIC,
  FIXED_MUL,
  FIXED_REQUANTIZE,
  FIXED_SUB,
  FIXED_TANH,
  OP_CONV_QS16,
  OP_FIXED,
  ROUNDING_DOUBLE,
  ROUNDING_SINGLE,
} from "../../../assembly/codes.ts";
import {
  B_A_STRIDES,
  B_B_STRIDES,
  B_DIMS,
  CONV_QS16_RECORD_BYTES,
  E_A_MULTIPLIER,
  E_A_SHIFT,
  E_A_ZERO_POINT,
  E_B_MULTIPLIER,
  E_B_SHIFT,
  E_B_ZERO_POINT,
  E_KIND,
  E_MAX,
  E_MIN,
  E_MULTIPLIER,
  E_SHIFT,
  E_TABLE,
  E_ZERO_POINT,
  FIXED_RECORD_BYTES,
  I_MAX,
  I_MIN,
  I_REQUANT,
  I_ROUNDING,
  M_SCRATCH_BYTES,
  MOST_TAPS,
} from "../../../assembly/records.ts";
import { elementCount, type Node, type NodeOf, type Tensor } from "../../graph/graph.ts";
import {
  type FixedKind,
  type FixedOperator,
  fixedBinary,
  fixedRequantize,
  fixedUnary,
  type IntegerEnd,
  largestProduct,
  largestWideSum,
  sumForm,
  wideFactor,
} from "../../numerics/int16.ts";
import { logisticTable } from "../../numerics/lstm.ts";
import { activationRange } from "../../numerics/range.ts";
import { layerRequantizations } from "../../numerics/requantize.ts";
import { constantData, inputOf, type Lowering, scalarQuantization, unsupported } from "../lowering.ts";
import { type Fields, listFields, record } from "../record.ts";
import { broadcastStrides, collapse } from "../strides.ts";
import { convolutionFields, emitSums } from "./integer.ts";
import type { MatmulNode } from "./matmul.ts";

/** Shapes of a layer as a convolution, and where the weight of channel o at position i of its sum lies in the source. */
function geometryOf(node: MatmulNode) {
  const [x, w, y] = [inputOf(node), inputOf(node, 1), node.outputs[0]];
  if (node.op === "fullyConnected") {
    const [n, k] = w.shape;
    const rows = elementCount(x.shape) / k;
    const one: [number, number] = [1, 1];
    return {
      window: { stride: one, dilation: one, padding: { top: 0, left: 0 }, groups: 1 },
      x: [1, 1, rows, k],
      w: [n, 1, 1, k],
      y: [1, 1, rows, n],
      at: (o: number, i: number) => o * k + i,
    };
  }
  if (node.op === "conv2d") {
    const k = elementCount(w.shape.slice(1));
    return {
      window: node.attributes,
      x: x.shape,
      w: w.shape,
      y: y.shape,
      at: (o: number, i: number) => o * k + i,
    };
  }
  const [, h, v, channels] = w.shape;
  return {
    window: { ...node.attributes, groups: x.shape[3] },
    x: x.shape,
    w: [channels, h, v, 1],
    y: y.shape,
    at: (o: number, i: number) => i * channels + o,
  };
}

/** CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED of int16 and int8. */
export function lowerLayer16(lowering: Lowering, node: MatmulNode): void {
  const refuse = (reason: string) => unsupported(node.op, node.name, reason);
  const [x, weights, y] = [inputOf(node), inputOf(node, 1), node.outputs[0]];
  const source = constantData(node.op, node.name, weights, Int8Array);
  const { scale, zeroPoint } = weights.quantization ?? { scale: [], zeroPoint: [] };
  const [input, output] = [scalarQuantization(x), scalarQuantization(y)];
  if (y.dtype !== "int16") throw refuse(`"${y.name}" is ${y.dtype}; sums of int16 become int16`);
  if ([input.zeroPoint, output.zeroPoint, ...zeroPoint].some((z) => z !== 0))
    throw refuse("zero points of int16 activations and their weights have to be 0");
  const g = geometryOf(node);
  const [channels, kernelH, kernelW, perGroup] = g.w;
  const k = kernelH * kernelW * perGroup;
  const isDepthwise = perGroup === 1 && channels === g.window.groups;
  if (isDepthwise && k > MOST_TAPS)
    throw refuse(`a depthwise kernel of ${k} taps; ${MOST_TAPS} sum within int32`);
  const data = new Int8Array(channels * k);
  for (let o = 0; o < channels; o++)
    for (let i = 0; i < k; i++) data[isDepthwise ? i * channels + o : o * k + i] = source[g.at(o, i)];

  const bias = biasOf(lowering, node, channels);
  if (bias.data instanceof BigInt64Array) {
    const most = largestWideSum - k * largestProduct;
    if (bias.data.some((b) => Math.abs(Number(b)) > most))
      throw refuse(`a bias beyond ${most}, with which sums of ${k} products may exceed 2^37`);
  }
  const factors = layerRequantizations(
    "double",
    node.op,
    "int16",
    input.scale,
    Float32Array.from(scale),
    output.scale,
  );
  const factorOf = (o: number) => {
    const factor = factors[factors.length === 1 ? 0 : o];
    if (factor?.form !== "fixed") throw refuse("its weights have no scale");
    return factor;
  };
  const each = Array.from({ length: channels }, (_, o) => factorOf(o));
  const requant =
    bias.dtype === "int64"
      ? Float32Array.from(each, wideFactor)
      : Int32Array.from([...each.map((e) => e.multiplier), ...each.map((e) => e.shift)]);
  const range = activationRange(node.attributes.activation, output, "int16", "double");
  const fields: Fields = [
    ...convolutionFields(g.window, g.x, g.w, g.y),
    [I_REQUANT, lowering.weights.add(requant)],
    [I_MIN, range.min],
    [I_MAX, range.max],
    [I_ROUNDING, lowering.rounding === "double" ? ROUNDING_DOUBLE : ROUNDING_SINGLE],
    ...(isDepthwise ? [[M_SCRATCH_BYTES, 4 * channels + 32] as [number, number]] : []),
  ];
  const ordered: Tensor = { name: weights.name, dtype: "int8", shape: [channels, k], data };
  emitSums(lowering, node.name, record(OP_CONV_QS16, CONV_QS16_RECORD_BYTES, fields), [x, ordered, bias], y);
}

/** The bias in the type that says how wide the sums are; zeros where there is none. */
function biasOf({ rounding }: Lowering, node: MatmulNode, channels: number): Tensor {
  const given = node.inputs[2];
  const values = given?.data ? Array.from(given.data, BigInt) : new Array<bigint>(channels).fill(0n);
  if (given && !given.data)
    throw unsupported(node.op, node.name, `expected "${given.name}" to be a constant`);
  const name = given?.name ?? `${node.name}/bias`;
  return sumForm(rounding, node.op, given?.dtype) === "wide"
    ? { name, dtype: "int64", shape: [channels], data: BigInt64Array.from(values) }
    : { name, dtype: "int32", shape: [channels], data: Int32Array.from(values, (b) => within32(node, b)) };
}

function within32(node: MatmulNode, bias: bigint): number {
  if (BigInt.asIntN(32, bias) === bias) return Number(bias);
  throw unsupported(node.op, node.name, `a bias of ${bias} in int32 sums; convert with rounding double`);
}

const kinds: Record<FixedKind, number> = {
  requantize: FIXED_REQUANTIZE,
  logistic: FIXED_LOGISTIC,
  tanh: FIXED_TANH,
  add: FIXED_ADD,
  sub: FIXED_SUB,
  mul: FIXED_MUL,
};

const endOf = (t: Tensor): IntegerEnd => ({ ...scalarQuantization(t), dtype: t.dtype });

export function emitFixed(
  lowering: Lowering,
  node: { op: string; name: string },
  how: FixedOperator,
  [a, b]: readonly [Tensor, Tensor | null],
  y: Tensor,
): void {
  const strides = [broadcastStrides(a.shape, y.shape), broadcastStrides((b ?? a).shape, y.shape)];
  const loops = collapse(y.shape, strides);
  if (!loops) throw unsupported(node.op, node.name, `[${a.shape}] broadcasts in too many dimensions`);
  const isTable = how.kind === "logistic" || how.kind === "tanh";
  const view = record(OP_FIXED, FIXED_RECORD_BYTES, [
    [E_KIND, kinds[how.kind]],
    [E_MIN, how.range.min],
    [E_MAX, how.range.max],
    [E_ZERO_POINT, how.zeroPoint],
    [E_A_ZERO_POINT, how.aZeroPoint],
    [E_B_ZERO_POINT, how.bZeroPoint],
    [E_A_MULTIPLIER, how.a.multiplier],
    [E_A_SHIFT, how.a.shift],
    [E_B_MULTIPLIER, how.b.multiplier],
    [E_B_SHIFT, how.b.shift],
    [E_TABLE, isTable ? lowering.weights.add(new Uint8Array(logisticTable().buffer)) : how.leftShift],
    [E_MULTIPLIER, how.y.multiplier],
    [E_SHIFT, how.y.shift],
    ...listFields(B_DIMS, loops.dims),
    ...listFields(B_A_STRIDES, loops.strides[0]),
    ...listFields(B_B_STRIDES, loops.strides[1]),
  ]);
  lowering.emit({
    node: node.name,
    record: view,
    input: a,
    input2: b,
    input3: null,
    output: y,
    scratchBytes: 0,
    scratchField: 0,
  });
}

/** Any of int8, int16 and int32 to another of them. */
export function emitRequantize(lowering: Lowering, node: Node, x: Tensor, y: Tensor): void {
  emitFixed(lowering, node, fixedRequantize(endOf(x), endOf(y)), [x, null], y);
}

export function lowerUnary16(lowering: Lowering, node: NodeOf<"unary">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  const how = fixedUnary(lowering.rounding, node.attributes, endOf(x), endOf(y));
  if (!how)
    throw unsupported(
      node.op,
      node.name,
      `${node.attributes.kind} of int16 with scales ${scalarQuantization(x).scale} and ${scalarQuantization(y).scale}`,
    );
  emitFixed(lowering, node, how, [x, null], y);
}

export function lowerBinary16(lowering: Lowering, node: NodeOf<"add"> | NodeOf<"sub"> | NodeOf<"mul">): void {
  const [a, b, y] = [inputOf(node), inputOf(node, 1), node.outputs[0]];
  if (a.dtype !== "int16" || b.dtype !== "int16")
    throw unsupported(node.op, node.name, `operands of ${a.dtype} and ${b.dtype}; expected int16`);
  const ends = [endOf(a), endOf(b), endOf(y)] as const;
  const how = fixedBinary(lowering.rounding, node.op, ends, node.attributes.activation);
  emitFixed(lowering, node, how, [a, b], y);
}

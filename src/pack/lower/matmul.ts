/** Weights, bias and multipliers in kernel order: what GEMM, CONV and DWCONV records point at. */

import {
  KR,
  NR,
  ROUNDING_DOUBLE,
  ROUNDING_SINGLE,
  WEIGHTS_F32,
  WEIGHTS_I8,
} from "../../../assembly/codes.ts";
import {
  M_BIAS,
  M_MAX,
  M_MIN,
  M_REQUANT,
  M_ROUNDING,
  M_WEIGHT_FORMAT,
  M_WEIGHT_ZERO_POINT,
  M_WEIGHTS,
  M_ZERO_POINT,
} from "../../../assembly/records.ts";
import type { Activation, NodeOf, Tensor } from "../../graph/graph.ts";
import { activationRange } from "../../numerics/range.ts";
import { layerRequantizations, type Requantization } from "../../numerics/requantize.ts";
import { constantData, inputOf, type Lowering, scalarQuantization, unsupported } from "../lowering.ts";
import type { Fields } from "../record.ts";
import { keepBlocks, type PresentBlocks } from "./sparse.ts";

export const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

/** Weight of output channel `n` at position `k` of its sum, in the source's layout. */
type WeightAt = (n: number, k: number) => number;

/** n output channels in `groups`, each a sum over k. */
export interface Matmul {
  n: number;
  k: number;
  groups: number;
  at: WeightAt;
  depthwise: boolean;
}

export type MatmulNode = NodeOf<"conv2d"> | NodeOf<"depthwiseConv2d"> | NodeOf<"fullyConnected">;

interface Packed {
  ints: Fields;
  floats: Fields;
}

/** Position of (n, k) among the packed weights: NR columns by `kr` consecutive k, groups padded apart. */
export function packOrder<T extends Int8Array | Float32Array>(
  { n, k, groups, at }: Matmul,
  kr: number,
  make: (length: number) => T,
): T {
  const perGroup = n / groups;
  const columns = roundUp(perGroup, NR);
  const steps = roundUp(k, kr);
  const out = make(groups * columns * steps);
  for (let c = 0; c < n; c++) {
    const column = Math.floor(c / perGroup) * columns + (c % perGroup);
    const block = Math.floor(column / NR) * NR * steps;
    for (let i = 0; i < k; i++)
      out[block + Math.floor(i / kr) * NR * kr + (column % NR) * kr + (i % kr)] = at(c, i);
  }
  return out;
}

/** Spreads one value a channel over columns padded to NR per group. */
function perColumn<T extends Int32Array | Float32Array>(
  { n, groups }: Matmul,
  make: (length: number) => T,
  value: (channel: number) => number,
): T {
  const perGroup = n / groups;
  const columns = roundUp(perGroup, NR);
  const out = make(groups * columns);
  for (let c = 0; c < n; c++) out[Math.floor(c / perGroup) * columns + (c % perGroup)] = value(c);
  return out;
}

/** Record fields of the node's weights, requantization and output range. */
export function packMatmul(
  lowering: Lowering,
  node: MatmulNode,
  shape: Omit<Matmul, "at">,
  index: (n: number, k: number) => number,
  present?: PresentBlocks,
): Packed {
  const [, weights, bias] = node.inputs;
  const [output] = node.outputs;
  if (!weights) throw unsupported(node.op, node.name, "the weights are missing");
  return output!.dtype === "float32"
    ? packFloat(lowering, node, shape, index, weights, bias ?? null, node.attributes.activation)
    : packQuantized(lowering, node, shape, index, weights, bias ?? null, output!, present);
}

function packFloat(
  lowering: Lowering,
  node: MatmulNode,
  shape: Omit<Matmul, "at">,
  index: (n: number, k: number) => number,
  weights: Tensor,
  bias: Tensor | null,
  activation: Activation,
): Packed {
  const w = constantData(node.op, node.name, weights, Float32Array);
  const b = bias && constantData(node.op, node.name, bias, Float32Array);
  const matmul: Matmul = { ...shape, at: (n, k) => w[index(n, k)] };
  const make = (length: number) => new Float32Array(length);
  return {
    ints: [
      [M_WEIGHTS, lowering.weights.add(packOrder(matmul, 1, make))],
      [M_BIAS, lowering.weights.add(perColumn(matmul, make, (c) => b?.[c] ?? 0))],
      [M_WEIGHT_FORMAT, WEIGHTS_F32],
    ],
    floats: [
      [M_MIN, activation.min],
      [M_MAX, activation.max],
    ],
  };
}

function packQuantized(
  lowering: Lowering,
  node: MatmulNode,
  shape: Omit<Matmul, "at">,
  index: (n: number, k: number) => number,
  weights: Tensor,
  bias: Tensor | null,
  output: Tensor,
  present: PresentBlocks | undefined,
): Packed {
  const w = constantData(node.op, node.name, weights, Int8Array);
  const b = bias && constantData(node.op, node.name, bias, Int32Array);
  const x = scalarQuantization(inputOf(node));
  const y = scalarQuantization(output);
  const { scale, zeroPoint } = weights.quantization!;
  const weightZeroPoint = zeroPoint[0];
  if (zeroPoint.some((z) => z !== weightZeroPoint))
    throw unsupported(
      node.op,
      node.name,
      `the zero points of "${weights.name}" differ between channels; the kernels take one for all`,
    );
  const matmul: Matmul = { ...shape, at: (n, k) => w[index(n, k)] };
  const kr = matmul.depthwise ? 2 : KR;
  // A depthwise kernel subtracts the weights' zero point from every tap, so a missing tap must equal it.
  const packed = packOrder(matmul, kr, (length) =>
    new Int8Array(length).fill(matmul.depthwise ? weightZeroPoint : 0),
  );
  const biases = perColumn(
    matmul,
    (length) => new Int32Array(length),
    (c) => {
      let sum = 0;
      for (let k = 0; k < matmul.k; k++) sum += matmul.at(c, k) - weightZeroPoint;
      const folded = (b?.[c] ?? 0) - x.zeroPoint * sum;
      if (Math.abs(folded) + matmul.k * 128 * (128 + Math.abs(weightZeroPoint)) >= 2 ** 31)
        throw unsupported(
          node.op,
          node.name,
          `output channel ${c} could overflow its int32 sum (bias ${folded}, ${matmul.k} products); use a larger weight scale`,
        );
      return folded;
    },
  );
  const range = activationRange(node.attributes.activation, y, "int8", lowering.rounding);
  const sourceType = lowering.wasUint8(output) ? "uint8" : "int8";
  const factors = layerRequantizations(lowering.rounding, node.op, sourceType, x.scale, scale, y.scale);
  return {
    ints: [
      [M_WEIGHTS, lowering.weights.add(present ? keepBlocks(packed, present, matmul.k) : packed)],
      [M_BIAS, lowering.weights.add(biases)],
      [
        M_REQUANT,
        lowering.weights.add(
          packRequantization(lowering, matmul, (c) => factors[factors.length === 1 ? 0 : c]),
        ),
      ],
      [M_ROUNDING, lowering.rounding === "double" ? ROUNDING_DOUBLE : ROUNDING_SINGLE],
      [M_ZERO_POINT, y.zeroPoint],
      [M_MIN, range.min],
      [M_MAX, range.max],
      [M_WEIGHT_ZERO_POINT, weightZeroPoint],
      [M_WEIGHT_FORMAT, WEIGHTS_I8],
    ],
    floats: [],
  };
}

/** f32 multipliers, or i32 multipliers followed by i32 shifts. */
function packRequantization(
  lowering: Lowering,
  matmul: Matmul,
  of: (channel: number) => Requantization,
): Float32Array | Int32Array {
  if (lowering.rounding === "single")
    return perColumn(
      matmul,
      (length) => new Float32Array(length),
      (c) => {
        const how = of(c);
        return how.form === "float" ? how.scale : Number.NaN;
      },
    );
  const ints = (length: number) => new Int32Array(length);
  const column = (field: "multiplier" | "shift") =>
    perColumn(matmul, ints, (c) => {
      const how = of(c);
      return how.form === "fixed" ? how[field] : Number.NaN;
    });
  const multipliers = column("multiplier");
  const out = new Int32Array(multipliers.length * 2);
  out.set(multipliers);
  out.set(column("shift"), multipliers.length);
  return out;
}

/** Weights of 8, 4 and 2 bits in the order of GEMM_QD8. */

import {
  NR,
  OP_GEMM_QD8,
  WEIGHTS_CODEBOOK,
  WEIGHTS_I2,
  WEIGHTS_I4,
  WEIGHTS_I8,
} from "../../../assembly/codes.ts";
import {
  GEMM_RECORD_BYTES,
  M_BIAS,
  M_K,
  M_MAX,
  M_MIN,
  M_N,
  M_SCRATCH,
  M_SCRATCH_BYTES,
  M_WEIGHT_FORMAT,
  M_WEIGHTS,
  QD_BLOCK,
  QD_BLOCK_ZERO_POINTS,
  QD_TABLE,
  QD_WEIGHT_SUMS,
  QD_ZERO_POINT,
} from "../../../assembly/records.ts";
import { elementCount, type NodeOf } from "../../graph/graph.ts";
import { type BlockedWeights, blockedWeights, weightSum } from "../../numerics/dynamic.ts";
import { constantData, inputOf, type Lowering, unsupported } from "../lowering.ts";
import { record } from "../record.ts";
import { roundUp } from "./matmul.ts";

type DynamicNode = NodeOf<"dynamicFullyConnected">;

const formats = { 8: WEIGHTS_I8, 4: WEIGHTS_I4, 2: WEIGHTS_I2 } as const;
/** What is added to a value to store it without sign. */
const middles = { 8: 0, 4: 8, 2: 2 } as const;

export function lowerDynamic(lowering: Lowering, node: DynamicNode): void {
  const [x, y, bias] = [inputOf(node), node.outputs[0], node.inputs[2]];
  const w = readWeights(node);
  const { bits, codebook, activation } = node.attributes;
  const columns = roundUp(w.n, NR);
  const blockSize = Math.min(w.blockSize, roundUp(w.k, 8));
  if (blockSize % 8 !== 0 || blockSize > 1 << 15)
    throw unsupported(
      node.op,
      node.name,
      `blocks of ${blockSize} weights; a multiple of 8 up to 32768 was expected`,
    );
  const hasZeroPoints = w.zeroPoint.some((z) => z !== w.zeroPoint[0]);
  const middle = codebook ? 0 : middles[bits];
  const format = codebook ? WEIGHTS_CODEBOOK : formats[bits];
  const perColumn = (value: (n: number) => number) =>
    new Float32Array(columns).map((_, n) => (n < w.n ? value(n) : 0));
  const b = bias && constantData(node.op, node.name, bias, Float32Array);
  const rows = elementCount(x.shape) / w.k;
  const padded = roundUp(w.k, 8);
  const groupBytes = 32 + 8 * padded + 16 * Math.ceil(padded / blockSize);
  const scratchBytes = roundUp(Math.ceil(rows / 4) * groupBytes + padded * NR, 64);
  lowering.emit({
    node: node.name,
    record: record(
      OP_GEMM_QD8,
      GEMM_RECORD_BYTES,
      [
        [M_K, w.k],
        [M_N, w.n],
        [M_WEIGHTS, lowering.weights.add(packBlocks(w, bits, middle, hasZeroPoints, blockSize))],
        [M_BIAS, lowering.weights.add(perColumn((n) => b?.[n] ?? 0))],
        [QD_WEIGHT_SUMS, lowering.weights.add(perColumn((n) => weightSum(w, n, codebook)))],
        [QD_BLOCK, blockSize],
        [QD_ZERO_POINT, w.zeroPoint[0] + middle],
        [QD_TABLE, codebook ? lowering.weights.add(codebook) : 0],
        [QD_BLOCK_ZERO_POINTS, hasZeroPoints ? 1 : 0],
        [M_WEIGHT_FORMAT, format],
        [M_SCRATCH_BYTES, scratchBytes],
      ],
      [
        [M_MIN, activation.min],
        [M_MAX, activation.max],
      ],
    ),
    input: x,
    input2: null,
    output: y,
    scratchBytes,
    scratchField: M_SCRATCH,
  });
}

/** The node's weights, checked against its attributes. */
function readWeights(node: DynamicNode): BlockedWeights {
  const { bits, codebook } = node.attributes;
  const w = blockedWeights(
    node,
    inputOf(node, 1),
    constantData(node.op, node.name, inputOf(node, 1), Int8Array),
  );
  const [low, high] = codebook ? [0, 15] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const outside = w.data.find((v) => v < low || v > high);
  if (outside !== undefined)
    throw unsupported(
      node.op,
      node.name,
      `weight ${outside} of "${inputOf(node, 1).name}" lies outside ${low}…${high}`,
    );
  const point = w.zeroPoint.find((z) => (codebook ? z !== 0 : z < low || z > high));
  if (point !== undefined)
    throw unsupported(
      node.op,
      node.name,
      `zero point ${point} of "${inputOf(node, 1).name}" is outside its type`,
    );
  return w;
}

/**
 * Per 8 columns and block: 8 scales, 8 zero points (padded to 16 bytes) if there are any, then the weights in steps of
 * 4 k × 8 columns. Narrow weights share a byte with those 16, 32 and 48 bytes further on, lowest bits first.
 */
function packBlocks(
  w: BlockedWeights,
  bits: 8 | 4 | 2,
  middle: number,
  hasZeroPoints: boolean,
  blockSize: number,
): Uint8Array {
  const head = hasZeroPoints ? 48 : 32;
  const padded = roundUp(w.k, 8);
  const blocks = Math.ceil(padded / blockSize);
  const out = new Uint8Array((roundUp(w.n, NR) / NR) * (blocks * head + padded * bits));
  const view = new DataView(out.buffer);
  let at = 0;
  for (let c = 0; c < w.n; c += NR) {
    for (let b = 0; b < blocks; b++) {
      const length = Math.min(blockSize, padded - b * blockSize);
      for (let j = 0; j < NR && c + j < w.n; j++) {
        view.setFloat32(at + 4 * j, w.scale[(c + j) * blocks + b], true);
        if (hasZeroPoints) view.setInt8(at + 32 + j, w.zeroPoint[(c + j) * blocks + b] + middle);
      }
      at += head;
      for (let i = 0; i < length * NR; i++) {
        const [n, k] = [c + ((i >> 2) & 7), b * blockSize + (i >> 5) * 4 + (i & 3)];
        if (n >= w.n || k >= w.k) continue;
        const planes = 8 / bits;
        const group = Math.floor(i / (16 * planes));
        const plane = Math.floor(i / 16) % planes;
        out[at + group * 16 + (i & 15)] |= ((w.data[n * w.k + k] + middle) << (plane * bits)) & 255;
      }
      at += length * bits;
    }
  }
  return out;
}

/** Products of two computed matrices. */

import { NR, OP_MATMUL_F32 } from "../../../assembly/codes.ts";
import {
  M_MAX,
  M_MIN,
  M_SCRATCH,
  M_SCRATCH_BYTES,
  MATMUL_RANK,
  MATMUL_RECORD_BYTES,
  MM_A_BATCH,
  MM_A_ROW,
  MM_B_BATCH,
  MM_B_K,
  MM_B_N,
  MM_BATCH,
  MM_K,
  MM_N,
  MM_ROWS,
} from "../../../assembly/records.ts";
import type { NodeOf, Tensor } from "../../graph/graph.ts";
import { inputOf, type Lowering, unsupported } from "../lowering.ts";
import { listFields, record } from "../record.ts";
import { broadcastStrides, denseStrides, type Loops, mergeLoops } from "../strides.ts";
import { emitCopy } from "./copy.ts";
import { roundUp } from "./matmul.ts";
import { lowerMatmul8 } from "./product8.ts";

/** The last two dimensions in the order in which the product reads them, with their strides. */
function matrixOf({ shape }: Tensor, transposed: boolean) {
  const [high, low] = shape.slice(-2);
  const sides = [
    { size: high, stride: low },
    { size: low, stride: 1 },
  ];
  return transposed ? sides.reverse() : sides;
}

/** Strides of the leading dimensions of `shape`, 0 where it repeats along `batch`. */
function batchStrides(shape: readonly number[], batch: readonly number[]): number[] {
  const matrix = shape.slice(-2);
  return broadcastStrides(shape, [...batch, ...matrix]).slice(0, batch.length);
}

/** a with its last two dimensions exchanged, in a tensor of its own: kernels read k in one run. */
function exchange(lowering: Lowering, node: NodeOf<"matmul">, a: Tensor): Tensor {
  const perm = a.shape.map((_, i) => i);
  perm.push(...perm.splice(-2).reverse());
  const shape = perm.map((axis) => a.shape[axis]);
  const exchanged = lowering.intermediate(`${node.outputs[0].name}/a`, a, shape);
  const strides = denseStrides(a.shape);
  const from = { offset: 0, strides: perm.map((axis) => strides[axis]) };
  emitCopy(lowering, node, a, exchanged, shape, from, { offset: 0, strides: denseStrides(shape) });
  return exchanged;
}

/** Loops over all products; where b is the same for all of them, the rows of a are one tall matrix. */
function loopsOf(node: NodeOf<"matmul">, a: Tensor, b: Tensor): { loops: Loops; rows: number } {
  const { shape } = node.outputs[0];
  const batch = shape.slice(0, -2);
  const [m, k] = a.shape.slice(-2);
  const [forA, forB] = [batchStrides(a.shape, batch), batchStrides(b.shape, batch)];
  const { dims, strides } = mergeLoops(batch, [forA, forB]);
  const last = dims.length - 1;
  const isTall = last >= 0 && strides[1][last] === 0 && strides[0][last] === m * k;
  const rows = isTall ? m * dims[last] : m;
  if (isTall) for (const list of [dims, ...strides]) list.pop();
  if (dims.length > MATMUL_RANK)
    throw unsupported(
      node.op,
      node.name,
      `[${a.shape}] by [${b.shape}] broadcasts in more than ${MATMUL_RANK} leading dimensions`,
    );
  for (const list of strides) while (list.length < MATMUL_RANK) list.unshift(0);
  while (dims.length < MATMUL_RANK) dims.unshift(1);
  return { loops: { dims, strides }, rows };
}

export function lowerMatmul(lowering: Lowering, node: NodeOf<"matmul">): void {
  const { transposeA, transposeB, activation } = node.attributes;
  const [y] = node.outputs;
  if (y.dtype === "int8") return lowerMatmul8(lowering, node);
  const b = inputOf(node, 1);
  for (const t of [...node.inputs, y])
    if (t && t.dtype !== "float32")
      throw unsupported(
        node.op,
        node.name,
        `tensor "${t.name}" is ${t.dtype}; the kernels take float32 or int8`,
      );
  const a = transposeA ? exchange(lowering, node, inputOf(node)) : inputOf(node);
  const [k, n] = matrixOf(b, transposeB);
  const { loops, rows } = loopsOf(node, a, b);
  const scratchBytes = (k.size + 1) * roundUp(n.size, NR) * 4;
  lowering.emit({
    node: node.name,
    record: record(
      OP_MATMUL_F32,
      MATMUL_RECORD_BYTES,
      [
        [MM_ROWS, rows],
        [MM_K, k.size],
        [MM_N, n.size],
        [MM_A_ROW, k.size],
        [MM_B_K, k.stride],
        [MM_B_N, n.stride],
        [M_SCRATCH_BYTES, scratchBytes],
        ...listFields(MM_BATCH, loops.dims),
        ...listFields(MM_A_BATCH, loops.strides[0]),
        ...listFields(MM_B_BATCH, loops.strides[1]),
      ],
      [
        [M_MIN, activation.min],
        [M_MAX, activation.max],
      ],
    ),
    input: a,
    input2: b,
    input3: node.inputs[2] ?? null,
    output: y,
    scratchBytes,
    scratchField: M_SCRATCH,
  });
}

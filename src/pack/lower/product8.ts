/** Products of two computed int8 matrices: both centred, their sums in int32, brought to int8 by two roundings. */

import { elementCount, isUnbounded, type NodeOf, type Tensor } from "../../graph/graph.ts";
import { productElement } from "../../numerics/int16.ts";
import { inputOf, type Lowering, scalarQuantization, unsupported } from "../lowering.ts";
import { broadcastStrides, denseStrides } from "../strides.ts";
import { emitCopy } from "./copy.ts";
import { emitFixed } from "./int16.ts";
import { emitMatMul } from "./integer.ts";
import { emitCenter } from "./quantize-linear.ts";

const exchanged = (list: readonly number[]): number[] => [...list.slice(0, -2), ...list.slice(-2).reverse()];

/** `t` less its zero point, int16, in rows of k; its leading dimensions repeated along `batch` unless there is one matrix. */
function operand(
  lowering: Lowering,
  node: NodeOf<"matmul">,
  t: Tensor,
  isTurned: boolean,
  batch: readonly number[],
): Tensor {
  const { zeroPoint } = scalarQuantization(t);
  const place = (part: string, shape: number[]): Tensor => ({
    name: `${node.outputs[0].name}/${t.name}/${part}`,
    dtype: "int16",
    shape,
  });
  const centred = place("centred", t.shape);
  emitCenter(lowering, node.name, t, zeroPoint, centred);
  const isOne = elementCount(t.shape.slice(0, -2)) === 1;
  const matrix = t.shape.slice(-2);
  const target = [...(isOne ? [] : batch), ...(isTurned ? exchanged(matrix) : matrix)];
  if (!isTurned && (isOne || elementCount(target) === elementCount(t.shape))) return centred;
  const laid = place("rows", target);
  const seen = broadcastStrides(t.shape.slice(isOne ? -2 : 0), isTurned ? exchanged(target) : target);
  const from = { offset: 0, strides: isTurned ? exchanged(seen) : seen };
  emitCopy(lowering, node, centred, laid, target, from, { offset: 0, strides: denseStrides(target) });
  return laid;
}

export function lowerMatmul8(lowering: Lowering, node: NodeOf<"matmul">): void {
  const [a, b, y] = [inputOf(node), inputOf(node, 1), node.outputs[0]];
  const { transposeA, transposeB, activation } = node.attributes;
  const k = a.shape.at(transposeA ? -2 : -1)!;
  const other = [...node.inputs, y].find((t) => t && t.dtype !== "int8");
  if (other)
    throw unsupported(node.op, node.name, `"${other.name}" is ${other.dtype}; expected int8 as the others`);
  if (node.inputs[2] || !isUnbounded(activation))
    throw unsupported(node.op, node.name, "a bias or activation of an int8 product; use separate operators");
  if (k > 32768)
    throw unsupported(node.op, node.name, `${k} products may exceed an int32 sum; at most 32768 do not`);
  const batch = y.shape.slice(0, -2);
  const left = operand(lowering, node, a, transposeA, batch);
  const right = operand(lowering, node, b, !transposeB, batch);
  const sums: Tensor = { name: `${y.name}/sums`, dtype: "int32", shape: y.shape };
  emitMatMul(lowering, node.name, left, right, sums);
  const ends = [a, b, y].map(scalarQuantization);
  emitFixed(lowering, node, productElement(ends[0]!, ends[1]!, ends[2]!), [sums, null], y);
}

import { OP_INTEGER_CONV } from "../../../assembly/codes.ts";
import {
  I_BATCH,
  I_C,
  I_DILATION_H,
  I_DILATION_W,
  I_GROUPS,
  I_H,
  I_KERNEL_H,
  I_KERNEL_W,
  I_O,
  I_OUT_H,
  I_OUT_W,
  I_PAD_LEFT,
  I_PAD_TOP,
  I_STRIDE_H,
  I_STRIDE_W,
  I_W,
  I_W_BATCHED,
  I_X_BATCHED,
  INTEGER_CONV_RECORD_BYTES,
  M_SCRATCH,
  M_SCRATCH_BYTES,
} from "../../../assembly/records.ts";
import { elementCount, type NodeOf, type Tensor } from "../../graph/graph.ts";
import { inputOf, type Lowering } from "../lowering.ts";
import { type Fields, record } from "../record.ts";

/** One row of what the sums read, int16, with room to write past it. */
const rowBytes = (k: number): number => 2 * k + 32;

/** Emits `view`, which has the fields of INTEGER_CONV. */
export function emitSums(
  lowering: Lowering,
  node: string,
  view: DataView,
  [x, w, bias]: readonly [Tensor, Tensor, Tensor | null],
  output: Tensor,
): void {
  lowering.emit({
    node,
    record: view,
    input: x,
    input2: w,
    input3: bias,
    output,
    scratchBytes: view.getUint32(M_SCRATCH_BYTES, true),
    scratchField: M_SCRATCH,
  });
}

const recordOf = (fields: Fields): DataView => record(OP_INTEGER_CONV, INTEGER_CONV_RECORD_BYTES, fields);

interface Sums {
  stride: readonly [number, number];
  dilation: readonly [number, number];
  padding: { top: number; left: number };
  groups: number;
}

/** A convolution of x [N, H, W, C] with filters [O, KH, KW, C / groups]. */
export function convolutionFields(
  { stride, dilation, padding, groups }: Sums,
  [batch, h, w]: readonly number[],
  [filters, kernelH, kernelW, perGroup]: readonly number[],
  [, outH, outW]: readonly number[],
): Fields {
  return [
    [I_BATCH, batch],
    [I_X_BATCHED, 1],
    [I_W_BATCHED, 0],
    [I_H, h],
    [I_W, w],
    [I_C, perGroup],
    [I_GROUPS, groups],
    [I_O, filters / groups],
    [I_OUT_H, outH],
    [I_OUT_W, outW],
    [I_KERNEL_H, kernelH],
    [I_KERNEL_W, kernelW],
    [I_STRIDE_H, stride[0]],
    [I_STRIDE_W, stride[1]],
    [I_DILATION_H, dilation[0]],
    [I_DILATION_W, dilation[1]],
    [I_PAD_TOP, padding.top],
    [I_PAD_LEFT, padding.left],
    [M_SCRATCH_BYTES, rowBytes(kernelH * kernelW * perGroup)],
  ];
}

export function lowerIntegerConv(lowering: Lowering, node: NodeOf<"integerConv2d">): void {
  const [x, w] = [inputOf(node).shape, inputOf(node, 1).shape];
  const [y] = node.outputs;
  const view = recordOf(convolutionFields(node.attributes, x, w, y.shape));
  emitSums(lowering, node.name, view, [inputOf(node), inputOf(node, 1), node.inputs[2] ?? null], y);
}

export function lowerIntegerMatMul(lowering: Lowering, node: NodeOf<"integerMatMul">): void {
  emitMatMul(lowering, node.name, inputOf(node), inputOf(node, 1), node.outputs[0]);
}

/** y = x [..., M, K] by w [..., N, K]: rows are the pixels of one image row, w's rows the filters of a 1 × 1 kernel. */
export function emitMatMul(lowering: Lowering, node: string, x: Tensor, w: Tensor, y: Tensor): void {
  const [a, b] = [x.shape, w.shape];
  const batches = [a, b].map((shape) => elementCount(shape.slice(0, -2)));
  const rows = a.at(-2) ?? 1;
  const k = a.at(-1) ?? 1;
  const one = (field: number): [number, number] => [field, 1];
  const view = recordOf([
    [I_BATCH, Math.max(...batches)],
    [I_X_BATCHED, batches[0] > 1 ? 1 : 0],
    [I_W_BATCHED, batches[1] > 1 ? 1 : 0],
    [I_W, rows],
    [I_OUT_W, rows],
    [I_C, k],
    [I_O, b.at(-2) ?? 1],
    ...[I_H, I_GROUPS, I_OUT_H, I_KERNEL_H, I_KERNEL_W].map(one),
    ...[I_STRIDE_H, I_STRIDE_W, I_DILATION_H, I_DILATION_W].map(one),
    [M_SCRATCH_BYTES, rowBytes(k)],
  ]);
  emitSums(lowering, node, view, [x, w, null], y);
}

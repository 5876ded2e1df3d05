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
  OP_INTEGER_CONV,
} from "../../../assembly/records.ts";
import { elementCount, type Node, type NodeOf } from "../../graph/graph.ts";
import { inputOf, type Lowering } from "../lowering.ts";
import { type Fields, record } from "../record.ts";

function emit(lowering: Lowering, node: Node, fields: Fields): void {
  lowering.emit({
    node: node.name,
    record: record(OP_INTEGER_CONV, INTEGER_CONV_RECORD_BYTES, fields),
    input: inputOf(node),
    input2: inputOf(node, 1),
    input3: node.inputs[2] ?? null,
    output: node.outputs[0],
    scratchBytes: 0,
    scratchField: 0,
  });
}

export function lowerIntegerConv(lowering: Lowering, node: NodeOf<"integerConv2d">): void {
  const { stride, padding, dilation, groups } = node.attributes;
  const [batch, h, w] = inputOf(node).shape;
  const [filters, kernelH, kernelW, perGroup] = inputOf(node, 1).shape;
  const [, outH, outW] = node.outputs[0].shape;
  emit(lowering, node, [
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
  ]);
}

/** Rows of a are the pixels of one image row, columns of b the filters of a 1 × 1 kernel. */
export function lowerIntegerMatMul(lowering: Lowering, node: NodeOf<"integerMatMul">): void {
  const [a, b] = [inputOf(node).shape, inputOf(node, 1).shape];
  const batches = [a, b].map((shape) => elementCount(shape.slice(0, -2)));
  const rows = a.at(-2) ?? 1;
  const one = (field: number): [number, number] => [field, 1];
  emit(lowering, node, [
    [I_BATCH, Math.max(...batches)],
    [I_X_BATCHED, batches[0] > 1 ? 1 : 0],
    [I_W_BATCHED, batches[1] > 1 ? 1 : 0],
    [I_W, rows],
    [I_OUT_W, rows],
    [I_C, a.at(-1) ?? 1],
    [I_O, b.at(-2) ?? 1],
    ...[I_H, I_GROUPS, I_OUT_H, I_KERNEL_H, I_KERNEL_W].map(one),
    ...[I_STRIDE_H, I_STRIDE_W, I_DILATION_H, I_DILATION_W].map(one),
  ]);
}

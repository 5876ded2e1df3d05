import {
  KR,
  NR,
  OP_CONV_F32,
  OP_CONV_QS8,
  OP_DWCONV_F32,
  OP_DWCONV_QS8,
  OP_GEMM_F32,
  OP_GEMM_QS8,
  OP_GEMM_SPARSE_QS8,
} from "../../../assembly/codes.ts";
import {
  C_GROUPS,
  C_PAD_VALUE,
  C_PANEL_ROWS,
  CONV_RECORD_BYTES,
  GEMM_RECORD_BYTES,
  M_K,
  M_N,
  M_SCRATCH,
  M_SCRATCH_BYTES,
  W_DILATION_H,
  W_DILATION_W,
  W_KERNEL_H,
  W_KERNEL_W,
  W_PAD_LEFT,
  W_PAD_TOP,
  W_STRIDE_H,
  W_STRIDE_W,
} from "../../../assembly/records.ts";
import type { NodeOf, Tensor } from "../../graph/graph.ts";
import { inputOf, type Lowering, scalarQuantization, unsupported } from "../lowering.ts";
import { type Fields, record } from "../record.ts";
import { type MatmulNode, packMatmul, roundUp } from "./matmul.ts";
import { indexFields, presentBlocks } from "./sparse.ts";

/** Panels are sized to stay in a first-level cache together with a block of weights. */
const PANEL_BYTES = 16384;

const isFloat = (tensor: Tensor): boolean => tensor.dtype === "float32";

/** Fully connected: rows of K values times weights [N, K]. */
export function lowerFullyConnected(lowering: Lowering, node: NodeOf<"fullyConnected">): void {
  const [n, k] = inputOf(node, 1).shape as [number, number];
  emitGemm(lowering, node, n, k);
}

function emitGemm(lowering: Lowering, node: MatmulNode, n: number, k: number): void {
  const index = (c: number, i: number): number => c * k + i;
  const shape = { n, k, groups: 1, depthwise: false };
  const present = isFloat(node.outputs[0]) ? undefined : presentBlocks(inputOf(node, 1), shape, index);
  const packed = packMatmul(lowering, node, shape, index, present);
  lowering.emit({
    node: node.name,
    record: record(
      isFloat(node.outputs[0]) ? OP_GEMM_F32 : present ? OP_GEMM_SPARSE_QS8 : OP_GEMM_QS8,
      GEMM_RECORD_BYTES,
      [[M_K, k], [M_N, n], ...packed.ints, ...(present ? indexFields(lowering, present) : [])],
      packed.floats,
    ),
    input: inputOf(node),
    input2: null,
    output: node.outputs[0],
    scratchBytes: 0,
    scratchField: 0,
  });
}

export function windowFields(
  [kernelH, kernelW]: [number, number],
  [strideH, strideW]: [number, number],
  [dilationH, dilationW]: [number, number],
  padding: { top: number; left: number },
): Fields {
  return [
    [W_KERNEL_H, kernelH],
    [W_KERNEL_W, kernelW],
    [W_STRIDE_H, strideH],
    [W_STRIDE_W, strideW],
    [W_DILATION_H, dilationH],
    [W_DILATION_W, dilationW],
    [W_PAD_TOP, padding.top],
    [W_PAD_LEFT, padding.left],
  ];
}

/** A 1×1 convolution over every pixel is a matrix multiply; any other gathers panels. */
export function lowerConv2d(lowering: Lowering, node: NodeOf<"conv2d">): void {
  const [n, kernelH, kernelW, channels] = inputOf(node, 1).shape as [number, number, number, number];
  const { stride, dilation, padding, groups } = node.attributes;
  const k = kernelH * kernelW * channels;
  const unpadded = padding.top + padding.left + padding.bottom + padding.right === 0;
  if (k === channels && groups === 1 && unpadded && stride[0] === 1 && stride[1] === 1)
    return emitGemm(lowering, node, n, k);
  emitConv(lowering, node, [kernelH, kernelW], stride, dilation, padding, n, k, groups, (c, i) => c * k + i);
}

function emitConv(
  lowering: Lowering,
  node: MatmulNode,
  kernel: [number, number],
  stride: [number, number],
  dilation: [number, number],
  padding: { top: number; left: number },
  n: number,
  k: number,
  groups: number,
  index: (n: number, k: number) => number,
): void {
  const [input, output] = [inputOf(node), node.outputs[0]];
  const packed = packMatmul(lowering, node, { n, k, groups, depthwise: false }, index);
  const rowBytes = isFloat(output) ? k * 4 : roundUp(k, KR);
  const pixels = output.shape[1] * output.shape[2];
  const panelRows = Math.min(roundUp(pixels, 4), Math.max(4, 4 * Math.floor(PANEL_BYTES / rowBytes / 4)));
  const scratchBytes = roundUp(panelRows * rowBytes + 16, 64);
  lowering.emit({
    node: node.name,
    record: record(
      isFloat(output) ? OP_CONV_F32 : OP_CONV_QS8,
      CONV_RECORD_BYTES,
      [
        [M_K, k],
        [M_N, n],
        ...packed.ints,
        [M_SCRATCH_BYTES, scratchBytes],
        ...windowFields(kernel, stride, dilation, padding),
        [C_GROUPS, groups],
        [C_PAD_VALUE, isFloat(input) ? 0 : scalarQuantization(input).zeroPoint],
        [C_PANEL_ROWS, panelRows],
      ],
      packed.floats,
    ),
    input,
    input2: null,
    output,
    scratchBytes,
    scratchField: M_SCRATCH,
  });
}

/**
 * One filter a channel has its own kernel. Several filters a channel (multiplier > 1) are a convolution in as
 * many groups as there are input channels.
 */
export function lowerDepthwise(lowering: Lowering, node: NodeOf<"depthwiseConv2d">): void {
  const [first, kernelH, kernelW, channels] = inputOf(node, 1).shape as [number, number, number, number];
  const { stride, dilation, padding, multiplier } = node.attributes;
  const [input, output] = [inputOf(node), node.outputs[0]];
  if (first !== 1)
    throw unsupported(
      node.op,
      node.name,
      `expected weights [1, KH, KW, O], found [${inputOf(node, 1).shape}]`,
    );
  const taps = kernelH * kernelW;
  const index = (c: number, tap: number): number => tap * channels + c;
  const kernel: [number, number] = [kernelH, kernelW];
  if (multiplier !== 1)
    return emitConv(
      lowering,
      node,
      kernel,
      stride,
      dilation,
      padding,
      channels,
      taps,
      channels / multiplier,
      index,
    );
  const packed = packMatmul(lowering, node, { n: channels, k: taps, groups: 1, depthwise: true }, index);
  const element = isFloat(output) ? 4 : 1;
  const scratchBytes = roundUp(roundUp(taps, 2) * 4 + roundUp(channels, NR) * element + 16, 64);
  lowering.emit({
    node: node.name,
    record: record(
      isFloat(output) ? OP_DWCONV_F32 : OP_DWCONV_QS8,
      CONV_RECORD_BYTES,
      [
        [M_K, taps],
        [M_N, channels],
        ...packed.ints,
        [M_SCRATCH_BYTES, scratchBytes],
        ...windowFields(kernel, stride, dilation, padding),
        [C_GROUPS, 1],
        [C_PAD_VALUE, isFloat(input) ? 0 : scalarQuantization(input).zeroPoint],
        [C_PANEL_ROWS, 1],
      ],
      packed.floats,
    ),
    input,
    input2: null,
    output,
    scratchBytes,
    scratchField: M_SCRATCH,
  });
}

import { OP_GATHER, OP_SCATTER, OP_UPDATE, OP_WINDOW } from "../../../assembly/codes.ts";
import {
  D_LIMITS,
  D_STARTS,
  D_STRIDES,
  G_BATCHES,
  G_COUNT,
  G_DEPTH,
  G_DIMS,
  G_FROM_END,
  G_INNER,
  G_OUTER,
  GATHER_RANK,
  GATHER_RECORD_BYTES,
  WINDOW_RECORD_BYTES,
  WINDOW_SHIFT,
} from "../../../assembly/records.ts";
import { elementCount, type NodeOf, type Tensor } from "../../graph/graph.ts";
import { inputOf, type Lowering, unsupported } from "../lowering.ts";
import { listFields, record } from "../record.ts";
import { denseStrides } from "../strides.ts";
import { copyFields, copyWhole, refuseRequantization } from "./copy.ts";

type Gathering = NodeOf<"gather"> | NodeOf<"gatherNd"> | NodeOf<"scatterNd">;

function checkIndices(node: Gathering | Placed, indices: Tensor): void {
  if (indices.dtype !== "int32" && indices.dtype !== "int64")
    throw unsupported(
      node.op,
      node.name,
      `indices "${indices.name}" are ${indices.dtype}; int32 or int64 work`,
    );
}

/** `whole` is what the indices point into, `part` what they pick or place, both [batches, outer, …, inner]. */
function emitGather(
  lowering: Lowering,
  node: Gathering,
  indices: Tensor,
  dims: { batches: number; outer: number; count: number; inner: number; depths: number[] },
  from: Tensor,
  to: Tensor,
): void {
  checkIndices(node, indices);
  refuseRequantization(node, from, to);
  const { batches, outer, count, inner, depths } = dims;
  if (depths.length < 1 || depths.length > GATHER_RANK)
    throw unsupported(node.op, node.name, `tuples of ${depths.length} indices; 1 to ${GATHER_RANK} work`);
  lowering.emit({
    node: node.name,
    record: record(node.op === "scatterNd" ? OP_SCATTER : OP_GATHER, GATHER_RECORD_BYTES, [
      [G_BATCHES, batches],
      [G_OUTER, outer],
      [G_COUNT, count],
      [G_INNER, inner],
      [G_DEPTH, depths.length],
      [G_FROM_END, node.attributes.fromEnd ? 1 : 0],
      ...listFields(G_DIMS, depths),
    ]),
    input: from,
    input2: indices,
    output: to,
    scratchBytes: 0,
    scratchField: 0,
  });
}

export function lowerGather(lowering: Lowering, node: NodeOf<"gather">): void {
  const [x, indices, y] = [inputOf(node), inputOf(node, 1), node.outputs[0]];
  const { axis, batchDims } = node.attributes;
  const dims = {
    batches: elementCount(x.shape.slice(0, batchDims)),
    outer: elementCount(x.shape.slice(batchDims, axis)),
    count: elementCount(indices.shape.slice(batchDims)),
    inner: elementCount(x.shape.slice(axis + 1)),
    depths: [x.shape[axis]],
  };
  emitGather(lowering, node, indices, dims, x, y);
}

function tupleDims(whole: Tensor, indices: Tensor, batchDims: number) {
  const depth = indices.shape[indices.shape.length - 1];
  return {
    batches: elementCount(whole.shape.slice(0, batchDims)),
    outer: 1,
    count: elementCount(indices.shape.slice(batchDims, -1)),
    inner: elementCount(whole.shape.slice(batchDims + depth)),
    depths: whole.shape.slice(batchDims, batchDims + depth),
  };
}

export function lowerGatherNd(lowering: Lowering, node: NodeOf<"gatherNd">): void {
  const [x, indices, y] = [inputOf(node), inputOf(node, 1), node.outputs[0]];
  emitGather(lowering, node, indices, tupleDims(x, indices, node.attributes.batchDims), x, y);
}

/** The whole copied, then written over in place. */
export function lowerScatterNd(lowering: Lowering, node: NodeOf<"scatterNd">): void {
  const [x, indices, updates, y] = [inputOf(node), inputOf(node, 1), inputOf(node, 2), node.outputs[0]];
  refuseRequantization(node, x, y);
  copyWhole(lowering, node.name, x, y);
  emitGather(lowering, node, indices, tupleDims(y, indices, node.attributes.batchDims), updates, y);
}

type Placed = NodeOf<"dynamicSlice"> | NodeOf<"dynamicUpdateSlice">;

/** A dense copy of `window` elements between the start of one tensor and a place of the other found at run time. */
function emitPlaced(
  lowering: Lowering,
  node: Placed,
  starts: Tensor,
  from: Tensor,
  to: Tensor,
  window: readonly number[],
): void {
  checkIndices(node, starts);
  refuseRequantization(node, from, to);
  const [x, y] = [denseStrides(from.shape), denseStrides(to.shape)];
  const isUpdate = node.op === "dynamicUpdateSlice";
  const whole = isUpdate ? to : from;
  lowering.emit({
    node: node.name,
    record: record(isUpdate ? OP_UPDATE : OP_WINDOW, WINDOW_RECORD_BYTES, [
      ...copyFields(node, from, window, { offset: 0, strides: x }, { offset: 0, strides: y }, WINDOW_SHIFT),
      [D_STARTS, window.length],
      ...listFields(
        D_LIMITS,
        window.map((n, i) => whole.shape[i] - n),
      ),
      ...listFields(D_STRIDES, isUpdate ? y : x),
    ]),
    input: from,
    input2: starts,
    output: to,
    scratchBytes: 0,
    scratchField: 0,
  });
}

export function lowerDynamicSlice(lowering: Lowering, node: NodeOf<"dynamicSlice">): void {
  const [x, starts, y] = [inputOf(node), inputOf(node, 1), node.outputs[0]];
  emitPlaced(lowering, node, starts, x, y, y.shape);
}

/** The whole copied, then a part of it written over in place. */
export function lowerDynamicUpdateSlice(lowering: Lowering, node: NodeOf<"dynamicUpdateSlice">): void {
  const [x, update, starts, y] = [inputOf(node), inputOf(node, 1), inputOf(node, 2), node.outputs[0]];
  refuseRequantization(node, x, y);
  copyWhole(lowering, node.name, x, y);
  emitPlaced(lowering, node, starts, update, y, update.shape);
}

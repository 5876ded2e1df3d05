import type { NodeOf } from "../../graph/graph.ts";
import { inputOf, type Lowering } from "../lowering.ts";
import { broadcastStrides, denseStrides } from "../strides.ts";
import { emitCopy, refuseRequantization } from "./copy.ts";

/** One copy that walks the input in the slice's strides, backwards where they are negative. */
export function lowerSlice(lowering: Lowering, node: NodeOf<"slice">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  refuseRequantization(node, x, y);
  const { begin, stride } = node.attributes;
  const dense = denseStrides(x.shape);
  const offset = begin.reduce((sum, n, axis) => sum + n * dense[axis], 0);
  // A dimension of one step has no stride, so that it never keeps its neighbours from merging.
  const strides = dense.map((n, axis) => (y.shape[axis] === 1 ? 0 : n * stride[axis]));
  emitCopy(lowering, node, x, y, y.shape, { offset, strides }, { offset: 0, strides: denseStrides(y.shape) });
}

/** One copy whose input stands still along the repeated dimensions. */
export function lowerExpand(lowering: Lowering, node: NodeOf<"expand">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  refuseRequantization(node, x, y);
  const strides = broadcastStrides(x.shape, y.shape);
  emitCopy(
    lowering,
    node,
    x,
    y,
    y.shape,
    { offset: 0, strides },
    { offset: 0, strides: denseStrides(y.shape) },
  );
}

import type { Graph, NodeOf } from "../graph.ts";
import { isFloat, sameQuantization, usesOf } from "./rewrite.ts";

/** The pad node only widens height and width. */
const isSpatial = ({ attributes: { before, after } }: NodeOf<"pad">): boolean =>
  before.length === 4 && before[0] + after[0] + before[3] + after[3] === 0;

type Windowed = NodeOf<"conv2d"> | NodeOf<"depthwiseConv2d"> | NodeOf<"maxPool2d">;

/**
 * What the operator itself pads with: zero for a convolution, nothing (−∞) for a maximum. A maximum must keep
 * at least one real element in every window.
 */
function padsAlike(node: Windowed, pad: NodeOf<"pad">): boolean {
  if (node.op !== "maxPool2d") return pad.attributes.value === 0;
  const { kernel, padding } = node.attributes;
  const { before, after, value } = pad.attributes;
  const isInside =
    padding.top + before[1] < kernel[0] &&
    padding.bottom + after[1] < kernel[0] &&
    padding.left + before[2] < kernel[1] &&
    padding.right + after[2] < kernel[1];
  return value === Number.NEGATIVE_INFINITY && isInside && isFloat(node.inputs[0]);
}

/**
 * A pad in front of a convolution (zeros) or a maximum pool (−∞) becomes the operator's own padding. Exact
 * for finite weights: a padded zero adds nothing, and a quantized zero is the zero point on both ways.
 */
export function foldPad(graph: Graph): boolean {
  let changed = false;
  const uses = usesOf(graph);
  for (const node of graph.nodes) {
    if (node.op !== "conv2d" && node.op !== "depthwiseConv2d" && node.op !== "maxPool2d") continue;
    const pad = uses.producer(node.inputs[0]);
    if (pad?.op !== "pad" || !isSpatial(pad) || !padsAlike(node, pad)) continue;
    if (!sameQuantization(pad.inputs[0]!, pad.outputs[0])) continue;
    const { before, after } = pad.attributes;
    const { top, left, bottom, right } = node.attributes.padding;
    node.inputs = [pad.inputs[0], ...node.inputs.slice(1)];
    node.attributes.padding = {
      top: top + before[1],
      left: left + before[2],
      bottom: bottom + after[1],
      right: right + after[2],
    };
    changed = true;
  }
  return changed;
}

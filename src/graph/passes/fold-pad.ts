import type { Graph, Node, NodeOf, Tensor } from "../graph.ts";
import { wideDimensions } from "./layout.ts";
import { isFloat, makeNode, sameQuantization, sameShape, tensorLike, type Uses, usesOf } from "./rewrite.ts";

type Windowed = NodeOf<"conv2d"> | NodeOf<"depthwiseConv2d"> | NodeOf<"maxPool2d">;

/** What a pad adds to the operand of a windowed operator, in the operand's own dimensions. */
interface Found {
  before: number[];
  after: number[];
  pad: NodeOf<"pad">;
  /** A transpose or reshape between the pad and the operator. */
  between: Node | undefined;
}

/** For each dimension behind a transpose, or a reshape that only adds or removes 1s, the one it was in front. */
function dimensionsBefore(between: Node): number[] | null {
  if (between.op === "transpose") return between.attributes.perm;
  const [from, to] = [between.inputs[0]!.shape, between.outputs[0].shape];
  const [wideFrom, wideTo] = [wideDimensions(from), wideDimensions(to)];
  const onlyUnits = sameShape(
    wideFrom.map((d) => from[d]),
    wideTo.map((d) => to[d]),
  );
  return onlyUnits ? to.map((_, i) => wideFrom[wideTo.indexOf(i)] ?? -1) : null;
}

function findPad(uses: Uses, operand: Tensor | null): Found | null {
  const producer = uses.producer(operand);
  if (producer?.op === "pad") return { ...producer.attributes, pad: producer, between: undefined };
  if (producer?.op !== "transpose" && producer?.op !== "reshape") return null;
  const pad = uses.producer(producer.inputs[0]);
  const dimensions = pad?.op === "pad" ? dimensionsBefore(producer) : null;
  if (pad?.op !== "pad" || !dimensions || !sameQuantization(producer.inputs[0]!, producer.outputs[0]))
    return null;
  // A padded dimension that a reshape drops is 1 with its padding, so the value itself would be empty.
  const through = (amounts: number[]) => dimensions.map((d) => (d < 0 ? 0 : amounts[d]));
  return {
    before: through(pad.attributes.before),
    after: through(pad.attributes.after),
    pad,
    between: producer,
  };
}

/** Only height and width grow. */
const isSpatial = ({ before, after }: Found): boolean =>
  before.length === 4 && before[0] + after[0] + before[3] + after[3] === 0;

/**
 * What the operator itself pads with: zero for a convolution, nothing (−∞) for a maximum. A maximum must keep
 * at least one real element in every window.
 */
function padsAlike(node: Windowed, { before, after, pad }: Found): boolean {
  if (node.op !== "maxPool2d") return pad.attributes.value === 0;
  const { kernel, padding } = node.attributes;
  const isInside =
    padding.top + before[1] < kernel[0] &&
    padding.bottom + after[1] < kernel[0] &&
    padding.left + before[2] < kernel[1] &&
    padding.right + after[2] < kernel[1];
  return pad.attributes.value === Number.NEGATIVE_INFINITY && isInside && isFloat(node.inputs[0]);
}

/** The operand without its padding; what stood between pad and operator is repeated in front of it. */
function unpadded(graph: Graph, node: Windowed, { before, after, pad, between }: Found): Tensor {
  const source = pad.inputs[0]!;
  if (!between) return source;
  const operand = between.outputs[0];
  const shape = operand.shape.map((d, i) => d - before[i] - after[i]);
  const moved = tensorLike(operand, `${operand.name}/moved`, shape);
  const repeated =
    between.op === "transpose"
      ? makeNode("transpose", between.name, [source], moved, between.attributes)
      : makeNode("reshape", between.name, [source], moved, {});
  graph.nodes.splice(graph.nodes.indexOf(node), 0, repeated);
  return moved;
}

/**
 * A pad in front of a convolution (zeros) or a maximum pool (−∞) becomes the operator's own padding. Exact
 * for finite weights: a padded zero adds nothing, and a quantized zero is the zero point on both ways.
 */
export function foldPad(graph: Graph): boolean {
  let changed = false;
  const uses = usesOf(graph);
  for (const node of [...graph.nodes]) {
    if (node.op !== "conv2d" && node.op !== "depthwiseConv2d" && node.op !== "maxPool2d") continue;
    const found = findPad(uses, node.inputs[0]);
    if (!found || !isSpatial(found) || !padsAlike(node, found)) continue;
    if (!sameQuantization(found.pad.inputs[0]!, found.pad.outputs[0])) continue;
    const { before, after } = found;
    const { top, left, bottom, right } = node.attributes.padding;
    node.inputs = [unpadded(graph, node, found), ...node.inputs.slice(1)];
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

import type { Activation, Graph, Node, Tensor } from "../graph.ts";
import { isFloat, sameQuantization, usesOf } from "./rewrite.ts";

const fusable = ["conv2d", "depthwiseConv2d", "fullyConnected", "matmul", "add", "sub", "mul"] as const;

type Fusable = Extract<Node, { op: (typeof fusable)[number] }>;

const isFusable = (node: Node | undefined): node is Fusable => fusable.some((op) => op === node?.op);

function boundsOf(node: Node): Activation | null {
  if (node.op !== "unary") return null;
  const { kind, min, max } = node.attributes;
  if (kind === "relu") return { min: 0, max: Number.POSITIVE_INFINITY };
  if (kind !== "clip") return null;
  return { min: min ?? Number.NEGATIVE_INFINITY, max: max ?? Number.POSITIVE_INFINITY };
}

/** The one clamp that equals clamping by `first` and then by `second`. */
const compose = (first: Activation, second: Activation): Activation => {
  const clamp = (v: number) => Math.min(Math.max(v, second.min), second.max);
  return { min: clamp(first.min), max: clamp(first.max) };
};

/** Quantized bounds other than 0 are rounded, and not everywhere in the same way; 0 is the zero point. */
const isExact = (bounds: Activation, x: Tensor, y: Tensor): boolean =>
  isFloat(x, y) ||
  (sameQuantization(x, y) && [bounds.min, bounds.max].every((v) => v === 0 || !Number.isFinite(v)));

/**
 * relu or clip behind a convolution, fullyConnected or arithmetic that nothing else reads becomes its
 * `activation`. Exact. For quantized values only when both sides have the same scale and zero point and
 * the bounds are 0: then the clamp picks among the same stored values.
 */
export function fuseActivation(graph: Graph): boolean {
  let changed = false;
  for (const node of [...graph.nodes]) {
    const bounds = boundsOf(node);
    if (!bounds) continue;
    const uses = usesOf(graph);
    const [x] = node.inputs;
    const producer = uses.producer(x);
    const [y] = node.outputs;
    if (!x || !isFusable(producer) || uses.onlyConsumer(x) !== node) continue;
    if (!isExact(bounds, x, y)) continue;
    producer.attributes = {
      ...producer.attributes,
      activation: compose(producer.attributes.activation, bounds),
    };
    producer.outputs = [y];
    graph.nodes.splice(graph.nodes.indexOf(node), 1);
    changed = true;
  }
  return changed;
}

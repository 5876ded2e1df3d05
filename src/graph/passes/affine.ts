import { type Graph, isUnbounded, type NodeOf } from "../graph.ts";
import { type FloatConstant, isFloatConstant, perChannel } from "./constant.ts";
import { isFloat, sameShape, type Uses } from "./rewrite.ts";

/** Operators with weights and a bias per output channel. */
export type Weighted = NodeOf<"conv2d"> | NodeOf<"depthwiseConv2d"> | NodeOf<"fullyConnected">;

export interface PerChannel {
  producer: Weighted;
  /** One value per output channel. */
  values: Float32Array;
  bias: FloatConstant | null;
}

/**
 * Matches `weighted(x) ∘ constant`, where `node` applies one constant per output channel and is the only
 * reader of a float result without an activation.
 */
export function matchPerChannel(
  node: NodeOf<"add"> | NodeOf<"sub"> | NodeOf<"mul">,
  uses: Uses,
): PerChannel | null {
  const [first, second] = node.inputs;
  const [x, constant] = isFloatConstant(first) && node.op !== "sub" ? [second, first] : [first, second];
  const producer = uses.producer(x);
  if (!x || !isFloatConstant(constant)) return null;
  if (producer?.op !== "conv2d" && producer?.op !== "depthwiseConv2d" && producer?.op !== "fullyConnected")
    return null;
  if (uses.onlyConsumer(x) !== node || !isUnbounded(producer.attributes.activation)) return null;
  if (!isFloat(x, ...producer.inputs, ...node.outputs) || !sameShape(x.shape, node.outputs[0].shape))
    return null;
  const bias = producer.inputs[2] ?? null;
  if (bias !== null && !isFloatConstant(bias)) return null;
  const values = perChannel(constant, x.shape);
  return values && { producer, values, bias };
}

/** `node`, which only changed numbers now in its producer, goes; the producer writes its result. */
export function replaceByProducer(
  graph: Graph,
  producer: Weighted,
  node: NodeOf<"add"> | NodeOf<"sub"> | NodeOf<"mul">,
): void {
  producer.outputs = [...node.outputs];
  producer.attributes.activation = node.attributes.activation;
  graph.nodes.splice(graph.nodes.indexOf(node), 1);
}

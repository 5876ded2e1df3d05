import type { Graph, Tensor } from "../graph.ts";
import { matchPerChannel, replaceByProducer, type Weighted } from "./affine.ts";
import { type FloatConstant, floatConstant, isFloatConstant } from "./constant.ts";
import { usesOf } from "./rewrite.ts";

/** Weights times one factor per output channel: the last dimension of depthwise weights, else the first. */
function scaleWeights(op: Weighted["op"], weights: FloatConstant, factors: Float32Array): FloatConstant {
  const channels = factors.length;
  const perRow = weights.data.length / channels;
  const channelOf = (i: number) => (op === "depthwiseConv2d" ? i % channels : Math.floor(i / perRow));
  return { ...weights, data: weights.data.map((w, i) => w * factors[channelOf(i)]) };
}

/**
 * convolution or fullyConnected × one constant per output channel, as a batch normalization leaves it: the
 * factors go into weights and bias. Float results differ by rounding: the factor is applied before the sum.
 * An addition behind it is left to `fuseBias`.
 */
export function foldBatchNorm(graph: Graph): boolean {
  let changed = false;
  for (const node of [...graph.nodes]) {
    if (node.op !== "mul") continue;
    const match = matchPerChannel(node, usesOf(graph));
    const weights = match?.producer.inputs[1];
    if (!match || !isFloatConstant(weights)) continue;
    const { producer, values, bias } = match;
    const scaledBias: Tensor | null =
      bias &&
      floatConstant(
        bias.name,
        bias.shape,
        bias.data.map((b, c) => b * values[c]),
      );
    producer.inputs = [producer.inputs[0], scaleWeights(producer.op, weights, values), scaledBias];
    replaceByProducer(graph, producer, node);
    changed = true;
  }
  return changed;
}

import type { Graph } from "../graph.ts";
import { matchPerChannel, replaceByProducer } from "./affine.ts";
import { floatConstant } from "./constant.ts";
import { usesOf } from "./rewrite.ts";

/**
 * convolution or fullyConnected + (or −) one constant per output channel: the constant joins the bias. Float
 * results differ by rounding where there was a bias before; integer graphs are left alone.
 */
export function fuseBias(graph: Graph): boolean {
  let changed = false;
  for (const node of [...graph.nodes]) {
    if (node.op !== "add" && node.op !== "sub") continue;
    const match = matchPerChannel(node, usesOf(graph));
    if (!match) continue;
    const { producer, values, bias } = match;
    const sign = node.op === "sub" ? -1 : 1;
    const sums = values.map((v, c) => (bias ? bias.data[c] + sign * v : sign * v));
    const name = bias?.name ?? `${producer.name}/bias`;
    producer.inputs = [producer.inputs[0], producer.inputs[1], floatConstant(name, [sums.length], sums)];
    replaceByProducer(graph, producer, node);
    changed = true;
  }
  return changed;
}

/** Where channels can be changed before a layer and changed back in its weights. */

import type { Activation, Graph, Node, Tensor } from "../../graph/graph.ts";
import { usesOf } from "../../graph/passes/rewrite.ts";

/** A tensor whose channels can be scaled where they are made, and the layers that read nothing else of it. */
export interface Site {
  tensor: Tensor;
  source: Node;
  readers: Node[];
}

/**
 * Tensors that a layer, a normalization or a multiplication by a constant makes and that only layers `isRead` read,
 * all of them with constants of their own.
 */
export function findSites(graph: Graph, isRead: (node: Node) => boolean): Site[] {
  const { consumers } = usesOf(graph);
  const kept = new Set([...graph.outputs, ...(graph.states ?? []).map(({ next }) => next)]);
  const isOwn = (tensor: Tensor | null | undefined): boolean =>
    !tensor || (tensor.data instanceof Float32Array && consumers(tensor).length === 1);
  const takesScale = (node: Node, input: Tensor): boolean => {
    const isLayer = node.op === "fullyConnected" || (node.op === "conv2d" && node.attributes.groups === 1);
    return (
      isLayer &&
      isRead(node) &&
      node.inputs[0] === input &&
      isOwn(node.inputs[1]) &&
      Boolean(node.inputs[1]?.data)
    );
  };
  /** The layers behind `tensor`, where nothing else reads it; reshapes that keep the channels are looked through. */
  const layersBehind = (tensor: Tensor): Node[] | undefined => {
    if (kept.has(tensor)) return undefined;
    const found: Node[] = [];
    for (const node of consumers(tensor)) {
      if (takesScale(node, tensor)) found.push(node);
      else if (node.op === "reshape" && node.outputs[0].shape.at(-1) === tensor.shape.at(-1)) {
        const behind = layersBehind(node.outputs[0]);
        if (!behind) return undefined;
        found.push(...behind);
      } else return undefined;
    }
    return found;
  };
  return graph.nodes.flatMap((source): Site[] => {
    const [, weights, bias] = source.inputs;
    const tensor = source.outputs[0];
    const channels = tensor.shape.at(-1) ?? 1;
    if (!isOwn(weights) || !isOwn(bias) || !weights?.data || !scales(source, channels)) return [];
    const behind = layersBehind(tensor);
    const fits = behind?.every(({ inputs }) => inputs[1]!.shape.at(-1) === channels);
    return behind && behind.length > 0 && fits ? [{ tensor, source, readers: behind }] : [];
  });
}

/** Whether what a node makes is divided channel by channel as its constants are. */
function scales(node: Node, channels: number): boolean {
  if (node.op === "normalize") return node.inputs[1]!.data!.length === channels;
  if (node.op === "mul") {
    const [, factor] = node.inputs;
    return (
      factor!.shape.at(-1) === channels &&
      factor!.data!.length === channels &&
      isScalable(node.attributes.activation)
    );
  }
  const isLayer = node.op === "conv2d" || node.op === "fullyConnected" || node.op === "depthwiseConv2d";
  return isLayer && isScalable(node.attributes.activation);
}

/** Bounds that a positive factor maps onto themselves. */
export const isScalable = ({ min, max }: Activation): boolean =>
  (min === 0 || min === -Infinity) && max === Infinity;

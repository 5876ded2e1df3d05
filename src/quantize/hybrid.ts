/** Layers that came with int8 weights and float activations. */

import type { Graph, Node, NodeOf } from "../graph/graph.ts";
import { dequantizeValue } from "../numerics/convert.ts";

const isHybrid = (node: Node): node is NodeOf<"dynamicFullyConnected"> =>
  node.op === "dynamicFullyConnected" &&
  node.attributes.bits === 8 &&
  node.attributes.blockSize >= node.inputs[1]!.shape[1];

/** Those with a scale per row of int8 weights as the float layers that they stand for, which can then have any scheme. */
export function asFloatLayers(graph: Graph): Graph {
  if (!graph.nodes.some(isHybrid)) return graph;
  return { ...graph, nodes: graph.nodes.map((node) => (isHybrid(node) ? asFloatLayer(node) : node)) };
}

function asFloatLayer({ name, inputs, outputs, attributes }: NodeOf<"dynamicFullyConnected">): Node {
  const [x, weights, bias] = inputs;
  const { data, shape, quantization } = weights!;
  const { scale, zeroPoint } = quantization!;
  const real = Float32Array.from(data as Int8Array, (q, i) => {
    const row = Math.floor(i / shape[1]);
    return dequantizeValue(q, { scale: scale[row], zeroPoint: zeroPoint[row] });
  });
  return {
    op: "fullyConnected",
    name,
    inputs: [x, { name: weights!.name, dtype: "float32", shape, data: real }, bias],
    outputs,
    attributes: { activation: attributes.activation },
  };
}

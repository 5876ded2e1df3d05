/** Layers that came with int8 weights and float activations. */

import type { Graph, Node, NodeOf, Tensor } from "../graph/graph.ts";
import { makeNode } from "../graph/passes/rewrite.ts";
import { dequantizeValue } from "../numerics/convert.ts";

const isHybrid = (node: Node): node is NodeOf<"dynamicFullyConnected"> =>
  node.op === "dynamicFullyConnected" &&
  node.attributes.bits === 8 &&
  node.attributes.blockSize >= node.inputs[1]!.shape[1];

/**
 * Layers with a scale per row of int8 weights, which are float32 outside, as the float layers that they stand for: those can have
 * any scheme. `quantize` begins with it.
 */
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
  const matrix: Tensor = { name: weights!.name, dtype: "float32", shape, data: real };
  const { activation } = attributes;
  if (x!.shape.length !== 4)
    return makeNode("fullyConnected", name, [x, matrix, bias], outputs[0], { activation });
  const padding = { top: 0, bottom: 0, left: 0, right: 0 };
  const kernel = { ...matrix, shape: [shape[0], 1, 1, shape[1]] };
  return makeNode("conv2d", name, [x, kernel, bias], outputs[0], {
    stride: [1, 1],
    dilation: [1, 1],
    padding,
    groups: 1,
    activation,
  });
}

import { bytesPerElement, elementCount, type Node } from "../graph/graph.ts";

/** Bytes of an operator's constants with their scales; values of fewer than 8 bits share bytes. */
export function constantBytes(node: Node): number {
  const bits = node.op === "dynamicFullyConnected" ? node.attributes.bits : undefined;
  return node.inputs.reduce((sum, tensor, i) => {
    if (!tensor?.data) return sum;
    const share = i === 1 && bits !== undefined ? bits / 8 : bytesPerElement(tensor.dtype);
    const scales = tensor.dtype === "int8" ? 4 * (tensor.quantization?.scale.length ?? 0) : 0;
    return sum + Math.ceil(elementCount(tensor.shape) * share) + scales;
  }, 0);
}

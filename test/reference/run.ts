import type { Graph, Node, Tensor, TensorData } from "../../src/graph/graph.ts";
import { arithmetic, cast, select } from "./arithmetic.ts";
import { conv2d, depthwiseConv2d, fullyConnected } from "./conv.ts";
import { dynamicFullyConnected } from "./dynamic.ts";
import { binary } from "./elementwise.ts";
import { dynamicSlice, dynamicUpdateSlice, gather, gatherNd, scatterNd } from "./gather.ts";
import { integerConv2d, integerMatMul } from "./integer.ts";
import { matmul } from "./matmul.ts";
import { mean } from "./mean.ts";
import { concat, dilate, expand, pad, reshape, slice, transpose } from "./move.ts";
import { normalize } from "./normalize.ts";
import { averagePool2d, maxPool2d } from "./pool.ts";
import { center, dequantizeLinear, dynamicRange, quantizeLinear } from "./quantize-linear.ts";
import { recurrent } from "./recurrent.ts";
import { argExtreme, cumsum, reduce } from "./reduce.ts";
import { resize2d } from "./resize.ts";
import { softmax } from "./softmax.ts";
import { microFeatures, spectrum } from "./spectrum.ts";
import type { Operands } from "./tensor.ts";
import { dequantize, quantize, unary } from "./unary.ts";

/** The result, or the results of an operator that has several. */
function runNode(node: Node, operands: Operands): TensorData | TensorData[] {
  switch (node.op) {
    case "conv2d":
      return conv2d(node, operands);
    case "depthwiseConv2d":
      return depthwiseConv2d(node, operands);
    case "fullyConnected":
      return fullyConnected(node, operands);
    case "matmul":
      return matmul(node, operands);
    case "dynamicFullyConnected":
      return dynamicFullyConnected(node, operands);
    case "add":
    case "sub":
    case "mul":
      return ["int32", "int64"].includes(node.outputs[0].dtype)
        ? arithmetic(node, operands)
        : binary(node, operands);
    case "binary":
      return arithmetic(node, operands);
    case "select":
      return select(node, operands);
    case "cast":
      return cast(node, operands);
    case "averagePool2d":
      return averagePool2d(node, operands);
    case "maxPool2d":
      return maxPool2d(node, operands);
    case "mean":
      return mean(node, operands);
    case "softmax":
      return softmax(node, operands);
    case "unary":
      return unary(node, operands);
    case "reshape":
      return reshape(node, operands);
    case "transpose":
      return transpose(node, operands);
    case "recurrent":
      return recurrent(node, operands);
    case "slice":
      return slice(node, operands);
    case "expand":
      return expand(node, operands);
    case "gather":
      return gather(node, operands);
    case "gatherNd":
      return gatherNd(node, operands);
    case "scatterNd":
      return scatterNd(node, operands);
    case "dynamicSlice":
      return dynamicSlice(node, operands);
    case "dynamicUpdateSlice":
      return dynamicUpdateSlice(node, operands);
    case "pad":
      return pad(node, operands);
    case "concat":
      return concat(node, operands);
    case "quantize":
      return quantize(node, operands);
    case "dequantize":
      return dequantize(node, operands);
    case "reduce":
      return reduce(node, operands);
    case "argExtreme":
      return argExtreme(node, operands);
    case "cumsum":
      return cumsum(node, operands);
    case "normalize":
      return normalize(node, operands);
    case "resize2d":
      return resize2d(node, operands);
    case "dilate":
      return dilate(node, operands);
    case "quantizeLinear":
      return quantizeLinear(node, operands);
    case "dequantizeLinear":
      return dequantizeLinear(node, operands);
    case "center":
      return center(node, operands);
    case "dynamicRange":
      return dynamicRange(node, operands);
    case "integerConv2d":
      return integerConv2d(node, operands);
    case "spectrum":
      return spectrum(node, operands);
    case "microFeatures":
      return microFeatures(node, operands);
    case "integerMatMul":
      return integerMatMul(node, operands);
  }
}

/**
 * Interprets a graph by docs/numerics.md, one obvious function per operator: the values every kernel has to
 * reproduce bit for bit. `inputs` are in the order of `graph.inputs` and of their types.
 * Returns the values of all inputs, constants and computed tensors.
 */
export function runReference(graph: Graph, inputs: readonly TensorData[]): Map<Tensor, TensorData> {
  const values = new Map<Tensor, TensorData>(graph.inputs.map((tensor, i) => [tensor, inputs[i]]));
  const read = (tensor: Tensor): TensorData => {
    const value = values.get(tensor) ?? tensor.data;
    if (!value) throw new Error(`tensor "${tensor.name}" is read before anything writes it`);
    values.set(tensor, value);
    return value;
  };
  for (const node of graph.nodes) {
    const operands = { graph, values: node.inputs.map((tensor) => tensor && read(tensor)) };
    const results = runNode(node, operands);
    for (const [i, result] of (Array.isArray(results) ? results : [results]).entries())
      values.set(node.outputs[i], result);
  }
  return values;
}

import type { Node, Tensor } from "../../graph/graph.ts";
import { inputOf, type Lowering, unsupported } from "../lowering.ts";
import { lowerArithmetic, lowerCast, lowerSelect } from "./arithmetic.ts";
import { lowerBinary } from "./binary.ts";
import { lowerConv2d, lowerDepthwise, lowerFullyConnected } from "./conv.ts";
import { lowerConcat, lowerDilate, lowerPad, lowerReshape, lowerTranspose } from "./copy.ts";
import { lowerDynamic } from "./dynamic.ts";
import {
  lowerDynamicSlice,
  lowerDynamicUpdateSlice,
  lowerGather,
  lowerGatherNd,
  lowerScatterNd,
} from "./gather.ts";
import { emitRequantize, lowerBinary16, lowerLayer16, lowerUnary16 } from "./int16.ts";
import { lowerIntegerConv, lowerIntegerMatMul } from "./integer.ts";
import { lowerNormalize } from "./normalize.ts";
import { lowerMean, lowerPool } from "./pool.ts";
import { lowerMatmul } from "./product.ts";
import {
  emitDequantize16,
  emitDivision,
  emitQuantize16,
  lowerCenter,
  lowerDequantizeLinear,
  lowerDynamicRange,
  lowerQuantizeLinear,
} from "./quantize-linear.ts";
import { lowerRecurrent } from "./recurrent.ts";
import { lowerArgExtreme, lowerCumsum, lowerReduce, refuseReductionTypes } from "./reduce.ts";
import { lowerResize } from "./resize.ts";
import { lowerExpand, lowerSlice } from "./slice.ts";
import { lowerMicroFeatures, lowerSpectrum } from "./spectrum.ts";
import { emitQuantize, lowerDequantize, lowerSoftmax, lowerUnary } from "./unary.ts";

/** Emits the engine operators that compute `node`. */
export function lowerNode(lowering: Lowering, node: Node): void {
  if (hasInt16(node)) return lowerInt16(lowering, node);
  refuseTypes(node);
  switch (node.op) {
    case "conv2d":
      return lowerConv2d(lowering, node);
    case "depthwiseConv2d":
      return lowerDepthwise(lowering, node);
    case "fullyConnected":
      return lowerFullyConnected(lowering, node);
    case "matmul":
      return lowerMatmul(lowering, node);
    case "dynamicFullyConnected":
      return lowerDynamic(lowering, node);
    case "add":
    case "sub":
    case "mul":
      return hasWholeNumbers(node) ? lowerArithmetic(lowering, node) : lowerBinary(lowering, node);
    case "binary":
      return lowerArithmetic(lowering, node);
    case "select":
      return lowerSelect(lowering, node);
    case "cast":
      return lowerCast(lowering, node);
    case "reshape":
      return lowerReshape(lowering, node);
    case "transpose":
      return lowerTranspose(lowering, node);
    case "recurrent":
      return lowerRecurrent(lowering, node);
    case "slice":
      return lowerSlice(lowering, node);
    case "expand":
      return lowerExpand(lowering, node);
    case "gather":
      return lowerGather(lowering, node);
    case "gatherNd":
      return lowerGatherNd(lowering, node);
    case "scatterNd":
      return lowerScatterNd(lowering, node);
    case "dynamicSlice":
      return lowerDynamicSlice(lowering, node);
    case "dynamicUpdateSlice":
      return lowerDynamicUpdateSlice(lowering, node);
    case "pad":
      return lowerPad(lowering, node);
    case "concat":
      return lowerConcat(lowering, node);
    case "averagePool2d":
    case "maxPool2d":
      return lowerPool(lowering, node);
    case "mean":
      return lowerMean(lowering, node);
    case "softmax":
      return lowerSoftmax(lowering, node);
    case "unary":
      return lowerUnary(lowering, node);
    case "quantize":
      return node.attributes.divides && inputOf(node).dtype === "float32"
        ? emitDivision(lowering, node.name, inputOf(node), node.outputs[0]!)
        : emitQuantize(lowering, node.name, inputOf(node), node.outputs[0]!);
    case "dequantize":
      return lowerDequantize(lowering, node);
    case "reduce":
      return lowerReduce(lowering, node);
    case "argExtreme":
      return lowerArgExtreme(lowering, node);
    case "cumsum":
      return lowerCumsum(lowering, node);
    case "normalize":
      return lowerNormalize(lowering, node);
    case "resize2d":
      return lowerResize(lowering, node);
    case "dilate":
      return lowerDilate(lowering, node);
    case "quantizeLinear":
      return lowerQuantizeLinear(lowering, node);
    case "dequantizeLinear":
      return lowerDequantizeLinear(lowering, node);
    case "center":
      return lowerCenter(lowering, node);
    case "dynamicRange":
      return lowerDynamicRange(lowering, node);
    case "integerConv2d":
      return lowerIntegerConv(lowering, node);
    case "spectrum":
      return lowerSpectrum(lowering, node);
    case "microFeatures":
      return lowerMicroFeatures(lowering, node);
    case "integerMatMul":
      return lowerIntegerMatMul(lowering, node);
  }
}

/** Operators that only move elements; the others compute, in float32 or int8. */
const movers = new Set([
  "dilate",
  ...["reshape", "transpose", "slice", "expand", "pad", "concat"],
  ...["gather", "gatherNd", "scatterNd", "dynamicSlice", "dynamicUpdateSlice"],
]);

/** Operators whose records say the types of their tensors. */
const typed = new Set([
  "quantizeLinear",
  "dequantizeLinear",
  "center",
  "dynamicRange",
  "integerConv2d",
  "integerMatMul",
  "spectrum",
  "microFeatures",
]);

/** Operators that take every type, as far as they do; they refuse the rest themselves. */
const anyType = new Set(["binary", "select", "cast"]);

const wholeNumbers = new Set(["int32", "int64"]);

/** Arithmetic of whole numbers, which stand for nothing else. */
const hasWholeNumbers = (node: Node): boolean =>
  ["add", "sub", "mul"].includes(node.op) && wholeNumbers.has(node.outputs[0].dtype);

/** Arithmetic with int16 at one end: it has kernels of its own. */
const hasInt16 = (node: Node): boolean =>
  wide.has(node.op) && [node.inputs[0], node.outputs[0]].some((t) => t?.dtype === "int16" || isSum(t));

/** int32 with a scale: what QUANTIZE takes and gives besides. */
const isSum = (t: Tensor | null | undefined): boolean => t?.dtype === "int32" && t.quantization !== undefined;

const wide = new Set([
  ...["conv2d", "depthwiseConv2d", "fullyConnected", "add", "sub", "mul", "unary", "quantize", "dequantize"],
]);

function lowerInt16(lowering: Lowering, node: Node): void {
  switch (node.op) {
    case "conv2d":
    case "depthwiseConv2d":
    case "fullyConnected":
      return lowerLayer16(lowering, node);
    case "add":
    case "sub":
    case "mul":
      return lowerBinary16(lowering, node);
    case "unary":
      return lowerUnary16(lowering, node);
    case "quantize":
    case "dequantize": {
      const [x, y] = [inputOf(node), node.outputs[0]];
      if (y.dtype === "float32") return emitDequantize16(lowering, node.name, x, y);
      if (x.dtype === "float32") return emitQuantize16(lowering, node.name, x, y);
      return emitRequantize(lowering, node, x, y);
    }
  }
}

function refuseTypes(node: Node): void {
  if (node.op === "reduce" || node.op === "argExtreme" || node.op === "cumsum")
    return refuseReductionTypes(node);
  if (movers.has(node.op) || anyType.has(node.op) || hasWholeNumbers(node)) return;
  if (node.op === "recurrent") return;
  if (movers.has(node.op) || anyType.has(node.op) || typed.has(node.op) || hasWholeNumbers(node)) return;
  for (const tensor of [...node.inputs.slice(0, 1), ...node.outputs]) {
    if (tensor && !["float32", "int8", "uint8"].includes(tensor.dtype))
      throw unsupported(
        node.op,
        node.name,
        `tensor "${tensor.name}" is ${tensor.dtype}; the kernels take float32, int8 and uint8`,
      );
  }
}

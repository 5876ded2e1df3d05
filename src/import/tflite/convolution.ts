import { emitHybrid } from "./hybrid.ts";
import {
  activationOf,
  checkRank,
  emit,
  type Operator,
  requiredIndex,
  requiredOptions,
  show,
  wrong,
} from "./operator.ts";
import { options } from "./schema.ts";
import { readOperands } from "./weights.ts";
import { type Pair, readPair, resolvePadding } from "./window.ts";

type Fields = typeof options.conv2d | typeof options.depthwiseConv2d;

function readWindow(operator: Operator, ids: Fields) {
  const table = requiredOptions(operator, ids.type);
  return {
    table,
    stride: readPair(operator, table, "stride", ids.strideH, ids.strideW),
    dilation: readPair(operator, table, "dilation", ids.dilationH, ids.dilationW, 1),
    activation: activationOf(operator, table, ids.activation),
  };
}

/** Every pixel's channels are a row of a matrix product. */
function isPointwise(operator: Operator, stride: Pair): boolean {
  const [x, weights] = [0, 1].map((i) => operator.tensors.records[requiredIndex(operator, i)].shape);
  const isOne = weights.length === 4 && weights[1] === 1 && weights[2] === 1;
  return isOne && stride[0] === 1 && stride[1] === 1 && weights[3] === x[3];
}

export function convertConv2d(operator: Operator): void {
  const ids = options.conv2d;
  const { table, stride, dilation, activation } = readWindow(operator, ids);
  const { x, weights, bias, y } = readOperands(operator, 4, 0, isPointwise(operator, stride));
  checkRank(operator, x, 4);
  const [channels, kernelH, kernelW, perGroup] = weights.shape;
  const groups = x.shape[3] / perGroup;
  if (!Number.isInteger(groups) || channels % groups !== 0) {
    throw wrong(
      operator,
      `weights ${show(weights)} do not divide the ${x.shape[3]} channels of ${show(x)} into groups`,
    );
  }
  const kernel: Pair = [kernelH, kernelW];
  const padding = resolvePadding(operator, table, ids.padding, x, y, channels, kernel, stride, dilation);
  if (x.dtype === "float32" && weights.dtype === "int8")
    return emitHybrid(operator, x, weights, bias, activation);
  emit(operator, "conv2d", [x, weights, bias], { stride, dilation, padding, activation, groups });
}

/** The multiplier follows from the shapes; the file's own field for it is redundant and ignored by runtimes. */
export function convertDepthwiseConv2d(operator: Operator): void {
  const ids = options.depthwiseConv2d;
  const { x, weights, bias, y } = readOperands(operator, 4, 3);
  const { table, stride, dilation, activation } = readWindow(operator, ids);
  checkRank(operator, x, 4);
  const [one, kernelH, kernelW, channels] = weights.shape;
  const multiplier = channels / x.shape[3];
  if (one !== 1 || !Number.isInteger(multiplier)) {
    throw wrong(
      operator,
      `weights ${show(weights)}: expected [1,KH,KW,a multiple of the ${x.shape[3]} channels of ${show(x)}]`,
    );
  }
  const kernel: Pair = [kernelH, kernelW];
  const padding = resolvePadding(operator, table, ids.padding, x, y, channels, kernel, stride, dilation);
  emit(operator, "depthwiseConv2d", [x, weights, bias], {
    stride,
    dilation,
    padding,
    activation,
    multiplier,
  });
}

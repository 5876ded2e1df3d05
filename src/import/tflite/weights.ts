/** Weights and biases of convolutions and fully connected layers. */
import { elementCount, type Tensor } from "../../graph/graph.ts";
import { isHybridRow } from "./hybrid.ts";
import {
  checkActivation,
  input,
  isQuantized,
  type Operator,
  operandIndex,
  output,
  refused,
  requiredIndex,
  show,
  withInt16,
  wrong,
} from "./operator.ts";
import { floatConstantAt, tensorAt } from "./tensors.ts";

export interface Operands {
  x: Tensor;
  weights: Tensor;
  bias: Tensor | null;
  y: Tensor;
}

function readWeights(operator: Operator, x: Tensor, channelAxis: number, isRows: boolean): Tensor {
  const index = requiredIndex(operator, 1);
  const stored = tensorAt(operator.tensors, index);
  const isComputedAllowed = isRows && stored.shape.length === 2;
  if (!stored.data && isComputedAllowed && stored.dtype === "float32" && x.dtype === "float32") return stored;
  if (!stored.data) throw refused(operator, `weights ${show(stored)} have to be a constant`);
  const { quantization } = stored;
  if (isQuantized(stored.dtype)) {
    if (!quantization) throw wrong(operator, `weights ${show(stored)} have no scale`);
    if (quantization.scale.length > 1) {
      if (quantization.axis !== channelAxis) {
        throw refused(
          operator,
          `weights ${show(stored)}: scales along dimension ${quantization.axis}, expected along ${channelAxis}`,
        );
      }
      if (quantization.zeroPoint.some((z) => z !== 0)) {
        throw refused(operator, `weights ${show(stored)}: per-channel zero points have to be 0`);
      }
    }
  }
  if (x.dtype === "float32" && stored.dtype === "int8")
    return isRows && isHybridRow(stored) ? stored : floatConstantAt(operator.tensors, index);
  if (stored.dtype !== (x.dtype === "int16" ? "int8" : x.dtype)) {
    throw refused(operator, `weights ${show(stored)} do not go with an input of type ${x.dtype}`);
  }
  return stored;
}

export function readBias(operator: Operator, x: Tensor, channels: number, operand = 2): Tensor | null {
  const index = operandIndex(operator, operand);
  if (index === undefined) return null;
  const bias = tensorAt(operator.tensors, index);
  const expected = x.dtype === "float32" ? "float32" : "int32";
  if (!bias.data) throw refused(operator, `bias ${show(bias)} has to be a constant`);
  const isWide = x.dtype === "int16" && bias.dtype === "int64";
  if (bias.dtype !== expected && !isWide)
    throw refused(operator, `bias ${show(bias)}: expected type ${expected}`);
  if (elementCount(bias.shape) !== channels) {
    throw wrong(operator, `bias ${show(bias)}: expected ${channels} values, one per output channel`);
  }
  return bias.shape.length === 1 ? bias : { ...bias, shape: [channels] };
}

/**
 * x, weights, bias and y, of matching types; `channelAxis` is the weights' output dimension. Where rows of x
 * meet rows of weights (`isRows`), those may be computed in a fully connected layer, and int8 ones stay int8 where x is float32.
 */
export function readOperands(
  operator: Operator,
  rank: number,
  channelAxis: number,
  isRows = false,
): Operands {
  const x = input(operator, 0);
  const y = output(operator);
  for (const tensor of [x, y]) checkActivation(operator, tensor, withInt16);
  if (x.dtype !== y.dtype) throw refused(operator, `types of ${show(x)} and ${show(y)} differ`);
  const weights = readWeights(operator, x, channelAxis, isRows);
  if (weights.shape.length !== rank) {
    throw wrong(operator, `weights ${show(weights)}: expected ${rank} dimensions`);
  }
  return { x, weights, bias: readBias(operator, x, weights.shape[channelAxis]), y };
}

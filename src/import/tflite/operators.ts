/** The table of operators that can be imported, by their names in the schema. */
import {
  convertArithmetic,
  convertCast,
  convertComparison,
  convertFloatArithmetic,
  convertLogic,
  convertNot,
  convertSelect,
  convertWholeArithmetic,
} from "./arithmetic.ts";
import { convertConv2d, convertDepthwiseConv2d } from "./convolution.ts";
import {
  convertBinary,
  convertClip,
  convertElu,
  convertGelu,
  convertLeakyRelu,
  convertNeg,
  convertUnary,
} from "./elementwise.ts";
import { convertFullyConnected } from "./fully-connected.ts";
import { convertConcatenation, convertPad, convertReshape, convertTranspose } from "./layout.ts";
import type { OperatorRecord } from "./model.ts";
import type { Conversion, OutputCount } from "./operator.ts";
import { convertAveragePool2d, convertMaxPool2d } from "./pool.ts";
import { convertDensify, convertDequantize, convertQuantize } from "./quantize.ts";
import { convertMean, convertSoftmax } from "./reduce.ts";

const conversions = new Map<string, Conversion>([
  ["ABS", convertUnary("abs")],
  ["ADD", convertBinary("add")],
  ["AVERAGE_POOL_2D", convertAveragePool2d],
  ["CAST", convertCast],
  ["CEIL", convertUnary("ceil")],
  ["CONCATENATION", convertConcatenation],
  ["CONV_2D", convertConv2d],
  ["DENSIFY", convertDensify],
  ["COS", convertUnary("cos")],
  ["DEPTHWISE_CONV_2D", convertDepthwiseConv2d],
  ["DEQUANTIZE", convertDequantize],
  ["DIV", convertArithmetic("div")],
  ["ELU", convertElu],
  ["EQUAL", convertComparison("equal")],
  ["EXP", convertUnary("exp")],
  ["EXPAND_DIMS", convertReshape],
  ["FLOOR", convertUnary("floor")],
  ["FLOOR_DIV", convertArithmetic("floorDiv")],
  ["FLOOR_MOD", convertWholeArithmetic("floorMod")],
  ["FULLY_CONNECTED", convertFullyConnected],
  ["GELU", convertGelu],
  ["GREATER", convertComparison("greater")],
  ["GREATER_EQUAL", convertComparison("greaterEqual")],
  ["HARD_SWISH", convertUnary("hardSwish")],
  ["LEAKY_RELU", convertLeakyRelu],
  ["LESS", convertComparison("less")],
  ["LESS_EQUAL", convertComparison("lessEqual")],
  ["LOG", convertUnary("log")],
  ["LOGICAL_AND", convertLogic("and")],
  ["LOGICAL_NOT", convertNot],
  ["LOGICAL_OR", convertLogic("or")],
  ["LOGISTIC", convertUnary("logistic")],
  ["MAXIMUM", convertArithmetic("maximum")],
  ["MAX_POOL_2D", convertMaxPool2d],
  ["MEAN", convertMean],
  ["MINIMUM", convertArithmetic("minimum")],
  ["MUL", convertBinary("mul")],
  ["NEG", convertNeg],
  ["NOT_EQUAL", convertComparison("notEqual")],
  ["PAD", convertPad],
  ["PADV2", convertPad],
  ["POW", convertFloatArithmetic("pow")],
  ["PRELU", convertFloatArithmetic("prelu")],
  ["QUANTIZE", convertQuantize],
  ["RELU", convertUnary("relu")],
  ["RELU6", convertClip(0, 6)],
  ["RELU_0_TO_1", convertClip(0, 1)],
  ["RELU_N1_TO_1", convertClip(-1, 1)],
  ["RESHAPE", convertReshape],
  ["ROUND", convertUnary("round")],
  ["RSQRT", convertUnary("rsqrt")],
  ["SELECT", convertSelect],
  ["SELECT_V2", convertSelect],
  ["SIGN", convertUnary("sign")],
  ["SIN", convertUnary("sin")],
  ["SOFTMAX", convertSoftmax],
  ["SQRT", convertUnary("sqrt")],
  ["SQUARE", convertUnary("square")],
  ["SQUARED_DIFFERENCE", convertArithmetic("squaredDifference")],
  ["SQUEEZE", convertReshape],
  ["SUB", convertBinary("sub")],
  ["TANH", convertUnary("tanh")],
  ["TRANSPOSE", convertTranspose],
]);

/** Of operators that do not have exactly one output. */
const outputCounts = new Map<string, OutputCount>([]);

export const outputCountOf = ({ name }: OperatorRecord): OutputCount =>
  outputCounts.get(name) ?? { least: 1, most: 1 };

/** undefined for custom operators, whatever their code, and for built-in ones that can't be imported. */
export function conversionOf(record: OperatorRecord): Conversion | undefined {
  return record.isCustom ? undefined : conversions.get(record.name);
}

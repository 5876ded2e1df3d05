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
import { convertBatchMatmul } from "./batch-matmul.ts";
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
import {
  convertDynamicUpdateSlice,
  convertEmbeddingLookup,
  convertFill,
  convertGather,
  convertGatherNd,
  convertOneHot,
  convertRange,
  convertScatterNd,
  convertShape,
  convertZerosLike,
} from "./gathering.ts";
import { convertConcatenation, convertPad, convertReshape, convertTranspose } from "./layout.ts";
import { convertSequenceLstm } from "./lstm.ts";
import type { OperatorRecord } from "./model.ts";
import { convertL2Normalization, convertLocalResponseNormalization } from "./normalization.ts";
import type { Conversion, OutputCount } from "./operator.ts";
import { convertAveragePool2d, convertMaxPool2d } from "./pool.ts";
import { convertDensify, convertDequantize, convertQuantize } from "./quantize.ts";
import { convertArgExtreme, convertCumsum, convertMean, convertReduce, convertSoftmax } from "./reduce.ts";
import {
  convertBatchToSpace,
  convertBroadcastTo,
  convertDepthToSpace,
  convertMirrorPad,
  convertPack,
  convertReverse,
  convertSpaceToBatch,
  convertSpaceToDepth,
  convertTile,
} from "./repeating.ts";
import { convertResizeBilinear, convertResizeNearest } from "./resize.ts";
import { convertSignalFeatures, signalFeatures } from "./signal.ts";
import { convertSlice, convertSplit, convertSplitV, convertStridedSlice, convertUnpack } from "./slicing.ts";
import { convertSvdf } from "./svdf.ts";
import { convertTransposeConv } from "./transpose-conv.ts";
import {
  convertAssignVariable,
  convertCallOnce,
  convertReadVariable,
  convertVarHandle,
} from "./variables.ts";

const conversions = new Map<string, Conversion>([
  ["ABS", convertUnary("abs")],
  ["ADD", convertBinary("add")],
  ["ASSIGN_VARIABLE", convertAssignVariable],
  ["AVERAGE_POOL_2D", convertAveragePool2d],
  ["BATCH_MATMUL", convertBatchMatmul],
  ["CALL_ONCE", convertCallOnce],
  ["BATCH_TO_SPACE_ND", convertBatchToSpace],
  ["BROADCAST_TO", convertBroadcastTo],
  ["ARG_MAX", convertArgExtreme("max")],
  ["ARG_MIN", convertArgExtreme("min")],
  ["CAST", convertCast],
  ["CEIL", convertUnary("ceil")],
  ["CONCATENATION", convertConcatenation],
  ["CONV_2D", convertConv2d],
  ["CUMSUM", convertCumsum],
  ["DENSIFY", convertDensify],
  ["COS", convertUnary("cos")],
  ["DEPTHWISE_CONV_2D", convertDepthwiseConv2d],
  ["DEPTH_TO_SPACE", convertDepthToSpace],
  ["DEQUANTIZE", convertDequantize],
  ["DYNAMIC_UPDATE_SLICE", convertDynamicUpdateSlice],
  ["ELU", convertElu],
  ["EMBEDDING_LOOKUP", convertEmbeddingLookup],
  ["EXP", convertUnary("exp")],
  ["EXPAND_DIMS", convertReshape],
  ["FILL", convertFill],
  ["DIV", convertArithmetic("div")],
  ["EQUAL", convertComparison("equal")],
  ["FLOOR", convertUnary("floor")],
  ["FLOOR_DIV", convertArithmetic("floorDiv")],
  ["FLOOR_MOD", convertWholeArithmetic("floorMod")],
  ["FULLY_CONNECTED", convertFullyConnected],
  ["GATHER", convertGather],
  ["GATHER_ND", convertGatherNd],
  ["GELU", convertGelu],
  ["GREATER", convertComparison("greater")],
  ["GREATER_EQUAL", convertComparison("greaterEqual")],
  ["HARD_SWISH", convertUnary("hardSwish")],
  ["L2_NORMALIZATION", convertL2Normalization],
  ["LEAKY_RELU", convertLeakyRelu],
  ["LOCAL_RESPONSE_NORMALIZATION", convertLocalResponseNormalization],
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
  ["MIRROR_PAD", convertMirrorPad],
  ["MUL", convertBinary("mul")],
  ["NEG", convertUnary("neg")],
  ["ONE_HOT", convertOneHot],
  ["PACK", convertPack],
  ["MINIMUM", convertArithmetic("minimum")],
  ["NEG", convertNeg],
  ["NOT_EQUAL", convertComparison("notEqual")],
  ["PAD", convertPad],
  ["PADV2", convertPad],
  ["POW", convertFloatArithmetic("pow")],
  ["PRELU", convertFloatArithmetic("prelu")],
  ["QUANTIZE", convertQuantize],
  ["READ_VARIABLE", convertReadVariable],
  ["RANGE", convertRange],
  ["REDUCE_MAX", convertReduce("max")],
  ["REDUCE_MIN", convertReduce("min")],
  ["REDUCE_PROD", convertReduce("prod")],
  ["RELU", convertUnary("relu")],
  ["RELU6", convertClip(0, 6)],
  ["RELU_0_TO_1", convertClip(0, 1)],
  ["RELU_N1_TO_1", convertClip(-1, 1)],
  ["RESHAPE", convertReshape],
  ["REVERSE_V2", convertReverse],
  ["RSQRT", convertUnary("rsqrt")],
  ["SCATTER_ND", convertScatterNd],
  ["SHAPE", convertShape],
  [signalFeatures, convertSignalFeatures],
  ["SLICE", convertSlice],
  ["RESIZE_BILINEAR", convertResizeBilinear],
  ["RESIZE_NEAREST_NEIGHBOR", convertResizeNearest],
  ["ROUND", convertUnary("round")],
  ["SELECT", convertSelect],
  ["SELECT_V2", convertSelect],
  ["SIGN", convertUnary("sign")],
  ["SIN", convertUnary("sin")],
  ["SOFTMAX", convertSoftmax],
  ["SPACE_TO_BATCH_ND", convertSpaceToBatch],
  ["SPACE_TO_DEPTH", convertSpaceToDepth],
  ["SPLIT", convertSplit],
  ["SPLIT_V", convertSplitV],
  ["SQRT", convertUnary("sqrt")],
  ["SQUARE", convertUnary("square")],
  ["SQUARED_DIFFERENCE", convertArithmetic("squaredDifference")],
  ["SQUEEZE", convertReshape],
  ["STRIDED_SLICE", convertStridedSlice],
  ["SUB", convertBinary("sub")],
  ["SUM", convertReduce("sum")],
  ["SVDF", convertSvdf],
  ["TANH", convertUnary("tanh")],
  ["TILE", convertTile],
  ["TRANSPOSE", convertTranspose],
  ["VAR_HANDLE", convertVarHandle],
  ["UNIDIRECTIONAL_SEQUENCE_LSTM", convertSequenceLstm],
  ["UNPACK", convertUnpack],
  ["ZEROS_LIKE", convertZerosLike],
  ["TRANSPOSE_CONV", convertTransposeConv],
]);

/** Built-in operators that can be imported. */
export const conversionNames: readonly string[] = [...conversions.keys()];

const anyNumber: OutputCount = { least: 1, most: Number.POSITIVE_INFINITY };

/** Of operators that do not have exactly one output. */
const outputCounts = new Map<string, OutputCount>([
  ["ASSIGN_VARIABLE", { least: 0, most: 0 }],
  ["CALL_ONCE", { least: 0, most: 0 }],
  ["SPLIT", anyNumber],
  ["SPLIT_V", anyNumber],
  ["UNPACK", anyNumber],
]);

export const outputCountOf = ({ name }: OperatorRecord): OutputCount =>
  outputCounts.get(name) ?? { least: 1, most: 1 };

/** undefined for custom operators, whatever their code, and for built-in ones that can't be imported. */
export function conversionOf(record: OperatorRecord): Conversion | undefined {
  return record.isCustom ? undefined : conversions.get(record.name);
}

/**
 * Numbers of the TFLite schema (version 3c): field ids, enumerations, union members.
 * A union takes two field ids, its type and then its value.
 */
export const identifier = "TFL3";
export const schemaVersion = 3;

export const fields = {
  model: { version: 0, operatorCodes: 1, subgraphs: 2, buffers: 4, signatures: 7 },
  signature: { inputs: 0, outputs: 1, key: 2, subgraph: 4 },
  tensorMap: { name: 0, tensor: 1 },
  sparsity: { traversalOrder: 0, blockMap: 1, dimensions: 2 },
  dimensionMetadata: {
    format: 0,
    denseSize: 1,
    segmentsType: 2,
    segments: 3,
    indicesType: 4,
    indices: 5,
  },
  blockwise: { scales: 0, zeroPoints: 1, blockSize: 2 },
  operatorCode: { deprecatedBuiltinCode: 0, customCode: 1, builtinCode: 3 },
  subgraph: { tensors: 0, inputs: 1, outputs: 2, operators: 3, name: 4 },
  tensor: {
    shape: 0,
    type: 1,
    buffer: 2,
    name: 3,
    quantization: 4,
    isVariable: 5,
    sparsity: 6,
    shapeSignature: 7,
    externalBuffer: 10,
  },
  operator: {
    opcodeIndex: 0,
    inputs: 1,
    outputs: 2,
    optionsType: 3,
    options: 4,
    customOptions: 5,
    options2Type: 11,
    options2: 12,
  },
  quantization: { scale: 2, zeroPoint: 3, detailsType: 4, details: 5, dimension: 6 },
  buffer: { data: 0, offset: 1, size: 2 },
} as const;

/** Members of the union BuiltinOptions that are read, with the ids of the fields that are read. */
export const options = {
  conv2d: { type: 1, padding: 0, strideW: 1, strideH: 2, activation: 3, dilationW: 4, dilationH: 5 },
  depthwiseConv2d: { type: 2, padding: 0, strideW: 1, strideH: 2, activation: 4, dilationW: 5, dilationH: 6 },
  pool2d: { type: 5, padding: 0, strideW: 1, strideH: 2, filterW: 3, filterH: 4, activation: 5 },
  fullyConnected: { type: 8, activation: 0, weightsFormat: 1 },
  softmax: { type: 9, beta: 0 },
  concatenation: { type: 10, axis: 0, activation: 1 },
  add: { type: 11, activation: 0 },
  l2Norm: { type: 12, activation: 0 },
  localResponseNormalization: { type: 13, radius: 0, bias: 1, alpha: 2, beta: 3 },
  resizeBilinear: { type: 15, alignCorners: 2, halfPixel: 3 },
  mul: { type: 21, activation: 0 },
  reducer: { type: 27, keepDims: 0 },
  sub: { type: 28, activation: 0 },
  svdf: { type: 6, rank: 0, activation: 1 },
  sequenceLstm: { type: 71, activation: 0, cellClip: 1, projectionClip: 2, timeMajor: 3 },
  callOnce: { type: 103, subgraph: 0 },
  varHandle: { type: 111, container: 0, sharedName: 1 },
  gather: { type: 23, axis: 0, batchDims: 1 },
  spaceToDepth: { type: 19, blockSize: 0 },
  stridedSlice: {
    type: 32,
    beginMask: 0,
    endMask: 1,
    ellipsisMask: 2,
    newAxisMask: 3,
    shrinkAxisMask: 4,
    offset: 5,
  },
  split: { type: 35, count: 0 },
  pack: { type: 59, axis: 1 },
  oneHot: { type: 61, axis: 0 },
  unpack: { type: 64, axis: 1 },
  mirrorPad: { type: 77, mode: 0 },
  splitV: { type: 79, count: 0 },
  depthToSpace: { type: 94, blockSize: 0 },
  batchMatmul: { type: 101, adjX: 0, adjY: 1 },
  transposeConv: { type: 49, padding: 0, strideW: 1, strideH: 2, activation: 3 },
  resizeNearest: { type: 74, alignCorners: 0, halfPixel: 1 },
  div: { type: 29, activation: 0 },
  leakyRelu: { type: 75, alpha: 0 },
  cumsum: { type: 102, exclusive: 0, reverse: 1 },
  gelu: { type: 116, approximate: 0 },
} as const;

/** Members of the union BuiltinOptions2. */
export const options2 = {
  composite: { type: 21, decomposition: 1 },
} as const;

export const padding = { same: 0, valid: 1 } as const;

export const activations = ["NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT"] as const;

/** Indexed by TensorType. */
export const tensorTypes = [
  "float32",
  "float16",
  "int32",
  "uint8",
  "int64",
  "string",
  "bool",
  "int16",
  "complex64",
  "int8",
  "float64",
  "complex128",
  "uint64",
  "resource",
  "variant",
  "uint32",
  "uint16",
  "int4",
  "bfloat16",
  "int2",
  "uint4",
  "float8_e4m3fn",
  "float8_e5m2",
] as const;

/** Indexed by the type of the union QuantizationDetails. */
export const quantizationDetails = ["none", "custom", "blockwise", "multi-axis"] as const;

export const customOperator = 32;

/** Indexed by BuiltinOperator. */
export const operatorNames = `
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC
LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH
SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN
GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM
STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM
CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN
TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT
REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY
SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS
SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE
MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2
DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D
IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE
VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM
MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX
UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT STABLEHLO_LOGISTIC
STABLEHLO_ADD STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_RESHAPE STABLEHLO_CLAMP
STABLEHLO_CONCATENATE STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL
STABLEHLO_REDUCE STABLEHLO_ABS STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR
STABLEHLO_LOG STABLEHLO_MINIMUM STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER
STABLEHLO_RSQRT STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER STABLEHLO_COMPARE
STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD STABLEHLO_IOTA
STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT STABLEHLO_WHILE STABLEHLO_GATHER
STABLEHLO_TRANSPOSE DILATE STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT
STABLEHLO_CBRT STABLEHLO_CASE`
  .trim()
  .split(/\s+/);

/**
 * What an operator's record says by number: which operator it is, what kind of its family, how its weights lie, how it
 * rounds. records.ts has the fields that hold these. Read by both compilers.
 */

// Operators. Those from FIRST_WIDE (format.ts) on have the longer head.
export const OP_GEMM_QS8: u32 = 1;
export const OP_CONV_QS8: u32 = 2;
export const OP_DWCONV_QS8: u32 = 3;
export const OP_GEMM_F32: u32 = 4;
export const OP_CONV_F32: u32 = 5;
export const OP_DWCONV_F32: u32 = 6;
export const OP_ADD_QS8: u32 = 7;
export const OP_MUL_QS8: u32 = 8;
export const OP_ADD_F32: u32 = 9;
export const OP_SUB_F32: u32 = 10;
export const OP_MUL_F32: u32 = 11;
export const OP_AVERAGE_POOL_QS8: u32 = 12;
export const OP_MAX_POOL_QS8: u32 = 13;
export const OP_AVERAGE_POOL_F32: u32 = 14;
export const OP_MAX_POOL_F32: u32 = 15;
export const OP_MEAN_QS8: u32 = 16;
export const OP_MEAN_F32: u32 = 17;
export const OP_SOFTMAX_QS8: u32 = 18;
export const OP_SOFTMAX_F32: u32 = 19;
export const OP_TABLE: u32 = 20; // 256 bytes, indexed by the input byte
export const OP_UNARY_F32: u32 = 21;
export const OP_QUANTIZE: u32 = 22; // f32 → i8
export const OP_DEQUANTIZE: u32 = 23; // i8 → f32
export const OP_COPY: u32 = 24; // strided, up to COPY_RANK dimensions
export const OP_FILL: u32 = 25;
export const OP_BINARY_F32: u32 = 26; // float32 → float32
export const OP_BINARY_INT: u32 = 27; // whole numbers → the same type; a comparison: any type → bool
export const OP_CAST: u32 = 29; // between any two types
export const OP_GEMM_QD8: u32 = 30; // float32, quantized row by row, × weights of 8, 4 or 2 bits
export const OP_GEMM_SPARSE_QS8: u32 = 31; // blocks of 8 columns × 4 k without those that are zero
export const OP_SELECT: u32 = 32; // bool, a, b of one type → a or b
export const OP_RECURRENT_F32: u32 = 35; // LSTM, GRU, RNN after the products of their inputs
export const OP_LSTM_QS8: u32 = 36;
export const OP_GATHER: u32 = 40;
export const OP_SCATTER: u32 = 41;
export const OP_WINDOW: u32 = 42;
export const OP_UPDATE: u32 = 43;
export const OP_REDUCE: u32 = 45; // f32, i32, i8
export const OP_ARG: u32 = 46; // f32, i32, i8 → i32, i64
export const OP_CUMSUM: u32 = 47; // f32, i32
export const OP_NORM_F32: u32 = 48;
export const OP_RESIZE: u32 = 49; // f32, i8
export const OP_MATMUL_F32: u32 = 50;
export const OP_CONV_QS16: u32 = 51; // int16 × int8 → int16
export const OP_FIXED: u32 = 52; // int8, int16, int32 → one of them, by fixed-point factors
export const OP_QUANTIZE_LINEAR: u32 = 56;
export const OP_INTEGER_CONV: u32 = 57;
export const OP_DYNAMIC_RANGE: u32 = 58;
export const OP_SPECTRUM: u32 = 59;
export const OP_MICRO_FEATURES: u32 = 60;

// M_ROUNDING, and the like of other families.
export const ROUNDING_SINGLE: u32 = 0;
export const ROUNDING_DOUBLE: u32 = 1;

/** Weight formats. Those of fewer than 8 bits belong to GEMM_QD8. */
export const WEIGHTS_I8: u32 = 1;
export const WEIGHTS_F32: u32 = 2;
export const WEIGHTS_I4: u32 = 3; // 0…15
export const WEIGHTS_I2: u32 = 4; // 0…3
export const WEIGHTS_CODEBOOK: u32 = 5; // indices of 16 int8 values
/** Columns per block and consecutive k per column, of int8 weights. f32 weights use NR and one k. */
export const NR: u32 = 8;
export const KR: u32 = 4;

// B_KIND.
export const BINARY_EQUAL: u32 = 1;
export const BINARY_NOT_EQUAL: u32 = 2;
export const BINARY_LESS: u32 = 3;
export const BINARY_LESS_EQUAL: u32 = 4; // the last comparison
export const BINARY_MAXIMUM: u32 = 5; // the first that float32 has, too
export const BINARY_MINIMUM: u32 = 6;
export const BINARY_DIV: u32 = 7; // towards zero, of whole numbers
export const BINARY_FLOOR_DIV: u32 = 8;
export const BINARY_SQUARED_DIFFERENCE: u32 = 9;
export const BINARY_POW: u32 = 10; // float32 alone
export const BINARY_PRELU: u32 = 11; // float32 alone
export const BINARY_FLOOR_MOD: u32 = 12; // whole numbers alone, as all that follow; with the divisor's sign
export const BINARY_REMAINDER: u32 = 13; // with the dividend's sign
export const BINARY_ADD: u32 = 14;
export const BINARY_SUB: u32 = 15;
export const BINARY_MUL: u32 = 16;

// U_KIND.
export const UNARY_ABS: u32 = 1;
export const UNARY_CLIP: u32 = 2; // alpha…beta; relu is 0…∞
export const UNARY_ELU: u32 = 3;
export const UNARY_EXP: u32 = 4;
export const UNARY_GELU: u32 = 5;
export const UNARY_GELU_TANH: u32 = 6;
export const UNARY_HARD_SIGMOID: u32 = 7;
export const UNARY_HARD_SWISH: u32 = 8;
export const UNARY_LEAKY_RELU: u32 = 9;
export const UNARY_LOG: u32 = 10;
export const UNARY_LOGISTIC: u32 = 11;
export const UNARY_NEG: u32 = 12;
export const UNARY_RSQRT: u32 = 13;
export const UNARY_SILU: u32 = 14;
export const UNARY_SOFTPLUS: u32 = 15;
export const UNARY_SQRT: u32 = 16;
export const UNARY_SQUARE: u32 = 17;
export const UNARY_TANH: u32 = 18;
export const UNARY_SIN: u32 = 19;
export const UNARY_COS: u32 = 20;
export const UNARY_FLOOR: u32 = 21;
export const UNARY_CEIL: u32 = 22;
export const UNARY_ROUND: u32 = 23; // halves to even
export const UNARY_SIGN: u32 = 24;
export const UNARY_RECIPROCAL: u32 = 25;
export const UNARY_ERF: u32 = 26;

// Q_KIND of REDUCE.
export const REDUCE_SUM: u32 = 0;
export const REDUCE_MAX: u32 = 1;
export const REDUCE_MIN: u32 = 2;
export const REDUCE_PROD: u32 = 3;
export const ARG_MIN: u32 = 1; // bits of an ARG's kind
export const ARG_LAST: u32 = 2;
export const CUMSUM_EXCLUSIVE: u32 = 1; // bits of a CUMSUM's kind
export const CUMSUM_REVERSE: u32 = 2;

// Bits of N_KIND.
export const NORM_CENTERED: u32 = 1; // the mean is subtracted
export const NORM_SUM: u32 = 2; // the sum of squares, not their mean
export const NORM_FLOOR: u32 = 4; // epsilon is a lower bound, not an addend

// L_KIND.
export const RECURRENT_LSTM: u32 = 1; // gates i, f, g, o
export const RECURRENT_GRU: u32 = 2; // gates z, r, n
export const RECURRENT_GRU_RESET_AFTER: u32 = 3;
export const RECURRENT_RNN: u32 = 4; // tanh

// QL_KIND.
export const LINEAR_DIVIDE: u32 = 0; // rint(x / scale) + zero point
export const LINEAR_MULTIPLY: u32 = 1; // rint(x · scale) + zero point
export const LINEAR_DEQUANTIZE: u32 = 2; // (x − zero point) · scale
export const LINEAR_CENTER: u32 = 3; // x − zero point, as int16
export const LINEAR_AWAY: u32 = 4; // x / scale in float64, rounded halves away from zero, + zero point; NaN is 0

// E_KIND.
export const FIXED_REQUANTIZE: u32 = 0; // by factor A, below the zero point by factor B
export const FIXED_LOGISTIC: u32 = 1;
export const FIXED_TANH: u32 = 2;
export const FIXED_ADD: u32 = 3; // the first with two operands
export const FIXED_SUB: u32 = 4;
export const FIXED_MUL: u32 = 5;

/**
 * Where the fields of operators' records lie, behind the head that format.ts gives, and how long the records are.
 * codes.ts has the operators' codes. Read by both compilers. Offsets are bytes.
 */

// GEMM, CONV, DWCONV. Offsets named WEIGHTS, BIAS and REQUANT count from the start of the weights section.
export const M_K: u32 = 20; // multiply-adds per output value (per group)
export const M_N: u32 = 24; // output channels (all groups)
export const M_WEIGHTS: u32 = 28;
export const M_BIAS: u32 = 32; // i32 or f32, one per column, columns padded to 8 per group
export const M_REQUANT: u32 = 36; // single: f32 multipliers; double: i32 multipliers, then i32 shifts
export const M_ROUNDING: u32 = 40;
export const M_ZERO_POINT: u32 = 44; // of the output
export const M_MIN: u32 = 48; // i32, or f32 in f32 operators
export const M_MAX: u32 = 52;
export const M_WEIGHT_ZERO_POINT: u32 = 56;
export const M_WEIGHT_FORMAT: u32 = 60;
export const M_SCRATCH: u32 = 64; // arena offset
export const M_SCRATCH_BYTES: u32 = 68;
export const M_PREPARED_BIAS: u32 = 72; // zero in the file; the relaxed tier writes an address here
// GEMM_SPARSE has no scratch.
export const M_INDEX: u32 = 64; // offset of the list of blocks
export const M_INDEX_BYTES: u32 = 68;
export const GEMM_RECORD_BYTES: u32 = 76;
export const W_KERNEL_H: u32 = 76;
export const W_KERNEL_W: u32 = 80;
export const W_STRIDE_H: u32 = 84;
export const W_STRIDE_W: u32 = 88;
export const W_DILATION_H: u32 = 92;
export const W_DILATION_W: u32 = 96;
export const W_PAD_TOP: u32 = 100;
export const W_PAD_LEFT: u32 = 104;
export const C_GROUPS: u32 = 108;
export const C_PAD_VALUE: u32 = 112; // i32: the input's zero point; f32 operators pad with 0
export const C_PANEL_ROWS: u32 = 116; // output pixels gathered at a time
export const CONV_RECORD_BYTES: u32 = 120;

// GEMM_QD8: M_K, M_N, M_WEIGHTS, M_BIAS, M_MIN, M_MAX, M_WEIGHT_FORMAT and the scratch as GEMM_F32, and these.
export const QD_WEIGHT_SUMS: u32 = 36; // f32 per column: what an activation zero point of 1 adds
export const QD_BLOCK: u32 = 40; // k that share a scale
export const QD_ZERO_POINT: u32 = 44; // of all weights, where the blocks have none of their own
export const QD_TABLE: u32 = 56; // the codebook
export const QD_BLOCK_ZERO_POINTS: u32 = 72; // 1: every block has 8 zero points

// Pools use M_MIN, M_MAX and W_KERNEL_H…W_PAD_LEFT at the same places; dilation is 1.
export const P_COUNT_PADDING: u32 = 108; // 1: padded positions count in an average
export const P_HALVES_UP: u32 = 112; // 1: an int8 average rounds halves up, as uint8 does; 0: away from zero
export const P_PAD_VALUE: u32 = 116; // i32: what a counted padded position adds to an int8 sum
export const POOL_RECORD_BYTES: u32 = 120;

// ADD, SUB, MUL: out[i] = f(a[i · aStride], b[i · bStride]) over COPY_RANK dimensions, strides in elements.
export const B_ROUNDING: u32 = 20;
export const B_MIN: u32 = 24;
export const B_MAX: u32 = 28;
export const B_ZERO_POINT: u32 = 32;
export const B_A_ZERO_POINT: u32 = 36;
export const B_B_ZERO_POINT: u32 = 40;
export const B_A_MULTIPLIER: u32 = 44;
export const B_A_SHIFT: u32 = 48;
export const B_B_MULTIPLIER: u32 = 52;
export const B_B_SHIFT: u32 = 56;
export const B_MULTIPLIER: u32 = 60;
export const B_SHIFT: u32 = 64;
export const B_BIAS: u32 = 68; // single-rounding ADD
export const B_SCALE: u32 = 72; // f32: single-rounding MUL
export const B_SIGN: u32 = 72; // ±1: double-rounding ADD
export const B_DIMS: u32 = 76;
export const B_A_STRIDES: u32 = 100;
export const B_B_STRIDES: u32 = 124;
export const BINARY_RECORD_BYTES: u32 = 148;
export const COPY_RANK: u32 = 6;

// BINARY_F32, BINARY_INT: dimensions, strides and (float32) bounds as above, and what to do: BINARY_….
export const B_KIND: u32 = 20;

// SELECT: dimensions and strides of both values as above, strides of the condition behind them.
export const J_CONDITION_STRIDES: u32 = 148;
export const SELECT_RECORD_BYTES: u32 = 172;

// MEAN: [outer, count, inner] → [outer, inner].
export const R_OUTER: u32 = 20;
export const R_COUNT: u32 = 24;
export const R_INNER: u32 = 28;
export const R_ROUNDING: u32 = 32;
export const R_SCALE: u32 = 36; // f32, single: rint((sum + offset) · scale + bias) + zero point
export const R_BIAS: u32 = 40; // f32
export const R_OFFSET: u32 = 44; // i32; double: requantize(sum + offset) + zero point
export const R_MULTIPLIER: u32 = 48;
export const R_SHIFT: u32 = 52;
export const R_ZERO_POINT: u32 = 56;
export const MEAN_RECORD_BYTES: u32 = 60;

// SOFTMAX along the last dimension.
export const X_DEPTH: u32 = 20;
export const X_ROUNDING: u32 = 24;
export const X_TABLE: u32 = 28; // 256 × e^(−β · scale · d): f32 (single) or Q0.31 (double)
export const X_SCALE: u32 = 32; // f32: output scale (single); β (f32 operator)
export const X_ZERO_POINT: u32 = 36;
export const SOFTMAX_RECORD_BYTES: u32 = 40;

// TABLE, UNARY, QUANTIZE, DEQUANTIZE.
export const U_TABLE: u32 = 20; // offset of the table in the weights section
export const U_KIND: u32 = 20;
export const U_ALPHA: u32 = 24; // f32
export const U_BETA: u32 = 28; // f32
export const U_ROUNDING: u32 = 20;
export const U_SCALE: u32 = 24; // f32: single QUANTIZE multiplies by it, double divides; DEQUANTIZE multiplies
export const U_ZERO_POINT: u32 = 28;
export const UNARY_RECORD_BYTES: u32 = 32;

// COPY: dims, then strides (i32) of input and output, in elements of Y_ELEMENT bytes.
export const Y_ELEMENT: u32 = 20;
export const Y_IN_OFFSET: u32 = 24; // elements
export const Y_OUT_OFFSET: u32 = 28;
export const Y_DIMS: u32 = 32;
export const Y_IN_STRIDES: u32 = 56;
export const Y_OUT_STRIDES: u32 = 80;
export const COPY_RECORD_BYTES: u32 = 104;

// GATHER, SCATTER: whole [batches, outer, dims…, inner], part [batches, outer, count, inner], indices [batches, count, depth].
export const G_BATCHES: u32 = 32;
export const G_OUTER: u32 = 36;
export const G_COUNT: u32 = 40;
export const G_INNER: u32 = 44; // elements of a slice
export const G_DEPTH: u32 = 48; // indices of a tuple, 1…GATHER_RANK
export const G_FROM_END: u32 = 52; // 1: indices below 0 count from the end
export const G_DIMS: u32 = 56;
export const GATHER_RANK: u32 = 6;
export const GATHER_RECORD_BYTES: u32 = 80;

// WINDOW, UPDATE: the fields of COPY, all WINDOW_SHIFT further on, then a limit and a stride (elements) per start.
export const WINDOW_SHIFT: u32 = 12;
export const D_STARTS: u32 = 116; // how many there are, at most MAX_RANK
export const D_LIMITS: u32 = 120;
export const D_STRIDES: u32 = 152;
export const WINDOW_RECORD_BYTES: u32 = 184;

// FILL: the whole output with one element: the low bytes of F_VALUE; 8-byte integers sign-extend it. O_INPUT is NONE.
export const F_VALUE: u32 = 20;
export const FILL_RECORD_BYTES: u32 = 24;

// MATMUL: y[batch, m, n] = clamp(bias[n] + Σₖ a[batch, m, k] · b[batch, k, n]); bias is O_INPUT3 or zero, y is dense.
// Strides in elements; k is dense in a. Also M_MIN, M_MAX, M_SCRATCH, M_SCRATCH_BYTES at their places.
export const MM_BATCH: u32 = 32; // MATMUL_RANK dimensions, as all lists of batches
export const MM_K: u32 = 56;
export const MM_N: u32 = 60;
export const MM_ROWS: u32 = 72;
export const MM_A_ROW: u32 = 76;
export const MM_B_K: u32 = 80;
export const MM_B_N: u32 = 84;
export const MM_A_BATCH: u32 = 88; // 0 where a is the same for all
export const MM_B_BATCH: u32 = 104;
export const MATMUL_RECORD_BYTES: u32 = 120;
export const MATMUL_RANK: u32 = 4;

// REDUCE, ARG, CUMSUM: [outer, count, inner].
export const Q_OUTER: u32 = 32;
export const Q_COUNT: u32 = 36;
export const Q_INNER: u32 = 40;
export const Q_KIND: u32 = 44;
export const REDUCE_RECORD_BYTES: u32 = 48;

// NORM_F32 over rows of N_DEPTH; O_INPUT2 is the scale or NONE, O_INPUT3 the bias or NONE.
export const N_DEPTH: u32 = 32;
export const N_KIND: u32 = 36;
export const N_EPSILON: u32 = 40; // f32
export const NORM_RECORD_BYTES: u32 = 44;

// RESIZE: [outer, height, width, inner] → [outer, outHeight, outWidth, inner].
export const Z_OUTER: u32 = 32;
export const Z_HEIGHT: u32 = 36;
export const Z_WIDTH: u32 = 40;
export const Z_INNER: u32 = 44;
export const Z_OUT_HEIGHT: u32 = 48;
export const Z_OUT_WIDTH: u32 = 52;
export const Z_ROW_TAPS: u32 = 56;
export const Z_COLUMN_TAPS: u32 = 60;
export const Z_ROWS: u32 = 64; // offset in the weights: outHeight × taps × { u32 index, weight f32 or i32 }
export const Z_COLUMNS: u32 = 68;
export const Z_SHIFT: u32 = 72; // int8: both weights have half as many fraction bits
export const Z_ROUNDING: u32 = 76; // single: halves up; double: halves away from zero
export const RESIZE_RECORD_BYTES: u32 = 80;

// RECURRENT: input [T, B, gates · H], output [T, B, H]; O_VARIABLE is h [B, H], O_VARIABLE2 c (LSTM). It has M_MIN and M_MAX
// (no bounds: they are the matrix multiply's), M_SCRATCH and M_SCRATCH_BYTES (4 · H · 4) at their places.
export const L_KIND: u32 = 32;
export const L_HIDDEN: u32 = 36; // H
export const L_WEIGHTS: u32 = 40; // h's weights: one f32 matrix, or in a GRU those of z and r, then those of its candidate
export const L_BIAS: u32 = 44; // GRU with the reset after the product: f32, the candidate's recurrent bias
export const L_REVERSE: u32 = 56; // 1: from the last step to the first
export const L_CLIP: u32 = 60; // f32: c stays within ± this
export const RECURRENT_RECORD_BYTES: u32 = 72;

// LSTM_QS8: input [T, B, I], output [T, B, H] int8; O_VARIABLE is h [B, H] int8, O_VARIABLE2 c [B, H] int16; M_SCRATCH as above.
export const LQ_INPUT: u32 = 32; // I
export const LQ_HIDDEN: u32 = 36; // H
export const LQ_WEIGHTS: u32 = 40; // int8 [4 · H, I], rows of the gates i, f, g, o
export const LQ_RECURRENT: u32 = 44; // int8 [4 · H, H]
export const LQ_BIAS: u32 = 48; // i32: 4 · H for the input, 4 · H for h, zero points folded in
export const LQ_SCALES: u32 = 52; // i32 pairs (multiplier, shift): input of each gate, h of each gate, f · c, i · g, h
export const LQ_TABLE: u32 = 56; // 256 u16: the logistic function
export const LQ_REVERSE: u32 = 60;
export const LQ_ZERO_POINT: u32 = 72; // of h and the output
export const LQ_CLIP: u32 = 76; // c stays within ± this; 32768 for none
export const LQ_TANH_MULTIPLIER: u32 = 80; // of c, on its way into the table
export const LQ_TANH_SHIFT: u32 = 84;
export const LSTM_QS8_RECORD_BYTES: u32 = 88;

// QUANTIZE_LINEAR: x [outer, dim, inner], scales (second input) and zero points (third), each of one element or
// found at o · outer + ⌊d / block⌋ · axis + i · inner of its strides. No scales: 1; no zero points: 0.
export const QL_KIND: u32 = 32;
export const QL_OUTER: u32 = 36;
export const QL_DIM: u32 = 40;
export const QL_INNER: u32 = 44;
export const QL_BLOCK: u32 = 48;
export const QL_OUTER_STRIDE: u32 = 52;
export const QL_AXIS_STRIDE: u32 = 56;
export const QL_INNER_STRIDE: u32 = 60;
export const QL_MIN: u32 = 64; // i32: what the result's type holds
export const QL_MAX: u32 = 68;
export const QL_X_OFFSET: u32 = 72; // i32: added to integers read; 128 where int8 stands for uint8
export const QUANTIZE_LINEAR_RECORD_BYTES: u32 = 76;

// INTEGER_CONV: int16 x [batch, h, w, groups · c], int16 or int8 weights [groups · o, kernel, c] (second input), int32
// bias or none (third) → int32. A matrix product is one of kernel 1 × 1 and height 1. M_SCRATCH and M_SCRATCH_BYTES at
// their places: what one output pixel of a group reads, as int16.
export const I_BATCH: u32 = 32;
export const I_X_BATCHED: u32 = 36; // 0: all batches read the same x
export const I_W_BATCHED: u32 = 40; // 0: all batches read the same weights
export const I_H: u32 = 44;
export const I_W: u32 = 48;
export const I_C: u32 = 52; // per group
export const I_GROUPS: u32 = 56;
export const I_O: u32 = 60; // per group
export const I_OUT_H: u32 = 72;
export const I_OUT_W: u32 = 76;
export const I_KERNEL_H: u32 = 80;
export const I_KERNEL_W: u32 = 84;
export const I_STRIDE_H: u32 = 88;
export const I_STRIDE_W: u32 = 92;
export const I_DILATION_H: u32 = 96;
export const I_DILATION_W: u32 = 100;
export const I_PAD_TOP: u32 = 104;
export const I_PAD_LEFT: u32 = 108;
export const INTEGER_CONV_RECORD_BYTES: u32 = 112;

// CONV_QS16: the fields above, int8 weights, an int16 result. An int64 bias means sums in 64 bits, which become float64
// and have f32 factors; an int32 one sums in int32.
// Where c and o are 1 (depthwise), the weights lie [kernel, groups].
export const I_REQUANT: u32 = 112; // i32 multipliers of all output channels, then their i32 shifts
export const I_MIN: u32 = 116; // i32
export const I_MAX: u32 = 120;
export const I_ROUNDING: u32 = 124; // of int32 sums, which both have integer factors
export const CONV_QS16_RECORD_BYTES: u32 = 128;
/** Taps of a depthwise kernel whose products of int16 and int8 sum within int32. */
export const MOST_TAPS: u32 = 511;

// FIXED: elementwise with dimensions and strides as BINARY; differences to the zero points enter. B_DIMS…B_B_STRIDES hold
// them; O_INPUT2 is NONE for operators of one operand.
export const E_KIND: u32 = 32;
export const E_MIN: u32 = 36; // i32
export const E_MAX: u32 = 40;
export const E_ZERO_POINT: u32 = 44;
export const E_A_ZERO_POINT: u32 = 48;
export const E_B_ZERO_POINT: u32 = 52;
export const E_A_MULTIPLIER: u32 = 56;
export const E_A_SHIFT: u32 = 60;
export const E_B_MULTIPLIER: u32 = 64;
export const E_B_SHIFT: u32 = 68;
export const E_TABLE: u32 = 72; // offset of the logistic function's 256 u16; FIXED_ADD, FIXED_SUB: left shift of both operands
export const E_MULTIPLIER: u32 = 148; // behind B_B_STRIDES
export const E_SHIFT: u32 = 152;
export const FIXED_RECORD_BYTES: u32 = 156;

// DYNAMIC_RANGE: float32 x → what maps its range, widened to hold 0, to 0 … 255: the scale where the output is
// float32, the zero point where it is uint8. No fields of its own.
export const DYNAMIC_RANGE_RECORD_BYTES: u32 = 32;

// SPECTRUM: rows of samples → FRAMES frames a row, HOP apart, times a window, zero-padded to SIZE → float32 bins, SIZE / 2 + 1
// a frame. Computed in float64. M_SCRATCH and M_SCRATCH_BYTES (16 · SIZE + 16) are at their places.
export const SP_IS_POWER: u32 = 32; // 0: a bin is a complex pair; 1: its square
export const SP_FRAMES: u32 = 36;
export const SP_HOP: u32 = 40;
export const SP_SAMPLES: u32 = 44; // of a row
export const SP_SIZE: u32 = 48; // a power of two, at least 4
export const SP_WINDOW: u32 = 52; // offset of LENGTH f32
export const SP_LENGTH: u32 = 56;
export const SP_TABLE: u32 = 60; // offset of SIZE f64: cos(2π · j / SIZE), in MICRO_FEATURES times 32767, to the nearest
export const SPECTRUM_RECORD_BYTES: u32 = 72;

// MICRO_FEATURES: int16 samples → int32 [FRAMES, CHANNELS], by way of SPECTRUM's fields; O_VARIABLE is what is known of the
// noise, int32 [CHANNELS] (unsigned).
export const MF_CHANNELS: u32 = 72;
export const MF_BANDS: u32 = 76; // offset of u16: first bin, count, weights of each channel
export const MF_BANDS_COUNT: u32 = 80; // of all u16 of the list
export const MF_SMOOTHING: u32 = 84; // f32: shares in the noise of a frame, and of what was known, for even, then odd channels; no
// pair of these fields, from here to MF_SNR_SCALE, exceeds 1 in sum
export const MF_LEAST_SIGNAL: u32 = 100; // f32: the share of a signal that is left
export const MF_SNR_SCALE: u32 = 104; // f32: of signal times gain; 0: there is no gain
export const MF_SMOOTHING_BITS: u32 = 108;
export const MF_GAIN: u32 = 112; // offset of GAIN_ENTRIES int16
export const MF_LOG: u32 = 116; // offset of LOG_ENTRIES u16: what log₂(1 + i / 128) exceeds i / 128 by, times 2¹⁶
export const MF_LOG_SCALE: u32 = 120;
export const MF_CORRECTION_BITS: u32 = 124;
export const MICRO_FEATURES_RECORD_BYTES: u32 = 128;

export const GAIN_ENTRIES: u32 = 125;
export const LOG_ENTRIES: u32 = 130;

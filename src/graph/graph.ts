/**
 * The graph that importers produce, passes rewrite, the quantizer annotates and the packer reads.
 *
 * Conventions (TFLite's): activations are NHWC, convolution weights `[O, KH, KW, I / groups]`, depthwise
 * weights `[1, KH, KW, O]`, fully connected weights `[N, K]`, bias `[O]`. Nodes are in execution order.
 * Tensors are shared by reference; each has at most one producer.
 */

export type DType = "float32" | "int8" | "uint8" | "int16" | "int32" | "int64" | "bool";

export type TensorData = Float32Array | Int8Array | Uint8Array | Int16Array | Int32Array | BigInt64Array;

/** Floats that nothing computes with: their codes are kept, as uint8. */
export type Minifloat = "float8e4m3fn" | "float8e5m2" | "float4e2m1";

/** real = scale · (q − zeroPoint). One entry per tensor, or one per index of dimension `axis`. */
export interface Quantization {
  scale: Float32Array;
  zeroPoint: Int32Array;
  /** Dimension the entries run along; meaningless when there is one entry. */
  axis: number;
}

export interface Tensor {
  name: string;
  dtype: DType;
  /** Empty for a scalar. Every dimension is known: importers fix dynamic ones or refuse. */
  shape: number[];
  quantization?: Quantization;
  /**
   * What the stored integers span, where the source's type is narrower than `dtype` (int4, uint4, int2 and uint2
   * in 8 bits) or has no dtype of its own (uint16 in int32).
   */
  range?: { min: number; max: number };
  /** What the bytes are codes of, where they are no numbers. */
  minifloat?: Minifloat;
  /** Present on constants; length equals the product of `shape`. */
  data?: TensorData;
}

/** Bounds in real units, applied after the operator; ±Infinity where there is none. */
export interface Activation {
  min: number;
  max: number;
}

export interface Padding {
  top: number;
  left: number;
  bottom: number;
  right: number;
}

interface Window {
  stride: [number, number];
  padding: Padding;
  activation: Activation;
}

export type UnaryKind =
  | "abs"
  | "ceil"
  | "clip"
  | "cos"
  | "elu"
  | "erf"
  | "exp"
  | "floor"
  | "gelu"
  | "hardSigmoid"
  | "hardSwish"
  | "leakyRelu"
  | "log"
  | "logistic"
  | "neg"
  | "reciprocal"
  | "relu"
  | "round"
  | "rsqrt"
  | "sign"
  | "silu"
  | "sin"
  | "softplus"
  | "sqrt"
  | "square"
  | "tanh";

export type ReduceKind = "max" | "min" | "prod" | "sum";

/**
 * y = (x − m) / √(s + epsilon), times scale, plus bias. m is the mean where `centered`, else 0; s is the mean of
 * (x − m)², or their sum where `isSum`. `floor`: √max(s, epsilon) is the divisor.
 */
export interface NormalizeAttributes {
  centered: boolean;
  isSum: boolean;
  floor: boolean;
  epsilon: number;
}

/** Every output position is a weighted sum of `taps` input positions. Both lists have `taps` entries a position. */
export interface ResizeTable {
  taps: number;
  index: Int32Array;
  weight: Float32Array;
}

export interface ResizeAttributes {
  axis: number;
  rows: ResizeTable;
  columns: ResizeTable;
  /** Tables whose weights are multiples of 1/1024, for int8 in `double` rounding where it has a rule of its own. */
  fixed?: { rows: ResizeTable; columns: ResizeTable };
}
export type BinaryKind =
  | "and"
  | "div"
  | "equal"
  | "floorDiv"
  | "floorMod"
  | "greater"
  | "greaterEqual"
  | "less"
  | "lessEqual"
  | "maximum"
  | "minimum"
  | "notEqual"
  | "or"
  | "pow"
  | "prelu"
  | "remainder"
  | "squaredDifference"
  | "xor";
/** `gruResetAfter` applies the reset gate to the product of h, `gru` to h itself. */
export type RecurrentCell = "lstm" | "gru" | "gruResetAfter" | "rnn";

export type SpectrumKind = "complex" | "power";

/**
 * TFLite Micro's audio front end in integers, docs/numerics.md: windows, transform, filter bank, root, and the stages
 * that there are. Integers of unsigned types are kept as int32.
 */
export interface MicroFeatures {
  hop: number;
  size: number;
  window: Int16Array;
  windowShift: number;
  /** The weights of each channel from its first bin on. */
  bands: { first: number; weights: Int16Array }[];
  /** Shares in 2^-bits; `even` and `odd` are what a frame counts in the estimate, and what was known before. */
  noise?: {
    even: [number, number];
    odd: [number, number];
    leastSignal: number;
    bits: number;
    smoothingBits: number;
  };
  /** Of ratios of 12 fraction bits, after `shift`. */
  gain?: { table: Int16Array; shift: number };
  log: { scale: number; correctionBits: number };
}

/** What each operator carries besides its tensors. Comments give inputs → outputs. */
export interface Attributes {
  /** x, weights, bias | null → y */
  conv2d: Window & { dilation: [number, number]; groups: number };
  /** x, weights, bias | null → y; output channel c reads input channel ⌊c / multiplier⌋ */
  depthwiseConv2d: Window & { dilation: [number, number]; multiplier: number };
  /** x [..., K], weights [N, K], bias | null → y [..., N] */
  fullyConnected: { activation: Activation };
  /**
   * a [..., M, K], b [..., K, N], bias [N] | null → y [..., M, N]: both computed, leading dimensions broadcast as
   * in numpy; transposeA and transposeB say that the last two dimensions of an operand lie the other way round
   */
  matmul: { transposeA: boolean; transposeB: boolean; activation: Activation };
  /**
   * float32 x [..., K], weights [N, K], bias | null → float32 y [..., N]; every row of x is quantized to int8 on the fly.
   * The weights hold values of `bits` bits, or indices of `codebook`; one scale and zero point per row of weights
   * and `blockSize` consecutive k.
   */
  dynamicFullyConnected: {
    activation: Activation;
    bits: 8 | 4 | 2;
    blockSize: number;
    /** 16 int8 values. */
    codebook?: Int8Array;
  };
  /** a, b → y, numpy broadcasting */
  add: { activation: Activation };
  sub: { activation: Activation };
  mul: { activation: Activation };
  /**
   * a, b → y, numpy broadcasting; comparisons give bool, the others their operands' type. div of whole numbers goes
   * towards zero, floorMod has the divisor's sign, remainder the dividend's; prelu: b is the slope.
   */
  binary: { kind: BinaryKind; activation: Activation };
  /** condition (bool), a, b → a where it holds, else b; numpy broadcasting */
  select: Record<string, never>;
  /** x → the same numbers in another type, towards zero and within its range from float32, wrapping else */
  cast: Record<string, never>;
  /** x → y; padding never counts unless `countIncludePad` */
  averagePool2d: Window & { kernel: [number, number]; countIncludePad: boolean };
  maxPool2d: Window & { kernel: [number, number] };
  /** x → y; axes are non-negative and ascending */
  mean: { axes: number[]; keepDims: boolean };
  /** x → y along the last axis */
  softmax: { beta: number };
  /** x → y elementwise; round takes halves to even; alpha: slope (leakyRelu), coefficient (elu, hardSigmoid); beta: hardSigmoid; min/max: clip; approximate: gelu by tanh */
  unary: {
    kind: UnaryKind;
    alpha?: number;
    beta?: number;
    min?: number;
    max?: number;
    approximate?: boolean;
  };
  /** x → y, same elements in the same order */
  reshape: Record<string, never>;
  transpose: { perm: number[] };
  /** x → y; value in real units */
  pad: { before: number[]; after: number[]; value: number };
  /** x → y: y[i] = x[begin + stride · i] along each dimension; strides may be negative, y's shape says how many */
  slice: { begin: number[]; stride: number[] };
  /** x → y, repeated as numpy broadcasts x's shape to y's */
  expand: Record<string, never>;
  /**
   * x [B…, O…, d, I…], indices [B…, C…] → y [B…, O…, C…, I…]: slices of dimension `axis` of x; the first
   * `batchDims` dimensions run along. Indices are int32 or int64; below 0 they count from the end where
   * `fromEnd` says so, and outside of the dimension they mean the nearest slice.
   */
  gather: { axis: number; batchDims: number; fromEnd: boolean };
  /** x [B…, d1…dk, I…], indices [B…, C…, k] → y [B…, C…, I…], by tuples of indices as `gather` */
  gatherNd: { batchDims: number; fromEnd: boolean };
  /**
   * x [B…, d1…dk, I…], indices [B…, C…, k], updates [B…, C…, I…] → y like x with slices replaced, the last where
   * several go to one place; updates whose indices lie outside are left out.
   */
  scatterNd: { batchDims: number; fromEnd: boolean };
  /** x, starts (one per dimension) → y: as much of x as y holds, from there; starts are moved so that it fits */
  dynamicSlice: Record<string, never>;
  /** x, update, starts (one per dimension) → y: x with a part replaced; starts are moved so that it fits */
  dynamicUpdateSlice: Record<string, never>;
  /** x… → y */
  concat: { axis: number; activation: Activation };
  /**
   * x [T, B, I], weights [G · H, I], recurrent weights [G · H, H], bias [G · H] | null, the candidate's recurrent
   * bias [H] | null (gruResetAfter), h [B, H], c [B, H] (lstm) → y [T, B, H], h, c (lstm). Gates in the order
   * i, f, g, o (lstm), z, r, n (GRUs). `reverse`: from the last step to the first. `cellClip`: bound of |c|.
   */
  recurrent: { cell: RecurrentCell; reverse: boolean; cellClip: number };
  /** x → y; axes are non-negative and ascending */
  reduce: { kind: ReduceKind; axes: number[]; keepDims: boolean };
  /** x → y int32 or int64: where the extreme along `axis` is, the first or the last of several equal ones */
  argExtreme: { kind: "max" | "min"; axis: number; keepDims: boolean; last: boolean };
  /** x → y: running sums along `axis`; `exclusive` leaves out the element itself, `reverse` runs from the end */
  cumsum: { axis: number; exclusive: boolean; reverse: boolean };
  /** x, scale [D] | null, bias [D] | null → y along the last axis, of D elements; see docs/numerics.md */
  normalize: NormalizeAttributes;
  /** x → y: the neighbouring dimensions `axis` and `axis` + 1 resampled by `rows` and `columns` */
  resize2d: ResizeAttributes;
  /** x → y, zeros but for y[before + i · step] = x[i] */
  dilate: { before: number[]; step: number[] };
  /** float32 | quantized → quantized; `divides`: float32 is divided by the scale, as ONNX has it, whatever the rounding */
  quantize: { divides?: boolean };
  /** quantized → float32 */
  dequantize: Record<string, never>;
  /**
   * x float32 | integers, scale, zero point | null → integers without quantization of their own: rint(x / scale), or
   * x · scale where it `multiplies`, plus zero point. Scale and zero point are one number, one per index of `axis`,
   * or (block > 0) one per `block` indices of `axis` with the other dimensions of x.
   */
  quantizeLinear: { axis: number; block: number; multiplies: boolean };
  /** x integers, scale, zero point | null → (x − zero point) · scale, float32 */
  dequantizeLinear: { axis: number; block: number };
  /** x integers, zero point | null → x − zero point, int16 */
  center: { axis: number };
  /** x float32 → the scale (float32) or zero point (uint8) that maps its range and 0 to 0 … 255 */
  dynamicRange: Record<string, never>;
  /** x int16, weights int16 | int8 [O, KH, KW, I / groups], bias int32 | null → int32 sums */
  integerConv2d: Omit<Window, "activation"> & { dilation: [number, number]; groups: number };
  /**
   * x float32 | int16 [..., S], window [L] → y: from every row frames of L samples, `hop` apart, times the window and
   * followed by zeros up to `size`, transformed to their bins 0 … size / 2: [..., frames, bins, 2] (complex) or
   * [..., frames, bins], their squares (power); int16 samples stand for 32768ths
   */
  spectrum: { kind: SpectrumKind; size: number; hop: number };
  /** x int16 [S], noise int32 [C] → y int32 [frames, C], noise; see MicroFeatures */
  microFeatures: MicroFeatures;
  /** a int16 [..., M, K], b int16 | int8 [..., N, K] → int32 [..., M, N]; leading dimensions equal, or all of one operand 1 */
  integerMatMul: Record<string, never>;
}

export type OperatorName = keyof Attributes;

export type NodeOf<K extends OperatorName> = {
  op: K;
  /** The source's name for the node, or one made from its output; used in errors and reports. */
  name: string;
  inputs: (Tensor | null)[];
  outputs: Tensor[];
  attributes: Attributes[K];
};

export type Node = { [K in OperatorName]: NodeOf<K> }[OperatorName];

/** How an int32 accumulator becomes int8: one rounding (LiteRT, ONNX) or gemmlowp's two (TFLite Micro). */
export type Rounding = "single" | "double";

/** What stays from one inference to the next. */
export interface State {
  name: string;
  /** What an inference starts with; no node writes it. */
  value: Tensor;
  /** What the inference leaves for the next one: of the type and size of `value`, which it may be itself. */
  next: Tensor;
  /** What the first inference starts with; zero bytes when absent. */
  initial?: TensorData;
}

export interface Graph {
  name: string;
  nodes: Node[];
  inputs: Tensor[];
  outputs: Tensor[];
  rounding: Rounding;
  /** Models without memory leave it out. */
  states?: State[];
}

export const noActivation: Activation = { min: -Infinity, max: Infinity };

export const isUnbounded = ({ min, max }: Activation): boolean => min === -Infinity && max === Infinity;

export const elementCount = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

const comparisons: readonly string[] = ["equal", "greater", "greaterEqual", "less", "lessEqual", "notEqual"];

/** Its result is bool whatever its operands are. */
export const isComparison = (kind: BinaryKind): boolean => comparisons.includes(kind);

const arrays = {
  float32: Float32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
} as const;

/** The typed array a tensor of `dtype` lives in. */
export const arrayOf = (dtype: DType) => arrays[dtype];

export const bytesPerElement = (dtype: DType): number => arrays[dtype].BYTES_PER_ELEMENT;

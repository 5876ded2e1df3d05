import {
  OP_DEQUANTIZE,
  OP_QUANTIZE,
  OP_SOFTMAX_F32,
  OP_SOFTMAX_QS8,
  OP_TABLE,
  OP_UNARY_F32,
  ROUNDING_DOUBLE,
  ROUNDING_SINGLE,
  UNARY_ABS,
  UNARY_CEIL,
  UNARY_CLIP,
  UNARY_COS,
  UNARY_ELU,
  UNARY_ERF,
  UNARY_EXP,
  UNARY_FLOOR,
  UNARY_GELU,
  UNARY_GELU_TANH,
  UNARY_HARD_SIGMOID,
  UNARY_HARD_SWISH,
  UNARY_LEAKY_RELU,
  UNARY_LOG,
  UNARY_LOGISTIC,
  UNARY_NEG,
  UNARY_RECIPROCAL,
  UNARY_ROUND,
  UNARY_RSQRT,
  UNARY_SIGN,
  UNARY_SILU,
  UNARY_SIN,
  UNARY_SOFTPLUS,
  UNARY_SQRT,
  UNARY_SQUARE,
  UNARY_TANH,
} from "../../../assembly/codes.ts";
import {
  SOFTMAX_RECORD_BYTES,
  U_ALPHA,
  U_BETA,
  U_KIND,
  U_ROUNDING,
  U_SCALE,
  U_TABLE,
  U_ZERO_POINT,
  UNARY_RECORD_BYTES,
  X_DEPTH,
  X_ROUNDING,
  X_SCALE,
  X_TABLE,
  X_ZERO_POINT,
} from "../../../assembly/records.ts";
import type { Attributes, NodeOf, Tensor, UnaryKind } from "../../graph/graph.ts";
import { softmaxParameters } from "../../numerics/softmax.ts";
import { concatTable, requantizeTable, type TableEnd, unaryTable } from "../../numerics/table.ts";
import { inputOf, type Lowering, scalarQuantization } from "../lowering.ts";
import { record } from "../record.ts";

const emitElementwise = (lowering: Lowering, node: string, view: DataView, x: Tensor, y: Tensor): void =>
  lowering.emit({ node, record: view, input: x, input2: null, output: y, scratchBytes: 0, scratchField: 0 });

/** A tensor as the source's tables see it: uint8 again where it was before lower-uint8. */
function tableEnd(lowering: Lowering, t: Tensor): TableEnd {
  const { scale, zeroPoint } = scalarQuantization(t);
  return lowering.wasUint8(t)
    ? { scale, zeroPoint: zeroPoint + 128, dtype: "uint8" }
    : { scale, zeroPoint, dtype: t.dtype };
}

/** Emits a lookup in `table`, which is indexed by and holds bytes of the source's types. */
function emitTable(lowering: Lowering, node: string, table: Uint8Array, x: Tensor, y: Tensor): void {
  const flip = (t: Tensor): number => (lowering.wasUint8(t) ? 0x80 : 0);
  const stored = table.map((_, byte) => table[byte ^ flip(x)] ^ flip(y));
  const view = record(OP_TABLE, UNARY_RECORD_BYTES, [[U_TABLE, lowering.weights.add(stored)]]);
  emitElementwise(lowering, node, view, x, y);
}

const kinds: Record<Exclude<UnaryKind, "gelu" | "relu">, number> = {
  abs: UNARY_ABS,
  ceil: UNARY_CEIL,
  clip: UNARY_CLIP,
  cos: UNARY_COS,
  elu: UNARY_ELU,
  erf: UNARY_ERF,
  exp: UNARY_EXP,
  floor: UNARY_FLOOR,
  hardSigmoid: UNARY_HARD_SIGMOID,
  hardSwish: UNARY_HARD_SWISH,
  leakyRelu: UNARY_LEAKY_RELU,
  log: UNARY_LOG,
  logistic: UNARY_LOGISTIC,
  neg: UNARY_NEG,
  reciprocal: UNARY_RECIPROCAL,
  round: UNARY_ROUND,
  rsqrt: UNARY_RSQRT,
  sign: UNARY_SIGN,
  silu: UNARY_SILU,
  sin: UNARY_SIN,
  softplus: UNARY_SOFTPLUS,
  sqrt: UNARY_SQRT,
  square: UNARY_SQUARE,
  tanh: UNARY_TANH,
};

/** Kind and the two parameters of a float unary operator. */
function floatUnary({
  kind,
  alpha,
  beta,
  min,
  max,
  approximate,
}: Attributes["unary"]): [number, number, number] {
  switch (kind) {
    case "relu":
      return [UNARY_CLIP, 0, Infinity];
    case "clip":
      return [UNARY_CLIP, min ?? -Infinity, max ?? Infinity];
    case "gelu":
      return [approximate ? UNARY_GELU_TANH : UNARY_GELU, 0, 0];
    case "hardSigmoid":
      return [UNARY_HARD_SIGMOID, alpha ?? 0.2, beta ?? 0.5];
    case "leakyRelu":
      return [UNARY_LEAKY_RELU, alpha ?? 0.01, 0];
    case "elu":
      return [UNARY_ELU, alpha ?? 1, 0];
    default:
      return [kinds[kind], 0, 0];
  }
}

export function lowerUnary(lowering: Lowering, node: NodeOf<"unary">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  if (y.dtype !== "float32") {
    const table = unaryTable(
      lowering.rounding,
      node.attributes,
      tableEnd(lowering, x),
      tableEnd(lowering, y),
    );
    return emitTable(lowering, node.name, table, x, y);
  }
  const [kind, alpha, beta] = floatUnary(node.attributes);
  const view = record(
    OP_UNARY_F32,
    UNARY_RECORD_BYTES,
    [[U_KIND, kind]],
    [
      [U_ALPHA, alpha],
      [U_BETA, beta],
    ],
  );
  emitElementwise(lowering, node.name, view, x, y);
}

const roundingCode = (lowering: Lowering): number =>
  lowering.rounding === "double" ? ROUNDING_DOUBLE : ROUNDING_SINGLE;

/** float32 → int8, or one 8-bit quantization to another by table. */
export function emitQuantize(lowering: Lowering, node: string, x: Tensor, y: Tensor): void {
  if (x.dtype !== "float32")
    return emitTable(
      lowering,
      node,
      requantizeTable(lowering.rounding, tableEnd(lowering, x), tableEnd(lowering, y)),
      x,
      y,
    );
  const { scale, zeroPoint } = scalarQuantization(y);
  const factor = lowering.rounding === "single" ? Math.fround(1 / scale) : scale;
  const view = record(
    OP_QUANTIZE,
    UNARY_RECORD_BYTES,
    [
      [U_ROUNDING, roundingCode(lowering)],
      [U_ZERO_POINT, zeroPoint],
    ],
    [[U_SCALE, factor]],
  );
  emitElementwise(lowering, node, view, x, y);
}

/** An input of a concatenation in the quantization of its output. */
export function emitConcatInput(lowering: Lowering, node: string, x: Tensor, y: Tensor): void {
  emitTable(lowering, node, concatTable(tableEnd(lowering, x), tableEnd(lowering, y)), x, y);
}

export function lowerDequantize(lowering: Lowering, node: NodeOf<"dequantize">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  const { scale, zeroPoint } = scalarQuantization(x);
  const view = record(
    OP_DEQUANTIZE,
    UNARY_RECORD_BYTES,
    [
      [U_ROUNDING, 0],
      [U_ZERO_POINT, zeroPoint],
    ],
    [[U_SCALE, scale]],
  );
  emitElementwise(lowering, node.name, view, x, y);
}

export function lowerSoftmax(lowering: Lowering, node: NodeOf<"softmax">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  const { beta } = node.attributes;
  const depth = x.shape.at(-1) ?? 1;
  let view: DataView;
  if (y.dtype === "float32") {
    view = record(OP_SOFTMAX_F32, SOFTMAX_RECORD_BYTES, [[X_DEPTH, depth]], [[X_SCALE, beta]]);
  } else {
    const output = scalarQuantization(y);
    const how = softmaxParameters(lowering.rounding, scalarQuantization(x).scale, beta, output, {
      min: -128,
      max: 127,
    });
    view = record(
      OP_SOFTMAX_QS8,
      SOFTMAX_RECORD_BYTES,
      [
        [X_DEPTH, depth],
        [X_ROUNDING, how.form === "fixed" ? ROUNDING_DOUBLE : ROUNDING_SINGLE],
        [X_TABLE, lowering.weights.add(how.table)],
        [X_ZERO_POINT, output.zeroPoint],
      ],
      [[X_SCALE, output.scale]],
    );
  }
  emitElementwise(lowering, node.name, view, x, y);
}

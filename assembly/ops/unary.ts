/** OP_UNARY_F32: elementwise float32 functions. Scalar in every tier, so the bits agree by construction. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import {
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
} from "../codes";
import { DTYPE_FLOAT32, O_BYTES } from "../format";
import { UNARY_RECORD_BYTES, U_ALPHA, U_BETA, U_KIND } from "../records";
import { sameElements, within } from "../engine/check";
import { bytesOf, dataOf, dtypeOf, f32At, inputOf, outputOf, u32At } from "../engine/model";
import { expf } from "../simd/exp";
import { sinOf } from "../simd/trigonometry";
import { clampf, erff, geluf, logf, logisticf, tanhf } from "../simd/functions";

export function verifyUnary(record: usize): i32 {
  if (u32At(record, O_BYTES) != UNARY_RECORD_BYTES) return CHECK_RECORD;
  const x = inputOf(record);
  if (dtypeOf(x) != DTYPE_FLOAT32) return CHECK_DTYPE;
  if (!sameElements(x, outputOf(record))) return CHECK_SHAPE;
  return within(record, U_KIND, UNARY_ABS, UNARY_ERF) ? 0 : CHECK_FIELD;
}

/** src/numerics/floatUnary.ts, kind by kind. */
function apply(kind: u32, x: f32, alpha: f32, beta: f32): f32 {
  switch (kind) {
    case UNARY_ABS:
      return abs(x);
    case UNARY_CLIP:
      return clampf(x, alpha, beta);
    case UNARY_ELU:
      return x > 0 ? x : alpha * (expf(x) - 1);
    case UNARY_EXP:
      return expf(x);
    case UNARY_GELU:
      return geluf(x, false);
    case UNARY_GELU_TANH:
      return geluf(x, true);
    case UNARY_HARD_SIGMOID:
      return clampf(alpha * x + beta, 0, 1);
    case UNARY_HARD_SWISH:
      return (x * clampf(x + 3, 0, 6)) / 6;
    case UNARY_LEAKY_RELU:
      return x < 0 ? alpha * x : x;
    case UNARY_LOG:
      return logf(x);
    case UNARY_LOGISTIC:
      return logisticf(x);
    case UNARY_NEG:
      return -x;
    case UNARY_RSQRT:
      return <f32>1 / sqrt(x);
    case UNARY_SILU:
      return x / (<f32>1 + expf(-x));
    case UNARY_SOFTPLUS:
      return clampf(x, 0, Infinity) + logf(<f32>1 + expf(-abs(x)));
    case UNARY_SQRT:
      return sqrt(x);
    case UNARY_SQUARE:
      return x * x;
    case UNARY_SIN:
      return sinOf(x, 0);
    case UNARY_COS:
      return sinOf(x, 1);
    case UNARY_FLOOR:
      return floor(x);
    case UNARY_CEIL:
      return ceil(x);
    case UNARY_ROUND:
      return nearest(x);
    case UNARY_SIGN:
      return x > 0 ? <f32>1 : x < 0 ? <f32>-1 : x;
    case UNARY_RECIPROCAL:
      return <f32>1 / x;
    case UNARY_ERF:
      return erff(x);
    default:
      return tanhf(x);
  }
}

export function runUnary(record: usize): void {
  const kind = u32At(record, U_KIND);
  const alpha = f32At(record, U_ALPHA);
  const beta = f32At(record, U_BETA);
  const xt = inputOf(record);
  const end = dataOf(xt) + bytesOf(xt);
  let y = dataOf(outputOf(record));
  for (let x = dataOf(xt); x < end; x += 4) {
    store<f32>(y, apply(kind, load<f32>(x), alpha, beta));
    y += 4;
  }
}

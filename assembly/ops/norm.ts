/** OP_NORM_F32: every row of the last dimension brought to one length, with or without its mean. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_INDEX, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { DTYPE_FLOAT32, O_BYTES, O_INPUT2, O_INPUT3, O_VARIABLE, O_VARIABLE2 } from "../format";
import { NORM_RECORD_BYTES, N_DEPTH, N_EPSILON, N_KIND } from "../records";
import { sameElements, within } from "../engine/check";
import { bytesOf, dataOf, dtypeOf, f32At, inputOf, namedBy, outputOf, u32At } from "../engine/model";
import { f32_norm } from "../kernels/vector/norm";

/** None, or `depth` floats. */
function isVector(t: usize, depth: u32): bool {
  return t == 0 || (dtypeOf(t) == DTYPE_FLOAT32 && <f64>bytesOf(t) == <f64>depth * 4);
}

export function verifyNorm(record: usize): i32 {
  if (u32At(record, O_BYTES) != NORM_RECORD_BYTES) return CHECK_RECORD;
  if (namedBy(record, O_VARIABLE) != 0 || namedBy(record, O_VARIABLE2) != 0) return CHECK_INDEX;
  const x = inputOf(record);
  if (dtypeOf(x) != DTYPE_FLOAT32) return CHECK_DTYPE;
  const depth = u32At(record, N_DEPTH);
  if (!sameElements(x, outputOf(record)) || depth == 0 || (bytesOf(x) >> 2) % depth != 0) return CHECK_SHAPE;
  if (!isVector(namedBy(record, O_INPUT2), depth) || !isVector(namedBy(record, O_INPUT3), depth)) return CHECK_SHAPE;
  const epsilon = f32At(record, N_EPSILON);
  return within(record, N_KIND, 0, 7) && epsilon >= 0 && epsilon <= f32.MAX_VALUE ? 0 : CHECK_FIELD;
}

export function runNorm(record: usize): void {
  const xt = inputOf(record);
  const depth: usize = u32At(record, N_DEPTH);
  const scaleTensor = namedBy(record, O_INPUT2);
  const biasTensor = namedBy(record, O_INPUT3);
  const scale = scaleTensor ? dataOf(scaleTensor) : 0;
  const bias = biasTensor ? dataOf(biasTensor) : 0;
  let x = dataOf(xt);
  let y = dataOf(outputOf(record));
  const end = x + bytesOf(xt);
  for (; x < end; x += depth << 2) {
    f32_norm(record, x, depth, scale, bias, y);
    y += depth << 2;
  }
}

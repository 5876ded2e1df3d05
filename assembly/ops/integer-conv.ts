/** OP_INTEGER_CONV: convolutions and matrix products of centred integers, as the int32 sums they are. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_INDEX, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { DTYPE_INT16, DTYPE_INT32, DTYPE_INT8, NONE, O_BYTES, O_INPUT2, O_INPUT3 } from "../format";
import {
  INTEGER_CONV_RECORD_BYTES,
  I_BATCH,
  I_C,
  I_DILATION_H,
  I_DILATION_W,
  I_GROUPS,
  I_H,
  I_KERNEL_H,
  I_KERNEL_W,
  I_O,
  I_OUT_H,
  I_OUT_W,
  I_PAD_LEFT,
  I_PAD_TOP,
  I_STRIDE_H,
  I_STRIDE_W,
  I_W,
  I_W_BATCHED,
  I_X_BATCHED,
} from "../records";
import { within } from "../engine/check";
import { dataOf, dtypeOf, i32At, input2Of, inputOf, namedBy, outputOf, u32At } from "../engine/model";
import { s16_dot } from "../kernels/vector/dot";
import { elementsOf, hasInputOnly } from "./quantize-linear";

/** first times fields of the record. */
function product(record: usize, first: u32, a: usize, b: usize, c: usize, d: usize): f64 {
  return <f64>first * u32At(record, a) * u32At(record, b) * u32At(record, c) * u32At(record, d);
}

export function verifyIntegerConv(record: usize): i32 {
  if (u32At(record, O_BYTES) != INTEGER_CONV_RECORD_BYTES) return CHECK_RECORD;
  if (!hasInputOnly(record) || u32At(record, O_INPUT2) == NONE) return CHECK_INDEX;
  const x = inputOf(record);
  const w = input2Of(record);
  const bias = namedBy(record, O_INPUT3);
  const y = outputOf(record);
  if (dtypeOf(x) != DTYPE_INT16 || dtypeOf(y) != DTYPE_INT32) return CHECK_DTYPE;
  if (dtypeOf(w) != DTYPE_INT16 && dtypeOf(w) != DTYPE_INT8) return CHECK_DTYPE;
  if (bias != 0 && dtypeOf(bias) != DTYPE_INT32) return CHECK_DTYPE;
  for (let field: usize = I_BATCH; field < <usize>INTEGER_CONV_RECORD_BYTES; field += 4) {
    const mayBeZero = field == <usize>I_X_BATCHED || field == <usize>I_W_BATCHED || field >= <usize>I_PAD_TOP;
    if (!within(record, field, mayBeZero ? 0 : 1, field < <usize>I_STRIDE_H ? 1 << 26 : 1 << 20)) return CHECK_FIELD;
  }
  if (u32At(record, I_X_BATCHED) > 1 || u32At(record, I_W_BATCHED) > 1) return CHECK_FIELD;
  const batch = u32At(record, I_BATCH);
  const xs = product(record, u32At(record, I_X_BATCHED) ? batch : 1, I_H, I_W, I_C, I_GROUPS);
  const ws = product(record, u32At(record, I_W_BATCHED) ? batch : 1, I_KERNEL_H, I_KERNEL_W, I_C, I_O);
  const ys = product(record, batch, I_OUT_H, I_OUT_W, I_O, I_GROUPS);
  if (xs != <f64>elementsOf(x) || ws * u32At(record, I_GROUPS) != <f64>elementsOf(w) || ys != <f64>elementsOf(y)) return CHECK_SHAPE;
  return bias == 0 || <f64>u32At(record, I_O) * u32At(record, I_GROUPS) == <f64>elementsOf(bias) ? 0 : CHECK_SHAPE;
}

/** Sums wrap as int32 does. Equals test/reference/integer.ts bit for bit. */
export function runIntegerConv(record: usize): void {
  const w = input2Of(record);
  const bias = namedBy(record, O_INPUT3);
  const height = u32At(record, I_H);
  const width = u32At(record, I_W);
  const c: usize = u32At(record, I_C);
  const groups = u32At(record, I_GROUPS);
  const perGroup = u32At(record, I_O);
  const outH = u32At(record, I_OUT_H);
  const outW = u32At(record, I_OUT_W);
  const kernelH = u32At(record, I_KERNEL_H);
  const kernelW = u32At(record, I_KERNEL_W);
  const isNarrow = dtypeOf(w) == DTYPE_INT8;
  const wShift: usize = isNarrow ? 0 : 1;
  const pixel = <usize>groups * c;
  const channels = groups * perGroup;
  const xImage = <usize>height * width * pixel * u32At(record, I_X_BATCHED);
  const wImage = <usize>channels * kernelH * kernelW * c * u32At(record, I_W_BATCHED);
  let y = dataOf(outputOf(record));
  for (let b: u32 = 0; b < u32At(record, I_BATCH); b++) {
    const image = dataOf(inputOf(record)) + ((<usize>b * xImage) << 1);
    for (let pixels: u32 = 0; pixels < outH * outW; pixels++) {
      const top = (pixels / outW) * u32At(record, I_STRIDE_H) - u32At(record, I_PAD_TOP);
      const left = (pixels % outW) * u32At(record, I_STRIDE_W) - u32At(record, I_PAD_LEFT);
      let tap = dataOf(w) + ((<usize>b * wImage) << wShift);
      for (let o: u32 = 0; o < channels; o++) {
        let sum = bias == 0 ? 0 : i32At(dataOf(bias), <usize>o << 2);
        const group = <usize>(o / perGroup) * c;
        for (let kh: u32 = 0; kh < kernelH; kh++) {
          const h = top + kh * u32At(record, I_DILATION_H);
          for (let kw: u32 = 0; kw < kernelW; kw++) {
            const v = left + kw * u32At(record, I_DILATION_W);
            // Unsigned: what lies before the first row or column is beyond the last, too.
            if (h < height && v < width) {
              const at = image + ((<usize>(h * width + v) * pixel + group) << 1);
              sum += isNarrow ? s16_dot<i8>(at, tap, c) : s16_dot<i16>(at, tap, c);
            }
            tap += c << wShift;
          }
        }
        store<i32>(y, sum);
        y += 4;
      }
    }
  }
}

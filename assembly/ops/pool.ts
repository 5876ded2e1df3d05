/** OP_AVERAGE_POOL_*, OP_MAX_POOL_*. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { OP_AVERAGE_POOL_F32, OP_AVERAGE_POOL_QS8, OP_MAX_POOL_F32, OP_MAX_POOL_QS8 } from "../codes";
import { DTYPE_FLOAT32, DTYPE_INT8, O_BYTES, O_CODE } from "../format";
import {
  M_MAX,
  M_MIN,
  POOL_RECORD_BYTES,
  P_COUNT_PADDING,
  P_HALVES_UP,
  P_PAD_VALUE,
  W_KERNEL_H,
  W_KERNEL_W,
  W_PAD_LEFT,
  W_PAD_TOP,
  W_STRIDE_H,
  W_STRIDE_W,
} from "../records";
import { checkFloatRange, checkInt8Range, within } from "../engine/check";
import { isKept, keeps } from "../engine/kept";
import { dataOf, dimOf, dtypeOf, f32At, i32At, inputOf, outputOf, u32At } from "../engine/model";
import { f32_average, f32_max, qs8_average, qs8_max } from "../kernels/vector/pool";
import { verifyWindow } from "./window";

/** No window lies wholly in the padding: the first reaches into the image, the last begins in it. */
function touches(record: usize, size: u32, outSize: u32, pad: u32, kernel: u32, stride: u32): bool {
  const last = <f64>(outSize - 1) * u32At(record, stride);
  return u32At(record, pad) < u32At(record, kernel) && last < <f64>size + u32At(record, pad);
}

export function verifyPool(record: usize): i32 {
  if (u32At(record, O_BYTES) != POOL_RECORD_BYTES) return CHECK_RECORD;
  const x = inputOf(record);
  const y = outputOf(record);
  const check = verifyWindow(record, x, y);
  if (check) return check;
  if (dimOf(x, 3) != dimOf(y, 3)) return CHECK_SHAPE;
  if (!touches(record, dimOf(x, 1), dimOf(y, 1), W_PAD_TOP, W_KERNEL_H, W_STRIDE_H)) return CHECK_SHAPE;
  if (!touches(record, dimOf(x, 2), dimOf(y, 2), W_PAD_LEFT, W_KERNEL_W, W_STRIDE_W)) return CHECK_SHAPE;
  if (!within(record, P_COUNT_PADDING, 0, 1) || !within(record, P_HALVES_UP, 0, 1)) return CHECK_FIELD;
  const code = u32At(record, O_CODE);
  const isFloat = code == OP_AVERAGE_POOL_F32 || code == OP_MAX_POOL_F32;
  const dtype: u32 = isFloat ? DTYPE_FLOAT32 : DTYPE_INT8;
  if (dtypeOf(x) != dtype || dtypeOf(y) != dtype) return CHECK_DTYPE;
  if (isFloat) return checkFloatRange(f32At(record, M_MIN), f32At(record, M_MAX));
  // Sums of int8 over a window must fit 31 bits.
  if (u32At(record, W_KERNEL_H) * u32At(record, W_KERNEL_W) > 1 << 22) return CHECK_FIELD;
  return checkInt8Range(i32At(record, M_MIN), i32At(record, M_MAX), i32At(record, P_PAD_VALUE));
}

export function runPool(record: usize): void {
  const xt = inputOf(record);
  const yt = outputOf(record);
  const code = u32At(record, O_CODE);
  const size: usize = dtypeOf(xt) == DTYPE_FLOAT32 ? 4 : 1;
  const height = <i32>dimOf(xt, 1);
  const width = <i32>dimOf(xt, 2);
  const channels: usize = dimOf(xt, 3);
  const pixel = channels * size;
  const rowBytes = <usize>width * pixel;
  const kernelH = i32At(record, W_KERNEL_H);
  const kernelW = i32At(record, W_KERNEL_W);
  const countPadding = u32At(record, P_COUNT_PADDING) != 0;
  const halvesUp = u32At(record, P_HALVES_UP) != 0;
  let x = dataOf(xt);
  let y = dataOf(yt);
  for (let b: u32 = 0; b < dimOf(xt, 0); b++) {
    for (let oy: i32 = 0; oy < <i32>dimOf(yt, 1); oy++) {
      const top = oy * i32At(record, W_STRIDE_H) - i32At(record, W_PAD_TOP);
      const y0 = max(top, 0);
      const rows = min(top + kernelH, height) - y0;
      for (let ox: i32 = 0; ox < <i32>dimOf(yt, 2); ox++) {
        const left = ox * i32At(record, W_STRIDE_W) - i32At(record, W_PAD_LEFT);
        const x0 = max(left, 0);
        const columns = min(left + kernelW, width) - x0;
        const at = x + <usize>y0 * rowBytes + <usize>x0 * pixel;
        const count = countPadding ? kernelH * kernelW : rows * columns;
        if (isKept(code, OP_AVERAGE_POOL_QS8)) {
          const padding = (count - rows * columns) * i32At(record, P_PAD_VALUE);
          qs8_average(record, at, rows, columns, rowBytes, channels, count, padding, halvesUp, y);
        } else if (isKept(code, OP_MAX_POOL_QS8)) {
          qs8_max(record, at, rows, columns, rowBytes, channels, y);
        } else if (isKept(code, OP_AVERAGE_POOL_F32)) {
          f32_average(record, at, rows, columns, rowBytes, channels, count, y);
        } else if (keeps(OP_MAX_POOL_F32)) {
          f32_max(record, at, rows, columns, rowBytes, channels, y);
        }
        y += pixel;
      }
    }
    x += <usize>height * rowBytes;
  }
}

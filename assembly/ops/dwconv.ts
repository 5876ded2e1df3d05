/** OP_DWCONV_QS8, OP_DWCONV_F32: depthwise convolution with one filter a channel, output row by output row. */

import { CHECK_FIELD, CHECK_QUANTIZATION, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { NR, OP_DWCONV_F32, OP_DWCONV_QS8 } from "../codes";
import { DTYPE_FLOAT32, O_BYTES, O_CODE } from "../format";
import {
  CONV_RECORD_BYTES,
  C_PAD_VALUE,
  M_BIAS,
  M_K,
  M_N,
  M_REQUANT,
  M_SCRATCH,
  M_SCRATCH_BYTES,
  M_WEIGHTS,
  M_WEIGHT_ZERO_POINT,
  W_DILATION_H,
  W_DILATION_W,
  W_KERNEL_H,
  W_KERNEL_W,
  W_PAD_LEFT,
  W_PAD_TOP,
  W_STRIDE_H,
  W_STRIDE_W,
} from "../records";
import { checkScratch, isInt8, roundUp } from "../engine/check";
import {
  arena,
  dataOf,
  dimOf,
  dtypeOf,
  i32At,
  inputOf,
  outputOf,
  u32At,
  weights,
  windowRows,
} from "../engine/model";
import { isKept, keeps } from "../engine/kept";
import { f32_dwconv } from "../kernels/dwconv/f32";
import { qs8_qc8w_dwconv } from "../kernels/dwconv/qs8";
import { copyOver, fillOver } from "../simd/copy";
import { checkExtents, checkWeightPadding, paddedColumns, verifyMatmul } from "./gemm";
import { verifyWindow } from "./window";

/** Scratch: one address per tap (an even number of them). */
export function verifyDwconv(record: usize): i32 {
  if (u32At(record, O_BYTES) != CONV_RECORD_BYTES) return CHECK_RECORD;
  const x = inputOf(record);
  const y = outputOf(record);
  let check = verifyWindow(record, x, y);
  if (check) return check;
  check = checkExtents(record);
  if (check) return check;
  const channels = u32At(record, M_N);
  if (dimOf(x, 3) != channels || dimOf(y, 3) != channels) return CHECK_SHAPE;
  const taps = u32At(record, W_KERNEL_H) * u32At(record, W_KERNEL_W);
  if (taps != u32At(record, M_K)) return CHECK_FIELD;
  const isFloat = dtypeOf(y) == DTYPE_FLOAT32;
  const columns = paddedColumns(channels);
  check = verifyMatmul(record, columns, isFloat ? <f64>taps * columns * 4 : roundUp(taps, 2) * columns);
  if (check) return check;
  if (!isFloat) {
    const wz = i32At(record, M_WEIGHT_ZERO_POINT);
    check = checkWeightPadding(weights + u32At(record, M_WEIGHTS), taps, columns, 2, wz);
    if (check) return check;
  }
  if (!isInt8(i32At(record, C_PAD_VALUE))) return CHECK_QUANTIZATION;
  return checkScratch(u32At(record, M_SCRATCH), u32At(record, M_SCRATCH_BYTES), roundUp(taps, 2) * 4, x, y);
}

/** Pixels of an input row that the windows of one output row see. */
function seenWidth(record: usize): f64 {
  const outWidth: f64 = dimOf(outputOf(record), 2);
  return (outWidth - 1) * u32At(record, W_STRIDE_W) + <f64>(u32At(record, W_KERNEL_W) - 1) * u32At(record, W_DILATION_W) + 1;
}

/** Bytes from one row to the next of the windows' copy; copyOver writes past a row. */
function rowStride(record: usize): f64 {
  const size: f64 = dtypeOf(outputOf(record)) == DTYPE_FLOAT32 ? 4 : 1;
  return roundUp(seenWidth(record) * u32At(record, M_N) * size + 16, 16);
}

/** Input rows from the first to the last of a window. */
function spannedRows(record: usize): u32 {
  return (u32At(record, W_KERNEL_H) - 1) * u32At(record, W_DILATION_H) + 1;
}

/** Room in `windowRows` for one row of padding and a copy of the rows of one window, padded to the left and right. */
export function windowBytes(record: usize): f64 {
  return <f64>(spannedRows(record) + 1) * rowStride(record);
}

export function runDwconv(record: usize): void {
  const isFloat = keeps(OP_DWCONV_F32) && !isKept(u32At(record, O_CODE), OP_DWCONV_QS8);
  const size: usize = isFloat ? 4 : 1;
  const xt = inputOf(record);
  const yt = outputOf(record);
  const height = <i32>dimOf(xt, 1);
  const width: usize = dimOf(xt, 2);
  const outHeight = <i32>dimOf(yt, 1);
  const outWidth: usize = dimOf(yt, 2);
  const channels: usize = u32At(record, M_N);
  const pixel = channels * size;
  const count: usize = u32At(record, M_K);
  const pairs = (count + 1) >> 1;
  const columns = (channels + NR - 1) & ~(NR - 1);
  const kernelH = i32At(record, W_KERNEL_H);
  const kernelW: usize = u32At(record, W_KERNEL_W);
  const dilationH = i32At(record, W_DILATION_H);
  const across = <usize>u32At(record, W_DILATION_W) * pixel;
  const w = weights + u32At(record, M_WEIGHTS);
  const bias = weights + u32At(record, M_BIAS);
  const requant = weights + u32At(record, M_REQUANT);
  const taps = arena + u32At(record, M_SCRATCH);
  const pad: u32 = isFloat ? 0 : <u32>(i32At(record, C_PAD_VALUE) & 255) * 0x01010101;
  const seen: usize = <usize>seenWidth(record);
  const stride: usize = <usize>rowStride(record);
  const span = <i32>spannedRows(record);
  const left = min<usize>(u32At(record, W_PAD_LEFT), seen);
  const middle = min<usize>(width, seen - left);
  // Rows that need no padding at their ends are read where they are.
  const isPadded = seen > middle;
  const copies = windowRows + stride;
  fillOver(windowRows, pad, seen * pixel);
  let x = dataOf(xt);
  let y = dataOf(yt);
  for (let b: u32 = 0; b < dimOf(xt, 0); b++) {
    let top = -i32At(record, W_PAD_TOP);
    let copied = 0;
    for (let oy = 0; oy < outHeight; oy++) {
      if (isPadded) {
        const end = min(top + span, height);
        for (copied = max(copied, top); copied < end; copied++) {
          const to = copies + <usize>(copied % span) * stride;
          fillOver(to, pad, left * pixel);
          copyOver(to + left * pixel, x + <usize>copied * width * pixel, middle * pixel);
          fillOver(to + (left + middle) * pixel, pad, (seen - left - middle) * pixel);
        }
      }
      let t = taps;
      for (let ky = 0, iy = top; ky < kernelH; ky++, iy += dilationH) {
        let at = windowRows;
        if (iy >= 0 && iy < height)
          at = isPadded ? copies + <usize>(iy % span) * stride : x + <usize>iy * width * pixel;
        for (let kx: usize = 0; kx < kernelW; kx++) {
          store<u32>(t, <u32>at);
          t += 4;
          at += across;
        }
      }
      // The odd tap out weighs nothing; it may read anything that moves along with the window.
      if (count & 1) store<u32>(t, load<u32>(taps));
      const step = <usize>u32At(record, W_STRIDE_W) * pixel;
      if (isFloat) f32_dwconv(record, outWidth, step, channels, taps, count, w, bias, y);
      else qs8_qc8w_dwconv(record, outWidth, step, channels, taps, pairs, w, bias, requant, columns << 2, y);
      y += outWidth * pixel;
      top += i32At(record, W_STRIDE_H);
    }
    x += <usize>height * width * pixel;
  }
}

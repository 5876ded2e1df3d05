/**
 * OP_DWCONV_QS8, OP_DWCONV_F32: depthwise convolution with one filter a channel, output row by output row; so does OP_CONV_QS8 in
 * the SIMD tiers where its windows lie in prepared rows.
 */

import { CHECK_FIELD, CHECK_QUANTIZATION, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { KR, NR, OP_CONV_QS8, OP_DWCONV_F32, OP_DWCONV_QS8 } from "../codes";
import { DTYPE_FLOAT32, O_BYTES, O_CODE } from "../format";
import {
  CONV_RECORD_BYTES,
  C_GROUPS,
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
import { columnBytes, qs8_qc8w_conv } from "../kernels/gemm/qs8-tile";
import { copyOver, fillOver } from "../simd/copy";
import { dotFlip, usesDot } from "../simd/dot";
import { prepareRow, stepBytes } from "../simd/rows";
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

/** Bytes of windows that a convolution without a panel may need: more would not stay in a second-level cache. */
const MOST_WINDOW_BYTES: f64 = 262144;

/** The record is of a convolution. */
// @ts-ignore: decorator
@inline
function isConv(record: usize): bool {
  return ASC_FEATURE_SIMD && isKept(u32At(record, O_CODE), OP_CONV_QS8);
}

/** A convolution that reads its windows from rows prepared once: a kernel row of them is whole steps one after another. */
export function isRowwise(record: usize): bool {
  if (!isConv(record)) return false;
  const x = inputOf(record);
  const width = dimOf(outputOf(record), 2);
  return (
    u32At(record, C_GROUPS) == 1 && u32At(record, W_DILATION_W) == 1 &&
    (dimOf(x, 3) & (KR - 1)) == 0 && i32At(record, M_WEIGHT_ZERO_POINT) == 0 && ((width & 3) == 0 || width > 16) &&
    windowBytes(record) <= MOST_WINDOW_BYTES
  );
}

// @ts-ignore: decorator
@inline
function isFloat32(record: usize): bool {
  return keeps(OP_DWCONV_F32) && u32At(record, O_CODE) == OP_DWCONV_F32;
}

// @ts-ignore: decorator
@inline
function channelsOf(record: usize): u32 {
  return isConv(record) ? dimOf(inputOf(record), 3) : u32At(record, M_N);
}

/** Bytes of a window's element. */
function elementSize(record: usize): usize {
  if (isConv(record)) return stepBytes(usesDot()) >> 2;
  return isFloat32(record) ? 4 : 1;
}

/** Pixels of an input row that the windows of one output row see; a convolution's come in fours. */
function seenWidth(record: usize): f64 {
  const width = dimOf(outputOf(record), 2);
  const windows: f64 = isConv(record) ? (width + 3) & ~3 : width;
  return (windows - 1) * u32At(record, W_STRIDE_W) + <f64>(u32At(record, W_KERNEL_W) - 1) * u32At(record, W_DILATION_W) + 1;
}

/** Bytes from one row to the next of the windows' copy; copyOver and prepareRow write past a row. */
function rowStride(record: usize): f64 {
  return roundUp(seenWidth(record) * channelsOf(record) * <f64>elementSize(record) + 32, 16);
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
  const isFloat = isFloat32(record);
  const rowwise = isConv(record);
  const size = elementSize(record);
  const xt = inputOf(record);
  const yt = outputOf(record);
  const height = <i32>dimOf(xt, 1);
  const width: usize = dimOf(xt, 2);
  const outHeight = <i32>dimOf(yt, 1);
  const outWidth: usize = dimOf(yt, 2);
  const channels: usize = channelsOf(record);
  const pixel = channels * size;
  const inPixel = rowwise ? channels : pixel;
  const n: usize = u32At(record, M_N);
  const count: usize = u32At(record, M_K);
  const pairs = (count + 1) >> 1;
  const shiftsAfter = ((n + NR - 1) & ~(NR - 1)) << 2;
  const kernelH = i32At(record, W_KERNEL_H);
  const run = <usize>u32At(record, W_KERNEL_W) * channels * NR;
  const kernelW: usize = rowwise ? 1 : u32At(record, W_KERNEL_W);
  const dilationH = i32At(record, W_DILATION_H);
  const across = <usize>u32At(record, W_DILATION_W) * pixel;
  const w = weights + u32At(record, M_WEIGHTS);
  const bias = weights + u32At(record, M_BIAS);
  const requant = weights + u32At(record, M_REQUANT);
  const taps = arena + u32At(record, M_SCRATCH);
  const padValue = isFloat ? 0 : i32At(record, C_PAD_VALUE);
  let pad = <u32>(padValue & 255) * 0x01010101;
  if (rowwise) pad = usesDot() ? pad ^ (<u32>(<i32>dotFlip() & 255) * 0x01010101) : <u32>(padValue & 0xffff) * 0x10001;
  const seen: usize = <usize>seenWidth(record);
  const stride: usize = <usize>rowStride(record);
  const span = <i32>spannedRows(record);
  const left = min<usize>(u32At(record, W_PAD_LEFT), seen);
  const middle = min<usize>(width, seen - left);
  // Rows that need no padding at their ends are read where they are.
  const isPadded = rowwise || seen > middle;
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
          const from = x + <usize>copied * width * inPixel;
          if (rowwise) prepareRow(from, middle * channels, to + left * pixel);
          else copyOver(to + left * pixel, from, middle * pixel);
          fillOver(to + (left + middle) * pixel, pad, (seen - left - middle) * pixel);
        }
      }
      let t = taps;
      for (let ky = 0, iy = top; ky < kernelH; ky++, iy += dilationH) {
        let at = windowRows;
        if (iy >= 0 && iy < height)
          at = isPadded ? copies + <usize>(iy % span) * stride : x + <usize>iy * width * inPixel;
        for (let kx: usize = 0; kx < kernelW; kx++) {
          store<u32>(t, <u32>at);
          t += 4;
          at += across;
        }
      }
      // The odd tap out weighs nothing; it may read anything that moves along with the window.
      if (!rowwise && count & 1) store<u32>(t, load<u32>(taps));
      const step = <usize>u32At(record, W_STRIDE_W) * pixel;
      if (rowwise)
        qs8_qc8w_conv(record, outWidth, n, columnBytes(count), run, taps, step, w, bias, requant, shiftsAfter, y);
      else if (isFloat) f32_dwconv(record, outWidth, step, channels, taps, count, w, bias, y);
      else if (keeps(OP_DWCONV_QS8))
        qs8_qc8w_dwconv(record, outWidth, step, channels, taps, pairs, w, bias, requant, shiftsAfter, y);
      y += outWidth * (rowwise ? n : pixel);
      top += i32At(record, W_STRIDE_H);
    }
    x += <usize>height * width * inPixel;
  }
}

/** OP_DWCONV_QS8, OP_DWCONV_F32: depthwise convolution with one filter a channel, pixel by pixel. */

import { CHECK_FIELD, CHECK_QUANTIZATION, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { DTYPE_FLOAT32, O_BYTES } from "../format";
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
  NR,
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
import { arena, dataOf, dimOf, dtypeOf, i32At, inputOf, outputOf, u32At, weights } from "../engine/model";
import { f32_dwconv } from "../kernels/dwconv/f32";
import { qs8_qc8w_dwconv } from "../kernels/dwconv/qs8";
import { fillOver } from "../simd/copy";
import { checkExtents, checkWeightPadding, paddedColumns, verifyMatmul } from "./gemm";
import { verifyWindow } from "./window";

/** Scratch: one address per tap (an even number of them), then one row of padding. */
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
  const needed = roundUp(taps, 2) * 4 + <f64>columns * (isFloat ? 4 : 1) + 16;
  return checkScratch(u32At(record, M_SCRATCH), u32At(record, M_SCRATCH_BYTES), needed, x, y);
}

// @ts-ignore: decorator
@inline
function run(record: usize, isFloat: bool): void {
  const size: usize = isFloat ? 4 : 1;
  const xt = inputOf(record);
  const yt = outputOf(record);
  const height = <i32>dimOf(xt, 1);
  const width = <i32>dimOf(xt, 2);
  const outHeight = <i32>dimOf(yt, 1);
  const outWidth = <i32>dimOf(yt, 2);
  const channels: usize = u32At(record, M_N);
  const pixel = channels * size;
  const count: usize = u32At(record, M_K);
  const pairs = (count + 1) >> 1;
  const columns = (channels + NR - 1) & ~(NR - 1);
  const kernelH = i32At(record, W_KERNEL_H);
  const kernelW = i32At(record, W_KERNEL_W);
  const dilationH = i32At(record, W_DILATION_H);
  const dilationW = i32At(record, W_DILATION_W);
  const strideH = i32At(record, W_STRIDE_H);
  const strideW = i32At(record, W_STRIDE_W);
  const w = weights + u32At(record, M_WEIGHTS);
  const bias = weights + u32At(record, M_BIAS);
  const requant = weights + u32At(record, M_REQUANT);
  const taps = arena + u32At(record, M_SCRATCH);
  const padding = taps + (pairs << 3);
  const pad: u32 = isFloat ? 0 : <u32>(i32At(record, C_PAD_VALUE) & 255) * 0x01010101;
  fillOver(padding, pad, columns * size);
  // Columns whose windows lie inside the image from left to right: first…end − 1.
  const padLeft = i32At(record, W_PAD_LEFT);
  const reach = width - 1 - (kernelW - 1) * dilationW + padLeft;
  const first = min((padLeft + strideW - 1) / strideW, outWidth);
  const end = reach < 0 ? first : max(min(reach / strideW + 1, outWidth), first);
  let x = dataOf(xt);
  let y = dataOf(yt);
  for (let b: u32 = 0; b < dimOf(xt, 0); b++) {
    let top = -i32At(record, W_PAD_TOP);
    for (let oy = 0; oy < outHeight; oy++) {
      const inside = top >= 0 && top + (kernelH - 1) * dilationH < height;
      for (let ox = 0; ox < outWidth; ) {
        const left = ox * strideW - padLeft;
        let t = taps;
        for (let ky = 0, iy = top; ky < kernelH; ky++, iy += dilationH) {
          const rowIn = iy >= 0 && iy < height;
          const row = x + <usize>iy * <usize>width * pixel;
          for (let kx = 0, ix = left; kx < kernelW; kx++, ix += dilationW) {
            const at = rowIn && ix >= 0 && ix < width ? row + <usize>ix * pixel : padding;
            store<u32>(t, <u32>at);
            t += 4;
          }
        }
        // The odd tap out weighs nothing; it may read anything that moves along with the window.
        if (count & 1) store<u32>(t, load<u32>(taps));
        const pixels: usize = inside && ox == first && first < end ? <usize>(end - first) : 1;
        const step = <usize>strideW * pixel;
        if (isFloat) f32_dwconv(record, pixels, step, channels, taps, count, w, bias, y);
        else qs8_qc8w_dwconv(record, pixels, step, channels, taps, pairs, w, bias, requant, columns << 2, y);
        y += pixels * pixel;
        ox += <i32>pixels;
      }
      top += strideH;
    }
    x += <usize>height * <usize>width * pixel;
  }
}

export function runDwconvQs8(record: usize): void {
  run(record, false);
}

export function runDwconvF32(record: usize): void {
  run(record, true);
}

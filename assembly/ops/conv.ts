/** OP_CONV_QS8, OP_CONV_F32: any 2-D convolution, by panels of gathered rows that the GEMM kernels read. */

import { CHECK_FIELD, CHECK_QUANTIZATION, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { KR, NR, OP_CONV_F32, OP_CONV_QS8 } from "../codes";
import { DTYPE_FLOAT32, O_BYTES, O_CODE } from "../format";
import {
  CONV_RECORD_BYTES,
  C_GROUPS,
  C_PAD_VALUE,
  C_PANEL_ROWS,
  M_BIAS,
  M_K,
  M_N,
  M_REQUANT,
  M_SCRATCH,
  M_SCRATCH_BYTES,
  M_WEIGHTS,
  W_DILATION_H,
  W_DILATION_W,
  W_KERNEL_H,
  W_KERNEL_W,
  W_PAD_LEFT,
  W_PAD_TOP,
  W_STRIDE_H,
  W_STRIDE_W,
} from "../records";
import { checkScratch, isInt8, roundUp, within } from "../engine/check";
import { isKept, keeps } from "../engine/kept";
import { arena, dataOf, dimOf, dtypeOf, i32At, inputOf, outputOf, u32At, weights } from "../engine/model";
import { f32_gemm } from "../kernels/gemm/f32";
import { qs8_qc8w_gemm } from "../kernels/gemm/qs8";
import { copyOver, fillOver } from "../simd/copy";
import { checkExtents, checkWeightPadding, packedBytes, paddedColumns, verifyMatmul } from "./gemm";
import { isRowwise, runDwconv } from "./dwconv";
import { verifyWindow } from "./window";

export function verifyConv(record: usize): i32 {
  if (u32At(record, O_BYTES) != CONV_RECORD_BYTES) return CHECK_RECORD;
  const x = inputOf(record);
  const y = outputOf(record);
  let check = verifyWindow(record, x, y);
  if (check) return check;
  check = checkExtents(record);
  if (check) return check;
  const channels = dimOf(x, 3);
  const n = u32At(record, M_N);
  const groups = u32At(record, C_GROUPS);
  if (groups == 0 || channels % groups != 0 || n % groups != 0) return CHECK_FIELD;
  if (dimOf(y, 3) != n) return CHECK_SHAPE;
  const k = u32At(record, M_K);
  if (<f64>u32At(record, W_KERNEL_H) * u32At(record, W_KERNEL_W) * (channels / groups) != <f64>k) return CHECK_SHAPE;
  const columns = paddedColumns(n / groups) * groups;
  check = verifyMatmul(record, columns, packedBytes(record, k, columns));
  if (check) return check;
  if (dtypeOf(x) != DTYPE_FLOAT32) {
    check = checkWeightPadding(weights + u32At(record, M_WEIGHTS), k, columns, KR, 0);
    if (check) return check;
  }
  if (!isInt8(i32At(record, C_PAD_VALUE))) return CHECK_QUANTIZATION;
  if (!within(record, C_PANEL_ROWS, 1, 1 << 16)) return CHECK_FIELD;
  const rowBytes = dtypeOf(x) == DTYPE_FLOAT32 ? <f64>k * 4 : roundUp(k, KR);
  return checkScratch(
    u32At(record, M_SCRATCH), u32At(record, M_SCRATCH_BYTES), rowBytes * u32At(record, C_PANEL_ROWS) + 16, x, y
  );
}

/**
 * One row of the panel: the window of output pixel (oy, ox) in (ky, kx, channel) order.
 * `pixel` bytes between neighbours in x, `width` of them a row; `bytes` of each are taken.
 */
function gather(
  record: usize, x: usize, height: i32, width: i32, pixel: usize, bytes: usize,
  oy: i32, ox: i32, pad: u32, to: usize
): void {
  const kernelH = i32At(record, W_KERNEL_H);
  const kernelW = i32At(record, W_KERNEL_W);
  const dilationH = i32At(record, W_DILATION_H);
  const dilationW = i32At(record, W_DILATION_W);
  const left = ox * i32At(record, W_STRIDE_W) - i32At(record, W_PAD_LEFT);
  const inside = left >= 0 && left + (kernelW - 1) * dilationW < width;
  const whole = inside && dilationW == 1 && pixel == bytes;
  const run = bytes * <usize>kernelW;
  let iy = oy * i32At(record, W_STRIDE_H) - i32At(record, W_PAD_TOP);
  for (let ky = 0; ky < kernelH; ky++) {
    if (iy < 0 || iy >= height) {
      fillOver(to, pad, run);
      to += run;
    } else {
      const row = x + <usize>iy * <usize>width * pixel;
      if (whole) {
        copyOver(to, row + <usize>left * pixel, run);
        to += run;
      } else {
        let ix = left;
        for (let kx = 0; kx < kernelW; kx++) {
          if (ix < 0 || ix >= width) fillOver(to, pad, bytes);
          else copyOver(to, row + <usize>ix * pixel, bytes);
          to += bytes;
          ix += dilationW;
        }
      }
    }
    iy += dilationH;
  }
}

/** Calls the GEMM on panels of at most C_PANEL_ROWS output pixels, group by group, image by image. */
export function runConv(record: usize): void {
  if (isRowwise(record)) {
    runDwconv(record);
    return;
  }
  const isFloat = keeps(OP_CONV_F32) && !isKept(u32At(record, O_CODE), OP_CONV_QS8);
  const size: usize = isFloat ? 4 : 1;
  const xt = inputOf(record);
  const yt = outputOf(record);
  const height = dimOf(xt, 1);
  const width = dimOf(xt, 2);
  const pixel = <usize>dimOf(xt, 3) * size;
  const outWidth = dimOf(yt, 2);
  const pixels = dimOf(yt, 1) * outWidth;
  const k: usize = u32At(record, M_K);
  const groups: usize = u32At(record, C_GROUPS);
  const n: usize = <usize>u32At(record, M_N) / groups;
  const columns = (n + NR - 1) & ~(NR - 1);
  const bytes = pixel / groups;
  const rowBytes = isFloat ? k << 2 : (k + KR - 1) & ~(KR - 1);
  const panelRows = u32At(record, C_PANEL_ROWS);
  const panel = arena + u32At(record, M_SCRATCH);
  const pad: u32 = isFloat ? 0 : <u32>(i32At(record, C_PAD_VALUE) & 255) * 0x01010101;
  const w = weights + u32At(record, M_WEIGHTS);
  const bias = weights + u32At(record, M_BIAS);
  const requant = weights + u32At(record, M_REQUANT);
  const yStride = n * groups * size;
  let x = dataOf(xt);
  let y = dataOf(yt);
  for (let b: u32 = 0; b < dimOf(xt, 0); b++) {
    for (let g: usize = 0; g < groups; g++) {
      const first = g * columns;
      for (let p: u32 = 0; p < pixels; p += panelRows) {
        const rows = min(panelRows, pixels - p);
        let oy = p / outWidth;
        let ox = p - oy * outWidth;
        let to = panel;
        for (let r: u32 = 0; r < rows; r++) {
          gather(record, x + g * bytes, height, width, pixel, bytes, oy, ox, pad, to);
          to += rowBytes;
          if (++ox == outWidth) {
            ox = 0;
            oy++;
          }
        }
        const out = y + <usize>p * yStride + g * n * size;
        if (isFloat) {
          f32_gemm(
            record, rows, n, k, panel, rowBytes, w + first * k * size, bias + (first << 2), out, yStride
          );
        } else {
          qs8_qc8w_gemm(
            record, rows, n, k, panel, rowBytes, w + first * rowBytes, bias + (first << 2),
            requant + (first << 2), (columns * groups) << 2, out, yStride
          );
        }
      }
    }
    x += <usize>height * width * pixel;
    y += <usize>pixels * yStride;
  }
}

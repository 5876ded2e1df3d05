/**
 * OP_CONV_…, OP_DWCONV_…, output row by output row. The input rows that its windows see are copied with their padding into a
 * ring, each once; windows are addresses in it. Depthwise kernels take them so, and so does the int8 product of the SIMD tiers
 * where a kernel row is whole steps of prepared rows (simd/rows.ts). Others are gathered into a panel, which a product takes.
 * Depthwise kernels on the 4-way dot product have four rows interleaved instead of the ring (kernels/dwconv/qs8-dot.ts).
 */

import { KR, NR, OP_CONV_F32, OP_CONV_QS8, OP_DWCONV_F32, OP_DWCONV_QS8 } from "../codes";
import { O_CODE } from "../format";
import {
  C_GROUPS,
  C_PAD_VALUE,
  C_PANEL_ROWS,
  M_BIAS,
  M_K,
  M_N,
  M_REQUANT,
  M_ROUNDING,
  M_SCRATCH,
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
import { roundUp } from "../engine/check";
import { isKept, keeps, roundingAt } from "../engine/kept";
import { arena, dataOf, dimOf, i32At, inputOf, outputOf, preparedRows, u32At, weights, windowRows } from "../engine/model";
import { f32_dwconv } from "../kernels/dwconv/f32";
import { qs8_qc8w_dwconv } from "../kernels/dwconv/qs8";
import { interleaveRows, layOut, qs8_qc8w_dwconv_dot } from "../kernels/dwconv/qs8-dot";
import { f32_gemm } from "../kernels/gemm/f32";
import { qs8_qc8w_gemm } from "../kernels/gemm/qs8";
import { columnBytes, tile } from "../kernels/gemm/qs8-tile";
import { copyOver, fillOver } from "../simd/copy";
import { dotFlip, usesDot } from "../simd/dot";
import { prepareRow, stepBytes } from "../simd/rows";

/** Bytes of prepared rows that pay: more would not stay in a second-level cache. */
const MOST_PREPARED_BYTES: f64 = 262144;

// @ts-ignore: decorator
@inline
function isConv(code: u32): bool {
  return isKept(code, OP_CONV_QS8) || isKept(code, OP_CONV_F32);
}

// @ts-ignore: decorator
@inline
function isFloat32(code: u32): bool {
  return isKept(code, OP_CONV_F32) || isKept(code, OP_DWCONV_F32);
}

/** The operator's windows lie in `windowRows`. */
export function hasWindows(code: u32): bool {
  return isConv(code) || isKept(code, OP_DWCONV_QS8) || isKept(code, OP_DWCONV_F32);
}

/** The rows of the ring are prepared ones, whose windows are whole steps. */
function isPrepared(record: usize): bool {
  if (!ASC_FEATURE_SIMD || !isKept(u32At(record, O_CODE), OP_CONV_QS8)) return false;
  const width = dimOf(outputOf(record), 2);
  return (
    u32At(record, C_GROUPS) == 1 && u32At(record, W_DILATION_W) == 1 && (dimOf(inputOf(record), 3) & (KR - 1)) == 0 &&
    i32At(record, M_WEIGHT_ZERO_POINT) == 0 && ((width & 3) == 0 || width > 16) &&
    ringBytes(record, true) <= MOST_PREPARED_BYTES
  );
}

/** Bytes of an element of the ring. */
function elementSize(record: usize, prepared: bool): usize {
  if (ASC_FEATURE_SIMD && prepared) return stepBytes(usesDot()) >> 2;
  return isFloat32(u32At(record, O_CODE)) ? 4 : 1;
}

/** Pixels of an input row that the windows of one output row see; those in prepared rows come in fours. */
function seenWidth(record: usize, prepared: bool): f64 {
  const width = dimOf(outputOf(record), 2);
  const windows: f64 = ASC_FEATURE_SIMD && prepared ? (width + 3) & ~3 : width;
  return (windows - 1) * u32At(record, W_STRIDE_W) + <f64>(u32At(record, W_KERNEL_W) - 1) * u32At(record, W_DILATION_W) + 1;
}

/** Bytes from one row of the ring to the next; copyOver and prepareRow write past a row. */
function rowStride(record: usize, prepared: bool): f64 {
  const channels = dimOf(inputOf(record), 3);
  return roundUp(seenWidth(record, prepared) * channels * <f64>elementSize(record, prepared) + 32, 16);
}

/** Input rows from the first to the last of a window. */
function spannedRows(record: usize): u32 {
  return (u32At(record, W_KERNEL_H) - 1) * u32At(record, W_DILATION_H) + 1;
}

/** A row of padding, then the ring. */
function ringBytes(record: usize, prepared: bool): f64 {
  return <f64>(spannedRows(record) + 1) * rowStride(record, prepared);
}

/**
 * Bytes of `preparedRows` that an operator needs which computes two output rows at a time (kernels/dwconv/qs8-dot.ts): its
 * weights, then four rows interleaved, which are as long as the ring that it does without. 0 for all others.
 */
export function pairedBytes(record: usize): usize {
  if (!ASC_FEATURE_RELAXED_SIMD || !isKept(u32At(record, O_CODE), OP_DWCONV_QS8) || !usesDot()) return 0;
  const channels = u32At(record, M_N);
  // Kernel, strides and dilations by height and width at once.
  const others =
    (load<u64>(record + W_KERNEL_H) ^ 0x300000003) |
    ((load<u64>(record + W_STRIDE_H) | load<u64>(record + W_DILATION_H)) ^ 0x100000001) |
    <u64>((channels & (NR - 1)) | u32At(record, M_WEIGHT_ZERO_POINT) | roundingAt(record, M_ROUNDING));
  const bytes = ringBytes(record, false);
  return others == 0 && bytes <= MOST_PREPARED_BYTES ? <usize>bytes + (channels << 4) : 0;
}

/** Bytes that the operator needs of `windowRows`: the ring, then the addresses of the windows that a panel gathers. */
export function windowBytes(record: usize): f64 {
  return ringBytes(record, isPrepared(record)) + <f64>u32At(record, W_KERNEL_H) * u32At(record, W_KERNEL_W) * 4;
}

/**
 * Copies the windows of neighbouring pixels into rows of a panel: runs of `run` bytes at the addresses that `taps` lists. What
 * a run's copy writes past it the next one covers, so their order matters.
 */
function gather(
  to: usize, rowBytes: usize, pixels: usize, taps: usize, end: usize, at: usize, step: usize, run: usize
): void {
  // First layers: 3 × 3 windows of few channels.
  if (ASC_FEATURE_SIMD && end - taps == 12 && run <= 16) {
    let x0 = <usize>load<u32>(taps) + at;
    let x1 = <usize>load<u32>(taps, 4) + at;
    let x2 = <usize>load<u32>(taps, 8) + at;
    for (; pixels > 0; pixels--) {
      v128.store(to, v128.load(x0));
      v128.store(to + run, v128.load(x1));
      v128.store(to + (run << 1), v128.load(x2));
      x0 += step;
      x1 += step;
      x2 += step;
      to += rowBytes;
    }
    return;
  }
  for (; pixels > 0; pixels--) {
    let next = to;
    for (let t = taps; t < end; t += 4) {
      copyOver(next, <usize>load<u32>(t) + at, run);
      next += run;
    }
    to += rowBytes;
    at += step;
  }
}

export function runWindows(record: usize): void {
  const code = u32At(record, O_CODE);
  const isFloat = isFloat32(code);
  const prepared = isPrepared(record);
  const size = elementSize(record, prepared);
  const xt = inputOf(record);
  const yt = outputOf(record);
  const height = <i32>dimOf(xt, 1);
  const width: usize = dimOf(xt, 2);
  const outHeight = <i32>dimOf(yt, 1);
  const outWidth: usize = dimOf(yt, 2);
  const channels: usize = dimOf(xt, 3);
  const pixel = channels * size;
  const inPixel = prepared ? channels : pixel;
  const groups: usize = isConv(code) ? u32At(record, C_GROUPS) : 1;
  const n = <usize>u32At(record, M_N) / groups;
  const columns = (n + NR - 1) & ~(NR - 1);
  const outPixel = n * groups * (isFloat ? 4 : 1);
  const k: usize = u32At(record, M_K);
  const rowBytes = isFloat ? k << 2 : (k + KR - 1) & ~(KR - 1);
  // 1 where two output rows are computed at a time, of which the second sees one input row more.
  const more = keeps(OP_DWCONV_QS8) ? i32(pairedBytes(record) != 0) : 0;
  const fours = preparedRows + (channels << 4);
  const kernelH = i32At(record, W_KERNEL_H) + more;
  const kernelW: usize = u32At(record, W_KERNEL_W);
  const dilationH = i32At(record, W_DILATION_H);
  const across = <usize>u32At(record, W_DILATION_W) * pixel;
  const step = <usize>u32At(record, W_STRIDE_W) * pixel;
  // A product's window is read in runs, of a whole kernel row where nothing lies between.
  const isWhole = isConv(code) && groups == 1 && across == pixel;
  const tapsAcross: usize = isWhole || more ? 1 : kernelW;
  const run = isWhole ? kernelW * pixel : pixel / groups;
  const w = weights + u32At(record, M_WEIGHTS);
  const bias = weights + u32At(record, M_BIAS);
  const requant = weights + u32At(record, M_REQUANT);
  const shiftsAfter = (columns * groups) << 2;
  const scratch = arena + u32At(record, M_SCRATCH);
  const panelRows: usize = u32At(record, C_PANEL_ROWS);
  const padValue = isFloat ? 0 : i32At(record, C_PAD_VALUE);
  let pad = <u32>(padValue & 255) * 0x01010101;
  if (ASC_FEATURE_SIMD && prepared)
    pad = usesDot() ? pad ^ (<u32>(<i32>dotFlip() & 255) * 0x01010101) : <u32>(padValue & 0xffff) * 0x10001;
  const seen: usize = <usize>seenWidth(record, prepared);
  const stride: usize = <usize>rowStride(record, prepared);
  const span = <i32>spannedRows(record);
  const left = min<usize>(u32At(record, W_PAD_LEFT), seen);
  const middle = min<usize>(width, seen - left);
  // Rows that need neither padding at their ends nor preparing are read where they are, as those that are interleaved.
  const isCopied = prepared || !more && seen > middle;
  const copies = windowRows + stride;
  const taps = isConv(code) ? copies + <usize>span * stride : scratch;
  fillOver(windowRows, pad, seen * pixel);
  if (ASC_FEATURE_RELAXED_SIMD && more) {
    layOut(channels, w, bias, preparedRows);
    fillOver(fours, pad ^ (<u32>(<i32>dotFlip() & 255) * 0x01010101), seen * pixel << 2);
  }
  let x = dataOf(xt);
  let y = dataOf(yt);
  for (let b: u32 = 0; b < dimOf(xt, 0); b++) {
    for (let g: usize = 0; g < groups; g++) {
      const first = g * columns;
      let top = -i32At(record, W_PAD_TOP);
      let copied = 0;
      let filled: usize = 0;
      let missing = <usize>outHeight * outWidth;
      let out = y + g * n * (isFloat ? 4 : 1);
      for (let oy = 0; oy < outHeight; oy += 1 << more) {
        if (isCopied) {
          const end = min(top + span, height);
          for (copied = max(copied, top); copied < end; copied++) {
            const to = copies + <usize>(copied % span) * stride;
            fillOver(to, pad, left * pixel);
            const from = x + <usize>copied * width * inPixel;
            if (ASC_FEATURE_SIMD && prepared) prepareRow(from, middle * channels, to + left * pixel);
            else copyOver(to + left * pixel, from, middle * pixel);
            fillOver(to + (left + middle) * pixel, pad, (seen - left - middle) * pixel);
          }
        }
        let t = taps;
        for (let ky = 0, iy = top; ky < kernelH; ky++, iy += dilationH) {
          let at = windowRows;
          if (iy >= 0 && iy < height)
            at = isCopied ? copies + <usize>(iy % span) * stride : x + <usize>iy * width * inPixel;
          for (let kx: usize = 0; kx < tapsAcross; kx++) {
            store<u32>(t, <u32>at);
            t += 4;
            at += across;
          }
        }
        if (ASC_FEATURE_SIMD && prepared) {
          const bytes = kernelW * channels * NR;
          tile(record, outWidth, n, columnBytes(k), bytes, taps, step, w, bias, requant, shiftsAfter, out, n);
          out += outWidth * outPixel;
        } else if (isConv(code)) {
          let ox: usize = 0;
          while (ox < outWidth) {
            const pixels = min<usize>(panelRows - filled, outWidth - ox);
            gather(scratch + filled * rowBytes, rowBytes, pixels, taps, t, ox * step + g * run, step, run);
            ox += pixels;
            filled += pixels;
            missing -= pixels;
            if (filled == panelRows || missing == 0) {
              if (isFloat)
                f32_gemm(
                  record, filled, n, k, scratch, rowBytes, w + first * rowBytes, bias + (first << 2), out, outPixel
                );
              else if (keeps(OP_CONV_QS8))
                qs8_qc8w_gemm(
                  record, filled, n, k, scratch, rowBytes, w + first * rowBytes, bias + (first << 2),
                  requant + (first << 2), shiftsAfter, out, outPixel
                );
              out += filled * outPixel;
              filled = 0;
            }
          }
        } else if (ASC_FEATURE_RELAXED_SIMD && more) {
          const below = oy + 1 < outHeight ? outWidth * outPixel : 0;
          interleaveRows(taps, middle * pixel, fours + (left * pixel << 2));
          qs8_qc8w_dwconv_dot(record, outWidth, channels, fours, requant, out, below);
          out += outWidth * outPixel + below;
        } else {
          // The odd tap out weighs nothing; it may read anything that moves along with the window.
          if (k & 1) store<u32>(t, load<u32>(taps));
          if (isFloat) f32_dwconv(record, outWidth, step, channels, taps, k, w, bias, out);
          else if (keeps(OP_DWCONV_QS8))
            qs8_qc8w_dwconv(
              record, outWidth, step, channels, taps, (k + 1) >> 1, w, bias, requant, shiftsAfter, out
            );
          out += outWidth * outPixel;
        }
        top += i32At(record, W_STRIDE_H) << more;
      }
    }
    x += <usize>height * width * inPixel;
    y += <usize>outHeight * outWidth * outPixel;
  }
}

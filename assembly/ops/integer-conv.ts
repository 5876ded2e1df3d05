/**
 * OP_INTEGER_CONV: convolutions and matrix products of centred integers, as the int32 sums they are.
 * OP_CONV_QS16: the same sums of int16 and int8, brought to int16.
 */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_INDEX, CHECK_QUANTIZATION, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { OP_CONV_QS16, OP_INTEGER_CONV, ROUNDING_DOUBLE, ROUNDING_SINGLE } from "../codes";
import { DTYPE_INT16, DTYPE_INT32, DTYPE_INT64, DTYPE_INT8, NONE, O_BYTES, O_CODE, O_INPUT2, O_INPUT3 } from "../format";
import {
  CONV_QS16_RECORD_BYTES,
  INTEGER_CONV_RECORD_BYTES,
  I_BATCH,
  I_C,
  I_DILATION_H,
  I_DILATION_W,
  I_GROUPS,
  I_H,
  I_KERNEL_H,
  I_KERNEL_W,
  I_MAX,
  I_MIN,
  I_O,
  I_OUT_H,
  I_OUT_W,
  I_PAD_LEFT,
  I_PAD_TOP,
  I_REQUANT,
  I_ROUNDING,
  I_STRIDE_H,
  I_STRIDE_W,
  I_W,
  I_W_BATCHED,
  I_X_BATCHED,
  M_SCRATCH,
  M_SCRATCH_BYTES,
} from "../records";
import { checkRequant, checkRounding, checkScratch, within } from "../engine/check";
import { isKept, keeps, roundingAt } from "../engine/kept";
import { arena, dataOf, dtypeOf, f32At, i32At, input2Of, inputOf, namedBy, outputOf, u32At, weights } from "../engine/model";
import { s16_dot4 } from "../kernels/gemm/s16";
import { s16_dwconv_row } from "../kernels/dwconv/s16";
import { copyOver, fillOver } from "../simd/copy";
import { clamp, requantizeDouble, requantizeOnce } from "../simd/requantize";
import { elementsOf, hasInputOnly } from "./quantize-linear";

/** Room for int32 sums of four channels, then for float64 sums of their runs. */
const sums: usize = memory.data(48, 16);
/** Products of int16 and int8 whose sum stays within int32: 504 · 2²² < 2³¹. A multiple of 8. */
const RUN: usize = 504;

/** first times fields of the record. */
function product(record: usize, first: u32, a: usize, b: usize, c: usize, d: usize): f64 {
  return <f64>first * u32At(record, a) * u32At(record, b) * u32At(record, c) * u32At(record, d);
}

// @ts-ignore: decorator
@inline
function isDepthwise(record: usize): bool {
  return isKept(u32At(record, O_CODE), OP_CONV_QS16) && u32At(record, I_C) == 1 && u32At(record, I_O) == 1;
}

export function verifyIntegerConv(record: usize): i32 {
  const isFinal = isKept(u32At(record, O_CODE), OP_CONV_QS16);
  const bytes = isFinal ? CONV_QS16_RECORD_BYTES : INTEGER_CONV_RECORD_BYTES;
  if (u32At(record, O_BYTES) != bytes) return CHECK_RECORD;
  if (!hasInputOnly(record) || u32At(record, O_INPUT2) == NONE) return CHECK_INDEX;
  const x = inputOf(record);
  const w = input2Of(record);
  const bias = namedBy(record, O_INPUT3);
  const y = outputOf(record);
  if (dtypeOf(x) != DTYPE_INT16 || dtypeOf(y) != (isFinal ? DTYPE_INT16 : DTYPE_INT32)) return CHECK_DTYPE;
  if (dtypeOf(w) != DTYPE_INT8 && (isFinal || dtypeOf(w) != DTYPE_INT16)) return CHECK_DTYPE;
  if (isFinal && bias == 0) return CHECK_INDEX;
  if (bias != 0 && dtypeOf(bias) != DTYPE_INT32 && !(isFinal && dtypeOf(bias) == DTYPE_INT64)) return CHECK_DTYPE;
  for (let field: usize = I_BATCH; field < <usize>INTEGER_CONV_RECORD_BYTES; field += 4) {
    if (field == <usize>M_SCRATCH) field += 8;
    const mayBeZero = field == <usize>I_X_BATCHED || field == <usize>I_W_BATCHED || field >= <usize>I_PAD_TOP;
    if (!within(record, field, mayBeZero ? 0 : 1, field < <usize>I_STRIDE_H ? 1 << 26 : 1 << 20)) return CHECK_FIELD;
  }
  if (u32At(record, I_X_BATCHED) > 1 || u32At(record, I_W_BATCHED) > 1) return CHECK_FIELD;
  const batch = u32At(record, I_BATCH);
  const xs = product(record, u32At(record, I_X_BATCHED) ? batch : 1, I_H, I_W, I_C, I_GROUPS);
  const ws = product(record, u32At(record, I_W_BATCHED) ? batch : 1, I_KERNEL_H, I_KERNEL_W, I_C, I_O);
  const ys = product(record, batch, I_OUT_H, I_OUT_W, I_O, I_GROUPS);
  if (xs != <f64>elementsOf(x) || ws * u32At(record, I_GROUPS) != <f64>elementsOf(w) || ys != <f64>elementsOf(y)) return CHECK_SHAPE;
  const channels = <f64>u32At(record, I_O) * u32At(record, I_GROUPS);
  if (bias != 0 && channels != <f64>elementsOf(bias)) return CHECK_SHAPE;
  // Neither product exceeds the weights' elements.
  const taps = u32At(record, I_KERNEL_H) * u32At(record, I_KERNEL_W);
  if (isFinal) {
    if (checkRounding(u32At(record, I_ROUNDING))) return CHECK_FIELD;
    if (i32At(record, I_MIN) < -32768 || i32At(record, I_MAX) > 32767) return CHECK_QUANTIZATION;
    const isWide = dtypeOf(bias) == DTYPE_INT64;
    // Sums that reach too far, which the packer refuses, are wrong alike in every tier.
    const check = checkRequant(u32At(record, I_REQUANT), channels, isWide ? ROUNDING_SINGLE : ROUNDING_DOUBLE);
    if (check) return check;
  }
  const needed = (isDepthwise(record) ? channels * 4 : <f64>taps * u32At(record, I_C) * 2) + 32;
  const offset = u32At(record, M_SCRATCH);
  const check = checkScratch(offset, u32At(record, M_SCRATCH_BYTES), needed, x, y);
  return check ? check : checkScratch(offset, u32At(record, M_SCRATCH_BYTES), needed, w, bias == 0 ? w : bias);
}

/** Number o of an int64 tensor: exact below 2⁵³. */
function wideAt(t: usize, o: usize): f64 {
  const at = dataOf(t) + (o << 3);
  return <f64>u32At(at, 0) + <f64>i32At(at, 4) * 4294967296;
}

/**
 * Stores channel `o`: its int32 sum, as it wraps; or int16, of the float64 sum by one rounding, halves up, where the bias
 * is int64, else of the int32 one in the record's rounding.
 */
function finish(record: usize, bias: usize, channels: usize, sum: i32, wide: f64, o: usize, y: usize): void {
  const isWide = bias != 0 && dtypeOf(bias) == DTYPE_INT64;
  if (bias != 0 && !isWide) sum += i32At(dataOf(bias), o << 2);
  if (!isKept(u32At(record, O_CODE), OP_CONV_QS16)) {
    store<i32>(y + (o << 2), sum);
    return;
  }
  const factor = weights + u32At(record, I_REQUANT) + (o << 2);
  const low = i32At(record, I_MIN);
  const high = i32At(record, I_MAX);
  if (isWide) {
    const steps = floor((wide + wideAt(bias, o)) * <f64>f32At(factor, 0) + 0.5);
    sum = <i32>min(max(steps, <f64>low), <f64>high);
  } else {
    const shift = i32At(factor, channels << 2);
    const isDouble = roundingAt(record, I_ROUNDING) == ROUNDING_DOUBLE;
    sum = isDouble ? requantizeDouble(sum, i32At(factor, 0), shift) : requantizeOnce(sum, i32At(factor, 0), shift);
    sum = clamp(sum, low, high);
  }
  store<i16>(y + (o << 1), <i16>sum);
}

/**
 * The window of group `group` whose first tap is at (top, left), in (row, column, channel) order, zeros behind it up to a
 * multiple of 8. Unsigned: what lies before the first row or column is beyond the last, too.
 */
function gather(record: usize, image: usize, top: u32, left: u32, group: usize, to: usize): void {
  const height = u32At(record, I_H);
  const width = u32At(record, I_W);
  const bytes = <usize>u32At(record, I_C) << 1;
  const pixel = bytes * u32At(record, I_GROUPS);
  const kernelW = u32At(record, I_KERNEL_W);
  const dilationW = u32At(record, I_DILATION_W);
  const isWhole = dilationW == 1 && pixel == bytes && left < width && width - left >= kernelW;
  const step = isWhole ? kernelW : 1;
  const run = bytes * step;
  for (let kh: u32 = 0; kh < u32At(record, I_KERNEL_H); kh++) {
    const h = top + kh * u32At(record, I_DILATION_H);
    for (let kw: u32 = 0; kw < kernelW; kw += step) {
      const v = left + kw * dilationW;
      if (h < height && v < width) copyOver(to, image + <usize>(h * width + v) * pixel + group * bytes, run);
      else fillOver(to, 0, run);
      to += run;
    }
  }
  fillOver(to, 0, 14);
}

/** Equals test/reference/integer.ts and conv.ts bit for bit. */
export function runIntegerConv(record: usize): void {
  const w = input2Of(record);
  const bias = namedBy(record, O_INPUT3);
  const c: usize = u32At(record, I_C);
  const groups: usize = u32At(record, I_GROUPS);
  const perGroup: usize = u32At(record, I_O);
  const outW = u32At(record, I_OUT_W);
  const pixels = u32At(record, I_OUT_H) * outW;
  const taps = <usize>u32At(record, I_KERNEL_H) * u32At(record, I_KERNEL_W);
  const k = taps * c;
  const isNarrow = dtypeOf(w) == DTYPE_INT8;
  const wRow = isNarrow ? k : k << 1;
  const run = bias != 0 && dtypeOf(bias) == DTYPE_INT64 ? RUN : k;
  const pixel = groups * c << 1;
  const channels = groups * perGroup;
  const xImage = <usize>u32At(record, I_H) * u32At(record, I_W) * pixel * u32At(record, I_X_BATCHED);
  const wImage = channels * wRow * u32At(record, I_W_BATCHED);
  const yPixel = channels << (isKept(u32At(record, O_CODE), OP_CONV_QS16) ? 1 : 2);
  const scratch = arena + u32At(record, M_SCRATCH);
  let image = dataOf(inputOf(record));
  let filters = dataOf(w);
  let y = dataOf(outputOf(record));
  for (let b: u32 = 0; b < u32At(record, I_BATCH); b++) {
    for (let p: u32 = 0; p < pixels; p++) {
      const top = (p / outW) * u32At(record, I_STRIDE_H) - u32At(record, I_PAD_TOP);
      const left = (p % outW) * u32At(record, I_STRIDE_W) - u32At(record, I_PAD_LEFT);
      if (isDepthwise(record)) {
        s16_dwconv_row(record, image, filters, channels, top, left, scratch);
        for (let o: usize = 0; o < channels; o++) {
          const sum = i32At(scratch, o << 2);
          finish(record, bias, channels, sum, <f64>sum, o, y);
        }
      } else {
        for (let group: usize = 0; group < groups; group++) {
          gather(record, image, top, left, group, scratch);
          for (let j: usize = 0; j < perGroup; j += 4) {
            const rows = min<usize>(4, perGroup - j);
            const o = group * perGroup + j;
            let at = filters + o * wRow;
            for (let r: usize = 16; r < 48; r += 8) store<f64>(sums + r, 0);
            for (let i: usize = 0; i < k; i += run) {
              const n = min(run, k - i);
              if (isNarrow) s16_dot4<i8>(scratch + (i << 1), at, wRow, rows, n, sums);
              else if (keeps(OP_INTEGER_CONV)) s16_dot4<i16>(scratch, at, wRow, rows, n, sums);
              for (let r: usize = 16; r < 48; r += 8)
                store<f64>(sums + r, load<f64>(sums + r) + <f64>i32At(sums, (r >> 1) - 8));
              at += n;
            }
            for (let i: usize = 0; i < rows; i++)
              finish(record, bias, channels, i32At(sums, i << 2), load<f64>(sums + (i << 3), 16), o + i, y);
          }
        }
      }
      y += yPixel;
    }
    image += xImage;
    filters += wImage;
  }
}

/** OP_RESIZE: each output element is a weighted sum over a small grid of inputs, both given by tables in the file. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_INDEX, CHECK_QUANTIZATION, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { ROUNDING_DOUBLE } from "../codes";
import { DTYPE_FLOAT32, DTYPE_INT8, O_BYTES } from "../format";
import {
  RESIZE_RECORD_BYTES,
  Z_COLUMNS,
  Z_COLUMN_TAPS,
  Z_HEIGHT,
  Z_INNER,
  Z_OUTER,
  Z_OUT_HEIGHT,
  Z_OUT_WIDTH,
  Z_ROUNDING,
  Z_ROWS,
  Z_ROW_TAPS,
  Z_SHIFT,
  Z_WIDTH,
} from "../records";
import { checkRounding, checkWeights, within } from "../engine/check";
import { roundingAt } from "../engine/kept";
import { bytesOf, dataOf, dtypeOf, i32At, inputOf, outputOf, u32At, weights } from "../engine/model";
import { resizeElement } from "../kernels/vector/resize";
import { hasOneInput } from "./reduce";

const MOST_TAPS: u32 = 1 << 10;

/** `positions` × `taps` entries whose indices lie below `size`; int8: whose weights add up to at most 2^(shift / 2). */
function checkTable(offset: u32, positions: u32, taps: u32, size: u32, shift: u32): i32 {
  const check = checkWeights(offset, <f64>positions * taps * 8);
  if (check) return check;
  let sum: f64 = 0;
  for (let i: usize = 0; i < <usize>positions * taps; i++) {
    const entry = weights + offset + (i << 3);
    if (u32At(entry, 0) >= size) return CHECK_FIELD;
    if (shift == 0) continue;
    if (i % taps == 0) sum = 0;
    sum += abs(<f64>i32At(entry, 4));
    if (sum > <f64>(1 << (shift >> 1))) return CHECK_QUANTIZATION;
  }
  return 0;
}

function product(a: u32, b: u32, c: u32, d: u32): f64 {
  return <f64>a * b * c * d;
}

export function verifyResize(record: usize): i32 {
  if (u32At(record, O_BYTES) != RESIZE_RECORD_BYTES) return CHECK_RECORD;
  if (!hasOneInput(record)) return CHECK_INDEX;
  const x = inputOf(record);
  const y = outputOf(record);
  const dtype = dtypeOf(x);
  if (dtypeOf(y) != dtype || (dtype != DTYPE_FLOAT32 && dtype != DTYPE_INT8)) return CHECK_DTYPE;
  const outer = u32At(record, Z_OUTER);
  const inner = u32At(record, Z_INNER);
  const height = u32At(record, Z_HEIGHT);
  const width = u32At(record, Z_WIDTH);
  const outHeight = u32At(record, Z_OUT_HEIGHT);
  const outWidth = u32At(record, Z_OUT_WIDTH);
  const size: u32 = dtype == DTYPE_FLOAT32 ? 2 : 0;
  if (product(outer, height, width, inner) != <f64>(bytesOf(x) >> size)) return CHECK_SHAPE;
  if (product(outer, outHeight, outWidth, inner) != <f64>(bytesOf(y) >> size)) return CHECK_SHAPE;
  if (!within(record, Z_ROW_TAPS, 1, MOST_TAPS) || !within(record, Z_COLUMN_TAPS, 1, MOST_TAPS)) return CHECK_FIELD;
  const shift = u32At(record, Z_SHIFT);
  if (dtype == DTYPE_FLOAT32 ? shift != 0 : shift < 2 || shift > 22 || shift & 1) return CHECK_FIELD;
  let check = checkRounding(u32At(record, Z_ROUNDING));
  if (check) return check;
  check = checkTable(u32At(record, Z_ROWS), outHeight, u32At(record, Z_ROW_TAPS), height, shift);
  if (check) return check;
  return checkTable(u32At(record, Z_COLUMNS), outWidth, u32At(record, Z_COLUMN_TAPS), width, shift);
}

// @ts-ignore: decorator
@inline
function runTyped<T, S>(record: usize): void {
  const outer = u32At(record, Z_OUTER);
  const inner: usize = u32At(record, Z_INNER);
  const width: usize = u32At(record, Z_WIDTH);
  const rowTaps: usize = u32At(record, Z_ROW_TAPS);
  const columnTaps: usize = u32At(record, Z_COLUMN_TAPS);
  const outHeight: usize = u32At(record, Z_OUT_HEIGHT);
  const outWidth: usize = u32At(record, Z_OUT_WIDTH);
  const image = <usize>u32At(record, Z_HEIGHT) * width * inner * sizeof<T>();
  const shift = i32At(record, Z_SHIFT);
  const isDouble = roundingAt(record, Z_ROUNDING) == ROUNDING_DOUBLE;
  let x = dataOf(inputOf(record));
  let y = dataOf(outputOf(record));
  for (let o: u32 = 0; o < outer; o++) {
    let rows = weights + u32At(record, Z_ROWS);
    for (let r: usize = 0; r < outHeight; r++) {
      let columns = weights + u32At(record, Z_COLUMNS);
      for (let c: usize = 0; c < outWidth; c++) {
        for (let i: usize = 0; i < inner; i++) {
          store<T>(
            y,
            resizeElement<T, S>(
              x + i * sizeof<T>(), width, inner * sizeof<T>(), rows, rowTaps, columns, columnTaps, shift, isDouble
            )
          );
          y += sizeof<T>();
        }
        columns += columnTaps << 3;
      }
      rows += rowTaps << 3;
    }
    x += image;
  }
}

export function runResize(record: usize): void {
  if (dtypeOf(inputOf(record)) == DTYPE_FLOAT32) runTyped<f32, f32>(record);
  else runTyped<i8, i32>(record);
}

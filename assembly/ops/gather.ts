/**
 * OP_GATHER: slices of x picked by index tuples. OP_SCATTER: slices put where index tuples say, in place.
 *
 * With whole = [batches, outer, dims…, inner] and part = [batches, outer, count, inner] elements and indices
 * [batches, count, depth], both walk the same slices: GATHER copies whole → part, SCATTER part → whole.
 */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_INDEX, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import { OP_SCATTER } from "../codes";
import { DTYPE_INT32, DTYPE_INT64, NONE, O_BYTES, O_CODE, O_INPUT, O_INPUT2 } from "../format";
import { GATHER_RANK, GATHER_RECORD_BYTES, G_BATCHES, G_COUNT, G_DEPTH, G_DIMS, G_FROM_END, G_INNER, G_OUTER } from "../records";
import { isRows, productOf } from "../engine/check";
import { bytesOf, dataOf, dtypeOf, input2Of, inputOf, outputOf, u32At } from "../engine/model";
import { elementBytes } from "../engine/tensors";
import { copyBytes } from "../simd/copy";

export function verifyGather(record: usize): i32 {
  if (u32At(record, O_BYTES) != GATHER_RECORD_BYTES) return CHECK_RECORD;
  if (u32At(record, O_INPUT) == NONE || u32At(record, O_INPUT2) == NONE) return CHECK_INDEX;
  const isScatter = u32At(record, O_CODE) == OP_SCATTER;
  const x = inputOf(record);
  const y = outputOf(record);
  const indices = input2Of(record);
  if (dtypeOf(x) != dtypeOf(y) || (dtypeOf(indices) != DTYPE_INT32 && dtypeOf(indices) != DTYPE_INT64))
    return CHECK_DTYPE;
  const depth = u32At(record, G_DEPTH);
  if (depth == 0 || depth > GATHER_RANK || u32At(record, G_FROM_END) > 1) return CHECK_FIELD;
  const batches = u32At(record, G_BATCHES);
  const slices = <f64>elementBytes(dtypeOf(x)) * u32At(record, G_INNER) * u32At(record, G_OUTER) * batches;
  const whole = slices * productOf(record, G_DIMS, G_DIMS + ((depth - 1) << 2));
  if (!isRows(isScatter ? x : y, u32At(record, G_COUNT), slices) || whole != <f64>bytesOf(isScatter ? y : x))
    return CHECK_SHAPE;
  return isRows(indices, u32At(record, G_COUNT), <f64>batches * depth * elementBytes(dtypeOf(indices))) ? 0 : CHECK_SHAPE;
}

/**
 * An index below 0 counts from the end where G_FROM_END says so. Outside of the dimension after that, GATHER
 * takes the nearest slice and SCATTER writes nothing.
 */
export function runGather(record: usize): void {
  const isScatter = u32At(record, O_CODE) == OP_SCATTER;
  const indices = input2Of(record);
  const isWide = dtypeOf(indices) == DTYPE_INT64;
  const depth: usize = u32At(record, G_DEPTH);
  const count: usize = u32At(record, G_COUNT);
  const outer: usize = u32At(record, G_OUTER);
  const fromEnd = u32At(record, G_FROM_END) != 0;
  const bytes = <usize>u32At(record, G_INNER) * elementBytes(dtypeOf(outputOf(record)));
  let size = bytes;
  for (let d: usize = 0; d < depth; d++) size *= u32At(record, G_DIMS + (d << 2));
  let whole = dataOf(isScatter ? outputOf(record) : inputOf(record));
  let part = dataOf(isScatter ? inputOf(record) : outputOf(record));
  let tuples = dataOf(indices);
  for (let b = u32At(record, G_BATCHES); b > 0; b--) {
    let next = tuples;
    for (let o: usize = 0; o < outer; o++) {
      next = tuples;
      for (let c: usize = 0; c < count; c++) {
        let at: usize = 0;
        let isInside = true;
        for (let d: usize = 0; d < depth; d++) {
          const n = <i64>u32At(record, G_DIMS + (d << 2));
          let index: i64 = isWide ? load<i64>(next) : <i64>load<i32>(next);
          next += isWide ? 8 : 4;
          if (fromEnd && index < 0) index += n;
          if (index < 0 || index >= n) {
            isInside = false;
            index = index < 0 ? 0 : n - 1;
          }
          at = at * <usize>n + <usize>index;
        }
        at = whole + at * bytes;
        if (!isScatter) copyBytes(part, at, bytes);
        else if (isInside) copyBytes(at, part, bytes);
        part += bytes;
      }
      whole += size;
    }
    tuples = next;
  }
}

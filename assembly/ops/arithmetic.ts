/** OP_BINARY_F32, whose loop is that of ADD; OP_BINARY_INT and OP_SELECT: elementwise in any type, with broadcasting. */

import { CHECK_DTYPE, CHECK_FIELD, CHECK_INDEX, CHECK_RECORD, CHECK_SHAPE } from "../abi";
import {
  BINARY_EQUAL,
  BINARY_LESS_EQUAL,
  BINARY_MAXIMUM,
  BINARY_MUL,
  BINARY_POW,
  BINARY_PRELU,
  OP_BINARY_F32,
  OP_BINARY_INT,
  OP_SELECT,
} from "../codes";
import {
  DTYPE_BOOL,
  DTYPE_FLOAT32,
  NONE,
  O_BYTES,
  O_CODE,
  O_INPUT,
  O_INPUT2,
  O_INPUT3,
  O_VARIABLE,
  O_VARIABLE2,
} from "../format";
import {
  BINARY_RECORD_BYTES,
  B_A_STRIDES,
  B_B_STRIDES,
  B_DIMS,
  B_KIND,
  J_CONDITION_STRIDES,
  SELECT_RECORD_BYTES,
} from "../records";
import { within } from "../engine/check";
import { isKept, keeps } from "../engine/kept";
import { bytesOf, dataOf, dtypeOf, input2Of, input3Of, inputOf, outputOf, u32At } from "../engine/model";
import { elementBytes } from "../engine/tensors";
import { loadWhole, storeWhole } from "../engine/whole";
import { applyWhole, compare } from "../kernels/vector/arithmetic";
import { checkDims, lastOf, reaches, rowCount, rowOffset } from "./strided";

/** The elements of t from its start that the strides reach all exist. */
export function reachesOnly(record: usize, strides: usize, t: usize): bool {
  return reaches(record, B_DIMS, strides, 0, bytesOf(t) / elementBytes(dtypeOf(t)));
}

export function verifyArithmetic(record: usize): i32 {
  if (u32At(record, O_BYTES) != BINARY_RECORD_BYTES) return CHECK_RECORD;
  const kind = u32At(record, B_KIND);
  const dtype = dtypeOf(inputOf(record));
  const isComparison = kind <= BINARY_LESS_EQUAL;
  if (!within(record, B_KIND, BINARY_EQUAL, BINARY_MUL) || kind == BINARY_POW || kind == BINARY_PRELU) return CHECK_FIELD;
  if (dtypeOf(input2Of(record)) != dtype || (dtype == DTYPE_FLOAT32 && !isComparison)) return CHECK_DTYPE;
  if (dtypeOf(outputOf(record)) != (isComparison ? DTYPE_BOOL : dtype)) return CHECK_DTYPE;
  return verifyWalk(record, inputOf(record), input2Of(record));
}

export function verifySelect(record: usize): i32 {
  if (u32At(record, O_BYTES) != SELECT_RECORD_BYTES) return CHECK_RECORD;
  for (let field: usize = O_INPUT; field <= <usize>O_VARIABLE2; field += 4)
    if ((u32At(record, field) == NONE) != (field >= <usize>O_VARIABLE)) return CHECK_INDEX;
  const a = input2Of(record);
  const b = input3Of(record);
  const dtype = dtypeOf(outputOf(record));
  if (dtypeOf(inputOf(record)) != DTYPE_BOOL || dtypeOf(a) != dtype || dtypeOf(b) != dtype) return CHECK_DTYPE;
  const check = verifyWalk(record, a, b);
  if (check) return check;
  return reachesOnly(record, J_CONDITION_STRIDES, inputOf(record)) ? 0 : CHECK_SHAPE;
}

/** Dimensions are those of the output, and its operands have what the strides reach. */
export function verifyWalk(record: usize, a: usize, b: usize): i32 {
  const y = outputOf(record);
  const check = checkDims(record, B_DIMS, bytesOf(y) / elementBytes(dtypeOf(y)));
  if (check) return check;
  return reachesOnly(record, B_A_STRIDES, a) && reachesOnly(record, B_B_STRIDES, b) ? 0 : CHECK_SHAPE;
}

export function runArithmetic(record: usize): void {
  const kind = u32At(record, B_KIND);
  const isSelect = isKept(u32At(record, O_CODE), OP_SELECT);
  const at = isSelect ? input2Of(record) : inputOf(record);
  const bt = isSelect ? input3Of(record) : input2Of(record);
  const dtype = dtypeOf(at);
  const yType = dtypeOf(outputOf(record));
  const size: usize = elementBytes(dtype);
  const n: usize = lastOf(record, B_DIMS);
  const rows = rowCount(record, B_DIMS);
  let y = dataOf(outputOf(record));
  for (let row: u32 = 0; row < rows; row++) {
    let a = dataOf(at) + rowOffset(record, B_DIMS, B_A_STRIDES, row) * size;
    let b = dataOf(bt) + rowOffset(record, B_DIMS, B_B_STRIDES, row) * size;
    let c: usize = 0;
    if (isSelect) c = dataOf(inputOf(record)) + rowOffset(record, B_DIMS, J_CONDITION_STRIDES, row);
    for (let i: usize = 0; i < n; i++) {
      let v: i64;
      if (isSelect) {
        v = loadWhole(dtype, load<u8>(c) ? a : b);
        c += lastOf(record, J_CONDITION_STRIDES);
      } else if (dtype == DTYPE_FLOAT32) {
        v = i64(compare<f32>(kind, load<f32>(a), load<f32>(b)));
      } else {
        const p = loadWhole(dtype, a);
        const q = loadWhole(dtype, b);
        v = kind <= BINARY_LESS_EQUAL ? i64(compare<i64>(kind, p, q)) : applyWhole(kind, p, q);
      }
      storeWhole(yType, y, v);
      a += <usize>lastOf(record, B_A_STRIDES) * size;
      b += <usize>lastOf(record, B_B_STRIDES) * size;
      y += elementBytes(yType);
    }
  }
}

/** One pair of elements by kind: the arithmetic of OP_BINARY_F32 and OP_BINARY_INT. */

import {
  BINARY_ADD,
  BINARY_DIV,
  BINARY_EQUAL,
  BINARY_FLOOR_DIV,
  BINARY_FLOOR_MOD,
  BINARY_LESS,
  BINARY_MAXIMUM,
  BINARY_MINIMUM,
  BINARY_MUL,
  BINARY_NOT_EQUAL,
  BINARY_POW,
  BINARY_SQUARED_DIFFERENCE,
  BINARY_SUB,
} from "../../codes";
import { powf } from "../../simd/power";

// @ts-ignore: decorator
@inline
export function compare<T>(kind: u32, a: T, b: T): bool {
  if (kind == BINARY_EQUAL) return a == b;
  if (kind == BINARY_NOT_EQUAL) return a != b;
  return kind == BINARY_LESS ? a < b : a <= b;
}

/** What ADD, SUB and MUL do not; src/numerics/binary.ts. */
export function applyFloat(kind: u32, a: f32, b: f32): f32 {
  switch (kind) {
    case BINARY_MAXIMUM:
      return max(a, b);
    case BINARY_MINIMUM:
      return min(a, b);
    case BINARY_DIV:
      return a / b;
    case BINARY_FLOOR_DIV:
      return floor(a / b);
    case BINARY_SQUARED_DIFFERENCE:
      return (a - b) * (a - b);
    case BINARY_POW:
      return powf(a, b);
    default:
      return a < 0 ? a * b : a;
  }
}

/** Wraps; division by zero gives 0. */
export function applyWhole(kind: u32, a: i64, b: i64): i64 {
  switch (kind) {
    case BINARY_MAXIMUM:
      return a < b ? b : a;
    case BINARY_MINIMUM:
      return b < a ? b : a;
    case BINARY_ADD:
      return a + b;
    case BINARY_SUB:
      return a - b;
    case BINARY_SQUARED_DIFFERENCE:
      b = a = a - b;
    case BINARY_MUL:
      return a * b;
  }
  const isQuotient = kind == BINARY_DIV || kind == BINARY_FLOOR_DIV;
  // −1 apart: the smallest number has no quotient by it, and wraps.
  if (b == 0 || b == -1) return isQuotient && b ? 0 - a : 0;
  const q = a / b;
  const r = a - q * b;
  const isBelow = (kind == BINARY_FLOOR_DIV || kind == BINARY_FLOOR_MOD) && r != 0 && (r ^ b) < 0;
  if (isQuotient) return isBelow ? q - 1 : q;
  return isBelow ? r + b : r;
}

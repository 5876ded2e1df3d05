import {
  OP_ADD_QS8,
  OP_CONV_QS8,
  OP_CONV_QS16,
  OP_DEQUANTIZE,
  OP_DWCONV_QS8,
  OP_GEMM_QS8,
  OP_GEMM_SPARSE_QS8,
  OP_MEAN_QS8,
  OP_MUL_QS8,
  OP_QUANTIZE,
  OP_RESIZE,
  OP_SOFTMAX_QS8,
} from "../../assembly/codes.ts";
import {
  B_ROUNDING,
  I_ROUNDING,
  M_ROUNDING,
  R_ROUNDING,
  U_ROUNDING,
  X_ROUNDING,
  Z_ROUNDING,
} from "../../assembly/records.ts";
import type { FileContents } from "../format/decode.ts";

/** What a model needs of the engine, as assembly/engine/kept.ts spells it. */
export interface Uses {
  /** Operator codes, ascending. */
  codes: number[];
  /** Initial values of the engine's exported globals. */
  globals: { kept_0: number; kept_1: number; kept_roundings: number; kept_stored: number };
}

const roundingField: Record<number, number> = {
  [OP_GEMM_QS8]: M_ROUNDING,
  [OP_GEMM_SPARSE_QS8]: M_ROUNDING,
  [OP_CONV_QS16]: I_ROUNDING,
  [OP_CONV_QS8]: M_ROUNDING,
  [OP_DWCONV_QS8]: M_ROUNDING,
  [OP_ADD_QS8]: B_ROUNDING,
  [OP_MUL_QS8]: B_ROUNDING,
  [OP_MEAN_QS8]: R_ROUNDING,
  [OP_SOFTMAX_QS8]: X_ROUNDING,
  [OP_QUANTIZE]: U_ROUNDING,
  [OP_DEQUANTIZE]: U_ROUNDING,
  [OP_RESIZE]: Z_ROUNDING,
};

export function usesOf({ operators, isStored, stateBytes }: FileContents): Uses {
  const globals = {
    kept_0: stateBytes > 0 ? 1 : 0,
    kept_1: 0,
    kept_roundings: 0,
    kept_stored: isStored ? 1 : 0,
  };
  for (const { code, record } of operators) {
    if (code < 32) globals.kept_0 |= 1 << code;
    else globals.kept_1 |= 1 << (code - 32);
    const field = roundingField[code];
    if (field !== undefined) globals.kept_roundings |= record.getUint32(field, true);
  }
  const codes = [...new Set(operators.map(({ code }) => code))].sort((a, b) => a - b);
  return { codes, globals };
}

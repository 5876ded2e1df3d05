import { describe, expect, test } from "vitest";
import * as abi from "../../assembly/abi.ts";
import * as codes from "../../assembly/codes.ts";
import * as file from "../../assembly/format.ts";
import * as records from "../../assembly/records.ts";
import { operatorName } from "../../src/format/names.ts";
import { explain } from "../../src/runtime/explain.ts";

const format = { ...abi, ...codes, ...file, ...records };
const numbered = Object.entries(format) as [string, number][];
const group = (prefix: string): [string, number][] => numbered.filter(([name]) => name.startsWith(prefix));
const without = (entries: [string, number][], ...names: string[]) =>
  entries.filter(([name]) => !names.includes(name));

const families: [string, [string, number][]][] = [
  ["opcodes", group("OP_")],
  ["section kinds", without(group("SECTION_"), "SECTION_BYTES", "SECTION_REQUIRED")],
  ["error codes", group("ERROR_")],
  ["checks", group("CHECK_")],
  ["culprits", group("CULPRIT_")],
  ["types", group("DTYPE_")],
  ["regions", group("REGION_")],
  ["binary kinds", without(group("BINARY_"), "BINARY_RECORD_BYTES")],
  ["unary kinds", without(group("UNARY_"), "UNARY_RECORD_BYTES")],
  ["weight formats", group("WEIGHTS_")],
  ["roundings", group("ROUNDING_")],
  ["header fields", group("H_")],
  ["section fields", group("S_")],
  ["tensor fields", group("T_")],
  ["operator fields", without(group("O_"), "O_FIELDS")],
  // Operators of the family share places for what only some of them have.
  ["binary fields", without(group("B_"), "B_SIGN", "B_KIND")],
  ["mean fields", group("R_")],
  ["GEMM_QD8 fields", group("QD_")],
  ["reduce fields", group("Q_")],
  ["norm fields", group("N_")],
  ["resize fields", group("Z_")],
  ["recurrent fields", group("L_")],
  ["LSTM fields", group("LQ_")],
  ["matmul fields", group("MM_")],
  ["QUANTIZE_LINEAR fields", group("QL_")],
  ["QUANTIZE_LINEAR kinds", group("LINEAR_")],
  ["INTEGER_CONV fields", group("I_")],
  ["FIXED fields", group("E_")],
  ["FIXED kinds", group("FIXED_")],
  ["softmax fields", group("X_")],
  ["copy fields", group("Y_")],
  ["gather fields", group("G_")],
  ["window fields of copies", group("D_")],
  ["window fields", group("W_")],
];

describe.each(families)("%s", (_, entries) => {
  test("have one value each", () => {
    expect(entries.length).toBeGreaterThan(1);
    expect(new Set(entries.map(([, value]) => value)).size).toBe(entries.length);
  });
});

test("opcodes are distinct and fit the 64 bits that say what a bundle keeps", () => {
  const codes = group("OP_").map(([, value]) => value);
  expect(new Set(codes).size).toBe(codes.length);
  for (const code of codes) expect(code >= 1 && code < 64).toBe(true);
});

test("binary and unary kinds are consecutive from 1, as the verifier assumes", () => {
  for (const family of ["BINARY_", "UNARY_"]) {
    const entries = without(group(family), `${family}RECORD_BYTES`);
    expect(entries.map(([, value]) => value).sort((a, b) => a - b)).toEqual(entries.map((_, i) => i + 1));
  }
});

test("fields lie inside their records, behind the common head", () => {
  const records: [string, number, number][] = [
    ["T_", 0, format.TENSOR_BYTES],
    ["H_", 0, format.HEADER_BYTES],
    ["S_", 0, format.SECTION_BYTES],
    ["B_", format.O_FIELDS, format.BINARY_RECORD_BYTES],
    ["J_", format.BINARY_RECORD_BYTES, format.SELECT_RECORD_BYTES],
    ["R_", format.O_FIELDS, format.MEAN_RECORD_BYTES],
    ["QD_", format.O_FIELDS, format.GEMM_RECORD_BYTES],
    ["Q_", format.O_WIDE_FIELDS, format.REDUCE_RECORD_BYTES],
    ["N_", format.O_WIDE_FIELDS, format.NORM_RECORD_BYTES],
    ["Z_", format.O_WIDE_FIELDS, format.RESIZE_RECORD_BYTES],
    ["L_", format.O_WIDE_FIELDS, format.RECURRENT_RECORD_BYTES],
    ["LQ_", format.O_WIDE_FIELDS, format.LSTM_QS8_RECORD_BYTES],
    ["QL_", format.O_WIDE_FIELDS, format.QUANTIZE_LINEAR_RECORD_BYTES],
    ["I_", format.O_WIDE_FIELDS, format.CONV_QS16_RECORD_BYTES],
    ["E_", format.O_WIDE_FIELDS, format.FIXED_RECORD_BYTES],
    ["X_", format.O_FIELDS, format.SOFTMAX_RECORD_BYTES],
    ["Y_", format.O_FIELDS, format.COPY_RECORD_BYTES],
    ["G_", format.O_WIDE_FIELDS, format.GATHER_RECORD_BYTES],
    ["D_", format.WINDOW_SHIFT + format.COPY_RECORD_BYTES, format.WINDOW_RECORD_BYTES],
    ["MM_", format.O_WIDE_FIELDS, format.MATMUL_RECORD_BYTES],
    ["M_", format.O_FIELDS, format.GEMM_RECORD_BYTES],
    ["W_", format.GEMM_RECORD_BYTES, format.CONV_RECORD_BYTES],
    ["C_", format.GEMM_RECORD_BYTES, format.CONV_RECORD_BYTES],
    ["P_", format.GEMM_RECORD_BYTES, format.POOL_RECORD_BYTES],
  ];
  for (const [prefix, from, bytes] of records)
    for (const [name, value] of group(prefix)) {
      expect(value, name).toBeGreaterThanOrEqual(from);
      expect(value, name).toBeLessThan(bytes);
    }
  for (const bytes of [
    format.GEMM_RECORD_BYTES,
    format.CONV_RECORD_BYTES,
    format.BINARY_RECORD_BYTES,
    format.COPY_RECORD_BYTES,
  ])
    expect(bytes % 4).toBe(0);
});

test("operators are called by their constants' names", () => {
  expect(operatorName(format.OP_CONV_QS8)).toBe("CONV_QS8");
  expect(operatorName(999)).toBe("operator 999");
});

test("every error code has words of its own, and every check", () => {
  const error = (code: number, found = 0) =>
    explain("f", { code, culprit: 3, index: 7, expected: 1, found }).message;
  const codes = group("ERROR_").filter(([, code]) => code !== format.ERROR_NONE);
  for (const [name, code] of codes) expect(error(code), name).not.toMatch(/refused it with code/);
  const checks = group("CHECK_").map(([, check]) => error(format.ERROR_OPERATOR, check));
  for (const message of checks) expect(message).toMatch(/^f: operator 7: (?!check \d+ failed)/);
  expect(new Set(checks).size).toBe(checks.length);
});

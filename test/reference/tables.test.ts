import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DType, Rounding } from "../../src/graph/graph.ts";
import { quantizedRange } from "../../src/numerics/range.ts";
import { softmaxParameters, softmaxRow } from "../../src/numerics/softmax.ts";
import { concatTable, requantizeTable, unaryTable } from "../../src/numerics/table.ts";
import { type UnaryAttributes, unaryReal } from "../../src/numerics/unary.ts";

const roundings: Rounding[] = ["single", "double"];
const types: DType[] = ["int8", "uint8"];
const int8 = quantizedRange("int8");

const scale = fc.double({ min: 0.002, max: 0.5, noNaN: true }).map(Math.fround);
const ratio = fc.double({ min: 0.2, max: 5, noNaN: true });
const stored = fc.integer({ min: -128, max: 127 });

describe("SOFTMAX", () => {
  const output = { scale: 1 / 256, zeroPoint: -128 };

  test("both forms are within one and a half steps of the real value, whatever the offset", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -128, max: 100 }), { minLength: 1, maxLength: 40 }),
        scale,
        (q, sx) => {
          const powers = q.map((v) => Math.exp(sx * (v - Math.max(...q))));
          const sum = powers.reduce((a, b) => a + b, 0);
          for (const rounding of roundings) {
            const how = softmaxParameters(rounding, sx, 1, output, int8);
            expect(how.form).toBe(rounding === "single" ? "float" : "fixed");
            const got = softmaxRow(q, how, output.zeroPoint, int8);
            got.forEach((value, i) => {
              expect(Math.abs(value + 128 - Math.min(255, (256 * powers[i]) / sum))).toBeLessThanOrEqual(1.5);
            });
            expect(
              softmaxRow(
                q.map((v) => v + 27),
                how,
                output.zeroPoint,
                int8,
              ),
            ).toEqual(got);
          }
        },
      ),
    );
  });

  test("other output scales keep to the float form", () => {
    expect(softmaxParameters("double", 0.1, 1, { scale: 1 / 128, zeroPoint: 0 }, int8).form).toBe("float");
  });
});

describe("tables", () => {
  const kinds: UnaryAttributes[] = [
    { kind: "abs" },
    { kind: "clip", min: -1, max: 2 },
    { kind: "elu", alpha: 1 },
    { kind: "exp" },
    { kind: "gelu" },
    { kind: "gelu", approximate: true },
    { kind: "hardSigmoid" },
    { kind: "hardSwish" },
    { kind: "leakyRelu", alpha: 0.2 },
    { kind: "leakyRelu", alpha: -0.3 },
    { kind: "logistic" },
    { kind: "neg" },
    { kind: "relu" },
    { kind: "silu" },
    { kind: "softplus" },
    { kind: "square" },
    { kind: "tanh" },
  ];

  test.each(kinds)("%o is within a step and a half of the real function", (attributes) => {
    fc.assert(
      fc.property(
        fc.constantFrom(...roundings),
        fc.constantFrom(...types),
        scale,
        ratio,
        stored,
        (r, dtype, s, k, z) => {
          const offset = dtype === "uint8" ? 128 : 0;
          const range = quantizedRange(dtype);
          const x = { scale: s / 10, zeroPoint: z + offset, dtype };
          const y = { scale: Math.fround((s / 10) * k), zeroPoint: offset, dtype };
          const table = unaryTable(r, attributes, x, y);
          for (let q = range.min; q <= range.max; q++) {
            const real =
              unaryReal(Math.fround(x.scale) * (q - x.zeroPoint), attributes) / y.scale + y.zeroPoint;
            const want = Math.min(range.max, Math.max(range.min, real));
            const byte = table[q & 255];
            expect(Math.abs((dtype === "int8" ? (byte << 24) >> 24 : byte) - want)).toBeLessThanOrEqual(1.5);
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  test("fixed-point sigmoid and tanh stay within one step of the exact ones", () => {
    for (const [kind, outScale, outZero] of [
      ["logistic", 1 / 256, -128],
      ["tanh", 1 / 128, 0],
    ] as const) {
      const x = { scale: 0.06, zeroPoint: 4, dtype: "int8" as const };
      const y = { scale: outScale, zeroPoint: outZero, dtype: "int8" as const };
      const single = new Int8Array(unaryTable("single", { kind }, x, y).buffer);
      const double = new Int8Array(unaryTable("double", { kind }, x, y).buffer);
      single.forEach((value, i) => {
        expect(Math.abs(value - double[i])).toBeLessThanOrEqual(1);
      });
    }
  });

  test("requantizing to the same quantization is the identity", () => {
    const identity = Array.from({ length: 256 }, (_, i) => i);
    for (const rounding of roundings) {
      for (const dtype of types) {
        const end = { scale: 0.1, zeroPoint: 7, dtype };
        expect(Array.from(requantizeTable(rounding, end, end))).toEqual(identity);
        expect(Array.from(concatTable(end, end))).toEqual(identity);
      }
    }
  });

  test("int8 to uint8 at one scale moves every value by 128", () => {
    const x = { scale: 1 / 256, zeroPoint: -128, dtype: "int8" as const };
    const y = { scale: 1 / 256, zeroPoint: 0, dtype: "uint8" as const };
    expect(Array.from(requantizeTable("single", x, y))).toEqual(
      Array.from({ length: 256 }, (_, i) => i ^ 128),
    );
  });

  test("undefined values become the smallest", () => {
    const x = { scale: 0.1, zeroPoint: 0, dtype: "int8" as const };
    const y = { scale: 0.1, zeroPoint: 0, dtype: "int8" as const };
    const log = unaryTable("single", { kind: "log" }, x, y);
    expect([log[0], log[255], log[10]]).toEqual([128, 128, 0]);
  });
});

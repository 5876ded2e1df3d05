import { describe, test } from "vitest";
import type { Attributes, Rounding, TensorData, UnaryKind } from "../../src/graph/graph.ts";
import {
  activationTensor,
  caseOf,
  graphOf,
  type Kind,
  node,
  randomFrom,
  type Spread,
} from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

const attributes: Attributes["unary"][] = [
  ...(
    [
      "abs",
      "ceil",
      "cos",
      "erf",
      "exp",
      "floor",
      "gelu",
      "hardSwish",
      "log",
      "logistic",
      "neg",
      "reciprocal",
      "relu",
      "round",
      "rsqrt",
      "sign",
      "silu",
      "sin",
      "softplus",
      "sqrt",
      "square",
      "tanh",
    ] as UnaryKind[]
  ).map((kind) => ({ kind })),
  { kind: "gelu", approximate: true },
  { kind: "clip", min: 0, max: 6 },
  { kind: "clip", min: -0.5 },
  { kind: "clip", max: 1.5 },
  { kind: "clip" },
  { kind: "elu" },
  { kind: "elu", alpha: 0.7 },
  { kind: "hardSigmoid" },
  { kind: "hardSigmoid", alpha: 1 / 6, beta: 0.4 },
  { kind: "leakyRelu" },
  { kind: "leakyRelu", alpha: 0.3 },
  { kind: "leakyRelu", alpha: -0.2 },
];
let seed = 5000;

/** Both signs of zeros, denormals, powers of two with their neighbours, the branch points, infinities, NaN. */
function floatValues(): Float32Array {
  const random = randomFrom(9);
  const values: number[] = [
    0,
    Infinity,
    Number.NaN,
    0.625,
    88.72283,
    88.73,
    89,
    103.97,
    104,
    105,
    1 / 3,
    3,
    6,
    1.1754944e-38,
  ];
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  const add = (pattern: number): void => {
    bits[0] = pattern;
    values.push(float[0]!);
  };
  for (let exponent = 0; exponent < 255; exponent++)
    for (const off of [-1, 0, 1, 0x3504f3, 0x3504f2]) add((exponent << 23) + off);
  for (let i = 0; i < 2000; i++) add(random.int(0, 0x7f7fffff));
  for (let i = 0; i < 3000; i++) values.push(random.real(0, 12));
  for (let i = 0; i < 1000; i++) values.push(random.real(80, 110));
  return Float32Array.from(values.flatMap((v) => [v, -v]));
}

describe("unary float32", () => {
  const values = floatValues();
  test.each(attributes.map((a) => [JSON.stringify(a), a] as const))("%s", (_, attribute) => {
    const x = activationTensor("x", "float32", [values.length]);
    const y = activationTensor("y", "float32", [values.length]);
    expectExact({ graph: graphOf([node("unary", [x], y, attribute)]), inputs: [values] });
  });
});

const everyByte = (kind: Kind): TensorData =>
  kind === "uint8"
    ? Uint8Array.from({ length: 256 }, (_, i) => i)
    : Int8Array.from({ length: 256 }, (_, i) => i - 128);

describe.each(["int8", "uint8"] as const)("unary %s, all 256 inputs", (kind) => {
  const low = kind === "uint8" ? 0 : -128;
  describe.each(["single", "double"] as Rounding[])("%s", (rounding) => {
    test.each(attributes.map((a) => [JSON.stringify(a), a] as const))("%s", (_, attribute) => {
      for (const [xScale, xZero, yScale, yZero] of [
        [0.05, 128, 1 / 256, 0],
        [0.05, 128, 1 / 128, 128],
        [0.1, 0, 0.07, 3],
        [0.02, 255, 0.02, 200],
        [0.6, 100, 0.001, 90],
      ] as const) {
        const x = activationTensor("x", kind, [256], xScale, xZero + low);
        const y = activationTensor("y", kind, [256], yScale, yZero + low);
        const label = JSON.stringify([xScale, xZero, yScale, yZero]);
        expectExact(
          { graph: graphOf([node("unary", [x], y, attribute)], rounding), inputs: [everyByte(kind)] },
          label,
        );
      }
    });
  });
});

describe("quantize and dequantize", () => {
  const values = floatValues();
  test.each(["single", "double"] as Rounding[])("float32 to 8 bits and back, %s", (rounding) => {
    for (const kind of ["int8", "uint8"] as const)
      for (const zero of [0, 100, 128, 255])
        for (const scale of [0.05, 0.5, 1, 1 / 3, 1e-30, 1e30]) {
          const x = activationTensor("x", "float32", [values.length]);
          const q = activationTensor("q", kind, [values.length], scale, zero - (kind === "uint8" ? 0 : 128));
          const y = activationTensor("y", "float32", [values.length]);
          expectExact(
            {
              graph: graphOf([node("quantize", [x], q, {}), node("dequantize", [q], y, {})], rounding),
              inputs: [values],
            },
            `${kind} ${scale} ${zero}`,
          );
        }
  });

  test.each(["single", "double"] as Rounding[])("exact halves, %s", (rounding) => {
    const halves = Float32Array.from({ length: 600 }, (_, i) => (i - 300) / 2);
    const x = activationTensor("x", "float32", [600]);
    const q = activationTensor("q", "int8", [600], 1, 3);
    expectExact({ graph: graphOf([node("quantize", [x], q, {})], rounding), inputs: [halves] });
  });

  test.each(["single", "double"] as Rounding[])("between 8-bit types, %s", (rounding) => {
    for (const from of ["int8", "uint8"] as const)
      for (const to of ["int8", "uint8"] as const)
        for (const ratio of [2 ** -9, 0.1, 1, 1.7, 100, 200])
          for (const [a, b] of [
            [128, 128],
            [0, 255],
            [255, 0],
            [30, 77],
          ] as const) {
            const x = activationTensor("x", from, [256], 0.05 * ratio, a - (from === "uint8" ? 0 : 128));
            const y = activationTensor("y", to, [256], 0.05, b - (to === "uint8" ? 0 : 128));
            expectExact(
              { graph: graphOf([node("quantize", [x], y, {})], rounding), inputs: [everyByte(from)] },
              `${from} ${to} ${ratio}`,
            );
          }
  });

  test("every length around a vector", () => {
    for (let n = 1; n <= 21; n++) {
      const x = activationTensor("x", "float32", [n]);
      const q = activationTensor("q", "int8", [n], 0.03, -7);
      const y = activationTensor("y", "float32", [n]);
      const graph = graphOf([node("quantize", [x], q, {}), node("dequantize", [q], y, {})]);
      expectExact(caseOf(randomFrom(n), graph));
    }
  });
});

describe("softmax", () => {
  const run = (
    kind: Kind,
    rounding: Rounding,
    depth: number,
    rows: number,
    beta: number,
    xScale: number,
    y: [number, number],
    spread: Spread,
  ): void => {
    const low = kind === "uint8" ? 0 : -128;
    const x = activationTensor("x", kind, [rows, depth], xScale, low + 120);
    const out = activationTensor("y", kind, [rows, depth], y[0], low + y[1]);
    const graph = graphOf([node("softmax", [x], out, { beta })], rounding);
    expectExact(
      caseOf(randomFrom(seed++), graph, spread),
      JSON.stringify({ kind, rounding, depth, beta, xScale, y, spread }),
    );
  };

  describe.each(["int8", "uint8", "float32"] as Kind[])("of %s", (kind) => {
    test.each((kind === "float32" ? ["single"] : ["single", "double"]) as Rounding[])(
      "depths 1 to 300, %s",
      (rounding) => {
        for (let depth = 1; depth <= 300; depth += depth < 20 ? 1 : 13)
          for (const spread of ["random", "extremes"] as const)
            run(
              kind,
              rounding,
              depth,
              1 + (depth % 3),
              depth % 2 ? 1 : 0.7,
              [0.05, 0.2, 0.004][depth % 3]!,
              depth % 5 ? [1 / 256, 0] : [0.003, 17],
              spread,
            );
        run(kind, rounding, 300, 2, 1, 0.1, [1 / 256, 0], "zeros");
      },
    );
  });

  test("float32 whose exponentials become subnormal or vanish", () => {
    const x = activationTensor("x", "float32", [3, 257]);
    const y = activationTensor("y", "float32", [3, 257]);
    const graph = graphOf([node("softmax", [x], y, { beta: 1 })]);
    const values = Float32Array.from({ length: 3 * 257 }, (_, i) => -((i * 89) % 771) / 7);
    values.set([-104, -103.99999, -103.9, -1e9, -3e38], 300);
    expectExact({ graph, inputs: [values] });
  });

  test("float32 with infinities, NaN and signed zeros", () => {
    for (let depth = 1; depth < 12; depth++) run("float32", "single", depth, 6, 1, 1, [1, 0], "special");
  });
});

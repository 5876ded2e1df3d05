import { describe, test } from "vitest";
import {
  type BinaryKind,
  type DType,
  elementCount,
  isComparison,
  noActivation,
  type Tensor,
  type TensorData,
} from "../../src/graph/graph.ts";
import { constantOf, graphOf, node, quantization, type Random, randomFrom } from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

const tensor = (name: string, dtype: DType, shape: number[]): Tensor => ({ name, dtype, shape });

/** NaN, infinities, both zeros, denormals, whole numbers odd and even, halves, the ends of float32. */
const specials = [
  0,
  1,
  2,
  3,
  7,
  0.5,
  1.5,
  2.5,
  1 / 3,
  1e-45,
  1e-40,
  1.1754944e-38,
  16777215,
  16777216,
  16777218,
  1e30,
  3.4028235e38,
  Infinity,
]
  .flatMap((v) => [v, -v])
  .concat(Number.NaN);

const extremes: Partial<Record<DType, readonly bigint[]>> = {
  int8: [-128n, -127n, 127n],
  uint8: [0n, 255n],
  int16: [-32768n, 32767n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 24n + 1n, 2n ** 40n],
};

/** Whole numbers near 0 and at the ends of the type; a bool's byte is any. */
function draw(random: Random, dtype: DType, count: number): TensorData {
  if (dtype === "float32")
    return Float32Array.from({ length: count }, () =>
      random.int(0, 2) ? random.pick(specials) : random.real(-9, 9),
    );
  if (dtype === "bool") return Uint8Array.from({ length: count }, () => random.pick([0, 0, 1, 1, 2, 255]));
  const ends = extremes[dtype]!;
  const value = (): bigint =>
    random.int(0, 3) === 0 ? random.pick(ends) : BigInt(random.int(dtype === "uint8" ? 0 : -12, 12));
  const values = Array.from({ length: count }, value);
  if (dtype === "int64") return BigInt64Array.from(values);
  const make = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, int32: Int32Array }[
    dtype as "int8" | "uint8" | "int16" | "int32"
  ];
  return make.from(values.map(Number));
}

const lengths = [1, 2, 3, 4, 5, 7, 8, 9, 17];
/** a, b, y. */
const broadcasts: [number[], number[], number[]][] = [
  ...lengths.flatMap((n): [number[], number[], number[]][] => [
    [[n], [n], [n]],
    [[n], [1], [n]],
    [[], [n], [n]],
  ]),
  [[3, 17], [17], [3, 17]],
  [
    [2, 3, 9],
    [1, 3, 1],
    [2, 3, 9],
  ],
  [
    [2, 1, 9],
    [1, 4, 9],
    [2, 4, 9],
  ],
  [
    [2, 1, 3, 1],
    [1, 5, 1, 7],
    [2, 5, 3, 7],
  ],
  [
    [2, 1, 2, 1, 2],
    [1, 3, 1, 3, 1],
    [2, 3, 2, 3, 2],
  ],
];
let seed = 7000;

type Op = BinaryKind | "add" | "sub" | "mul";

function check(
  op: Op,
  dtype: DType,
  shapes: [number[], number[], number[]],
  activation = noActivation,
): void {
  const random = randomFrom(seed++);
  const isArithmetic = op === "add" || op === "sub" || op === "mul";
  const to = !isArithmetic && isComparison(op) ? "bool" : dtype;
  const [a, b, y] = [
    tensor("a", dtype, shapes[0]),
    tensor("b", dtype, shapes[1]),
    tensor("y", to, shapes[2]),
  ];
  const made = isArithmetic
    ? node(op, [a, b], y, { activation })
    : node("binary", [a, b], y, { kind: op, activation });
  const inputs = [a, b].map((t) => draw(random, dtype, elementCount(t.shape)));
  expectExact({ graph: graphOf([made]), inputs }, JSON.stringify({ op, dtype, shapes }));
}

const comparisons: BinaryKind[] = ["equal", "notEqual", "less", "lessEqual", "greater", "greaterEqual"];

describe("float32", () => {
  const kinds: BinaryKind[] = ["div", "floorDiv", "maximum", "minimum", "pow", "prelu", "squaredDifference"];
  test.each([...kinds, ...comparisons])("%s", (kind) => {
    for (const shapes of broadcasts) check(kind, "float32", shapes);
  });

  test.each([...kinds, ...comparisons])("%s of every pair of special values", (kind) => {
    const n = specials.length;
    const [a, b] = [tensor("a", "float32", [n, 1]), tensor("b", "float32", [n])];
    const y = tensor("y", isComparison(kind) ? "bool" : "float32", [n, n]);
    const values = Float32Array.from(specials);
    expectExact({
      graph: graphOf([node("binary", [a, b], y, { kind, activation: noActivation })]),
      inputs: [values, values],
    });
  });

  test("a fused activation", () => {
    for (const activation of [
      { min: 0, max: Infinity },
      { min: 0, max: 6 },
      { min: -1, max: 1 },
    ])
      for (const kind of ["div", "maximum", "pow"] as const)
        check(kind, "float32", [[4, 9], [9], [4, 9]], activation);
  });

  test("pow over magnitudes from denormals to the largest", () => {
    const random = randomFrom(4);
    const bits = Uint32Array.from({ length: 4000 }, () => random.int(0, 0x7f7fffff));
    const [a, b, y] = ["a", "b", "y"].map((name) => tensor(name, "float32", [4000]));
    const exponents = Float32Array.from({ length: 4000 }, () => random.real(-3, 3));
    expectExact({
      graph: graphOf([node("binary", [a!, b!], y!, { kind: "pow", activation: noActivation })]),
      inputs: [new Float32Array(bits.buffer), exponents],
    });
  });
});

describe.each(["int32", "int64"] as DType[])("%s", (dtype) => {
  const kinds: Op[] = [
    "add",
    "sub",
    "mul",
    "div",
    "floorDiv",
    "floorMod",
    "remainder",
    "maximum",
    "minimum",
    "squaredDifference",
  ];
  test.each([...kinds, ...comparisons])("%s", (kind) => {
    for (const shapes of broadcasts) check(kind, dtype, shapes);
  });
});

describe.each(["int8", "uint8", "int16"] as DType[])("plain %s", (dtype) => {
  test.each(["maximum", "minimum", "floorMod", ...comparisons] as BinaryKind[])("%s", (kind) => {
    for (const shapes of broadcasts.slice(9, 30)) check(kind, dtype, shapes);
  });
});

describe("bool", () => {
  test.each(["and", "or", "xor", "equal", "notEqual"] as BinaryKind[])(
    "%s, whatever the byte of a true",
    (kind) => {
      for (const shapes of broadcasts) check(kind, "bool", shapes);
    },
  );
});

describe("quantized", () => {
  test.each(["int8", "uint8"] as DType[])("maximum, minimum and comparisons of one scale, %s", (dtype) => {
    for (const kind of ["maximum", "minimum", ...comparisons] as BinaryKind[]) {
      const random = randomFrom(seed++);
      const q = quantization(0.05, dtype === "uint8" ? 100 : -28);
      const of = (name: string): Tensor => ({ ...tensor(name, dtype, [37]), quantization: q });
      const y = isComparison(kind) ? tensor("y", "bool", [37]) : of("y");
      const inputs = ["a", "b"].map(() => draw(random, dtype, 37));
      const graph = graphOf([node("binary", [of("a"), of("b")], y, { kind, activation: noActivation })]);
      expectExact({ graph, inputs }, kind);
    }
  });
});

describe("select", () => {
  test.each(["float32", "int8", "int16", "int32", "int64", "bool"] as DType[])("of %s", (dtype) => {
    for (const [condition, a, b, y] of [
      [[17], [17], [17], [17]],
      [[1], [5], [5], [5]],
      [
        [2, 1, 5],
        [3, 1],
        [1, 1, 5],
        [2, 3, 5],
      ],
      [[2, 3, 1, 1], [5], [], [2, 3, 1, 5]],
    ] as [number[], number[], number[], number[]][]) {
      const random = randomFrom(seed++);
      const inputs = [tensor("c", "bool", condition), tensor("a", dtype, a), tensor("b", dtype, b)];
      const graph = graphOf([node("select", inputs, tensor("y", dtype, y), {})]);
      expectExact(
        { graph, inputs: inputs.map((t) => draw(random, t.dtype, elementCount(t.shape))) },
        JSON.stringify([dtype, condition, a, b]),
      );
    }
  });

  test("of constants", () => {
    const c = tensor("c", "bool", [3]);
    const a = constantOf(tensor("a", "float32", []), Float32Array.of(1));
    const b = constantOf(tensor("b", "float32", [3]), Float32Array.of(-0, Number.NaN, 5));
    const graph = graphOf([node("select", [c, a, b], tensor("y", "float32", [3]), {})]);
    expectExact({ graph, inputs: [Uint8Array.of(0, 2, 1)] });
  });
});

const everyType: DType[] = ["float32", "int8", "uint8", "int16", "int32", "int64", "bool"];
const pairsOfTypes = everyType.flatMap((from) => everyType.map((to) => [from, to] as const));

describe("cast", () => {
  test.each(pairsOfTypes)("%s to %s", (from, to) => {
    const random = randomFrom(seed++);
    const ends = [128, 255.9, 256, 32768, 65535, 2147483520, 2147483648, 4294967296, 9.2e18, 2 ** 63, 1e19];
    const values =
      from === "float32"
        ? Float32Array.from([...specials, ...ends, ...ends.map((v) => -v), 127.9, -128.9, -0.9, 0.9])
        : draw(random, from, 60);
    const n = values.length;
    const graph = graphOf([node("cast", [tensor("x", from, [n])], tensor("y", to, [n]), {})]);
    expectExact({ graph, inputs: [values] }, `${from} ${to}`);
  });
});

/** int16 activations by int8 weights, and elementwise operators of integers of several widths. */
import { describe, expect, test } from "vitest";
import {
  type Activation,
  type DType,
  elementCount,
  type Graph,
  type Node,
  noActivation,
  type Rounding,
  type Tensor,
  type TensorData,
  type UnaryKind,
} from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import {
  type ConvOptions,
  convGraph,
  depthwiseGraph,
  fullyConnectedGraph,
  graphOf,
  node,
  quantization,
  type Random,
  randomFrom,
} from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

type BiasType = "int64" | "int32" | "none";

const limits: Partial<Record<DType, [low: number, high: number]>> = {
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
};

/** Anything, with the ends of the type now and then. */
function draw(random: Random, { dtype, shape }: Tensor, extremes = false): TensorData {
  const [low, high] = limits[dtype]!;
  const value = () =>
    extremes || random.int(0, 9) === 0 ? random.pick([low, high]) : Math.round(random.real(low, high));
  const type = { int8: Int8Array, int16: Int16Array, int32: Int32Array }[dtype as "int8"];
  return type.from({ length: elementCount(shape) }, value) as TensorData;
}

const roundings: Rounding[] = ["single", "double"];
const biases: BiasType[] = ["int64", "int32", "none"];
const edges = [1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17];
let seed = 1;

/** A graph of one int8 layer with its input and output in int16. */
function widened(graph: Graph, bias: BiasType, outputScale: number): Graph {
  const [layer] = graph.nodes;
  const [x, w, b] = layer!.inputs as [Tensor, Tensor, Tensor | null];
  const wide = (t: Tensor, scale: number): Tensor => ({
    ...t,
    dtype: "int16",
    quantization: quantization(scale, 0),
  });
  const input = wide(x, 0.001);
  const given: Tensor | null =
    bias === "none" || !b?.data
      ? null
      : bias === "int32"
        ? b
        : { ...b, dtype: "int64", data: BigInt64Array.from(Array.from(b.data, BigInt), (v) => v * 3001n) };
  const made = {
    ...layer!,
    inputs: [input, w, given],
    outputs: [wide(layer!.outputs[0]!, outputScale)],
  } as Node;
  return { ...graph, nodes: [made], inputs: [input], outputs: made.outputs };
}

function check(graph: Graph, label: unknown, extremes = false): void {
  const random = randomFrom(seed++);
  expectExact({ graph, inputs: graph.inputs.map((t) => draw(random, t, extremes)) }, JSON.stringify(label));
}

describe.each(roundings)("int16 layers, %s", (rounding) => {
  test.each(biases)("conv2d at every edge, bias %s", (bias) => {
    for (const [i, n] of edges.entries()) {
      const options: Partial<ConvOptions> = {
        rounding,
        input: [i % 3 ? 1 : 2, 4, 5, edges[(i * 3) % 11]!],
        outputs: n,
        kernel: [1 + (i % 3), 1 + (i % 4)],
        padding: { top: i % 3, left: (i + 1) % 3, bottom: (i + 2) % 2, right: i % 2 },
        perChannel: n % 2 === 1,
      };
      const scale = 0.0002 * Math.sqrt(n);
      check(widened(convGraph(randomFrom(seed), options), bias, scale), options, i % 4 === 0);
    }
  });

  test("conv2d: strides, dilations, groups, activation", () => {
    for (const [stride, dilation, groups] of [
      [2, 1, 1],
      [1, 2, 2],
      [3, 1, 3],
      [1, 1, 6],
    ] as const) {
      const options: Partial<ConvOptions> = {
        rounding,
        input: [1, 9, 8, 6],
        outputs: 12,
        stride: [stride, 1],
        dilation: [1, dilation],
        padding: { top: 2, left: 1, bottom: 0, right: 3 },
        groups,
        activation: { min: 0, max: 6 },
      };
      check(widened(convGraph(randomFrom(seed), options), "int64", 0.0005), options);
    }
  });

  test("conv2d in as many groups as channels, one filter each, equals a depthwise one", () => {
    const options: Partial<ConvOptions> = { rounding, input: [1, 4, 4, 9], outputs: 9, groups: 9 };
    check(widened(convGraph(randomFrom(seed), options), "int64", 0.0005), options);
  });

  test("depthwise at every edge, with and without multiplier", () => {
    for (const channels of edges)
      for (const multiplier of [1, 2]) {
        const options: Partial<ConvOptions> = {
          rounding,
          input: [2, 5, 4, channels],
          outputs: channels * multiplier,
          kernel: [3, 2],
          stride: [1, 2],
          dilation: [2, 1],
          padding: { top: 2, left: 1, bottom: 1, right: 1 },
          hasBias: channels % 2 === 0,
        };
        check(widened(depthwiseGraph(randomFrom(seed), options), "int64", 0.0004), options);
      }
  });

  test.each(biases)("fullyConnected at every edge and where sums leave int32, bias %s", (bias) => {
    for (const [i, n] of edges.entries())
      for (const k of [1, 7, 8, 9, 503, 504, 505, 1009]) {
        const graph = fullyConnectedGraph(randomFrom(seed), [2, 2], n, k, {
          rounding,
          perChannel: i % 2 === 0,
          // int32 sums of extremes would wrap, which TFLite leaves open.
          weights: bias === "int64" && rounding === "double" ? "extremes" : "random",
        });
        check(widened(graph, bias, 0.01 * Math.sqrt(k)), { n, k }, bias === "int64" && rounding === "double");
      }
  });
});

const plain = (name: string, dtype: DType, shape: number[], scale: number, zeroPoint = 0): Tensor => ({
  name,
  dtype,
  shape,
  quantization: quantization(scale, zeroPoint),
});

const one = (made: Node, rounding: Rounding): Graph => graphOf([made], rounding);

describe.each(roundings)("int16 elementwise, %s", (rounding) => {
  const activations: Activation[] = [noActivation, { min: 0, max: 6 }, { min: -1, max: 1 }];

  test.each(["add", "sub", "mul"] as const)("%s, broadcast and activated", (op) => {
    const shapes = [
      [
        [3, 7],
        [3, 7],
        [3, 7],
      ],
      [[2, 3, 5], [5], [2, 3, 5]],
      [[1], [2, 1, 4], [2, 1, 4]],
      [
        [2, 1, 3],
        [4, 1],
        [2, 4, 3],
      ],
    ];
    for (const [i, [a, b, y]] of shapes.entries()) {
      const random = randomFrom(i + 50);
      const [p, q] = [random.real(1e-4, 1e-2), random.real(1e-4, 1e-2)];
      const to = op === "mul" ? p * q * random.real(3000, 40000) : random.real(1e-3, 1e-2);
      const activation = activations[i % 3]!;
      const operands = [plain("a", "int16", a!, p), plain("b", "int16", b!, q)];
      check(one(node(op, operands, plain("y", "int16", y!, to), { activation }), rounding), { op, a, b });
    }
  });

  test.each(["relu", "clip", "leakyRelu", "logistic", "tanh"] as UnaryKind[])("%s", (kind) => {
    for (const x of [0.00003, 0.0003, 2 ** -12, 2 ** -11, 0.002, 0.6]) {
      const to = kind === "logistic" || kind === "tanh" ? 2 ** -15 : x * 0.7;
      for (const alpha of kind === "leakyRelu" ? [0.1, 1.5, -0.3, 0] : [0]) {
        const made = node("unary", [plain("x", "int16", [1999], x)], plain("y", "int16", [1999], to), {
          kind,
          alpha,
          min: -2,
          max: 3,
        });
        check(one(made, rounding), { kind, x, alpha });
      }
    }
  });

  test("quantize between all widths", () => {
    for (const from of ["int8", "int16", "int32"] as const)
      for (const to of ["int8", "int16", "int32"] as const) {
        if (from === "int8" && to === "int8") continue;
        const scale = { int8: 0.02, int16: 1e-4, int32: 1e-9 };
        const [x, y] = [
          plain("x", from, [999], scale[from], from === "int8" ? 7 : 0),
          plain("y", to, [999], scale[to] * 1.3, to === "int8" ? -5 : 0),
        ];
        check(one(node("quantize", [x], y, {}), rounding), { from, to });
      }
  });

  test("to and from float32", () => {
    const real = (name: string): Tensor => ({ name, dtype: "float32", shape: [17] });
    const values = Float32Array.of(
      ...[0, -0, 0.0005, -0.0005, 0.0015, 32.767, 32.7675, -32.768, -33, 1e30, -1e30],
      ...[Number.NaN, Infinity, -Infinity, 1e-45, 5.0005, -7.00049],
    );
    const made = node("quantize", [real("x")], plain("y", "int16", [17], 0.001), {});
    expectExact({ graph: one(made, rounding), inputs: [values] });
    const back = node("dequantize", [plain("x", "int16", [17], 0.001)], real("y"), {});
    check(one(back, rounding), "dequantize");
  });
});

describe("int8 products of two computed matrices", () => {
  const shapes: [a: number[], b: number[], y: number[]][] = [
    [
      [1, 1],
      [1, 1],
      [1, 1],
    ],
    [
      [3, 7],
      [7, 5],
      [3, 5],
    ],
    [
      [2, 4, 16],
      [2, 16, 9],
      [2, 4, 9],
    ],
    [
      [2, 3, 5, 8],
      [8, 4],
      [2, 3, 5, 4],
    ],
    [
      [5, 17],
      [2, 1, 17, 4],
      [2, 1, 5, 4],
    ],
    [
      [2, 1, 3, 9],
      [1, 4, 9, 2],
      [2, 4, 3, 2],
    ],
  ];
  const turned = (shape: number[]): number[] => [...shape.slice(0, -2), ...shape.slice(-2).reverse()];

  test.each(shapes)("%j × %j", (a, b, y) => {
    for (const [transposeA, transposeB] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      const operands = [
        plain("a", "int8", transposeA ? turned(a) : a, 0.02, -128),
        plain("b", "int8", transposeB ? turned(b) : b, 0.03, 127),
        null,
      ];
      const to = plain("y", "int8", y, 0.1 * Math.sqrt(a.at(-1)!), 11);
      const made = node("matmul", operands, to, { transposeA, transposeB, activation: noActivation });
      check(one(made, "single"), { a, b, transposeA, transposeB });
    }
  });
});

describe("refused by name", () => {
  const x = plain("x", "int16", [1, 4], 0.01, 0);
  const refuse = (made: Node, words: RegExp) => expect(() => pack(graphOf([made]))).toThrow(words);

  test("unary operators that TFLite has not for int16", () => {
    for (const kind of ["exp", "gelu", "elu", "abs"] as UnaryKind[])
      refuse(node("unary", [x], plain("y", "int16", [1, 4], 0.01), { kind }), new RegExp(`${kind} of int16`));
    refuse(node("unary", [x], plain("y", "int16", [1, 4], 0.01), { kind: "tanh" }), /tanh of int16/);
  });

  test("zero points, other outputs, sums without bound", () => {
    const w = (k: number): Tensor => ({ ...plain("w", "int8", [1, k], 0.1), data: new Int8Array(k) });
    const y = plain("y", "int16", [1, 1], 0.01);
    const dense = (from: Tensor, to: Tensor, k = 4, bias: Tensor | null = null) =>
      node("fullyConnected", [from, w(k), bias], to, { activation: noActivation });
    refuse(dense(plain("x", "int16", [1, 4], 0.01, 3), y), /zero points/);
    refuse(dense(x, plain("y", "int8", [1, 1], 0.01)), /int16 become int16/);
    const huge: Tensor = { name: "b", dtype: "int64", shape: [1], data: BigInt64Array.of(1n << 37n) };
    refuse(dense(x, y, 4, huge), /int32 sums/);
    const graph = graphOf([dense(x, y, 4, huge)], "double");
    expect(() => pack(graph)).toThrow(/may exceed 2\^37/);
    refuse(node("maxPool2d", [x], x, {} as never), /int16/);
  });
});

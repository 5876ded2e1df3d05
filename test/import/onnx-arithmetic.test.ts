import { describe, expect, it } from "vitest";
import type { Graph, Tensor, TensorData } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { type AttributeSpec, onnxModel, type TensorSpec, type ValueSpec } from "../helpers/onnx-builder.ts";
import { expectExact } from "../kernels/exact.ts";
import { runReference } from "../reference/run.ts";

interface Model {
  op: string;
  inputs: ValueSpec[];
  constants?: TensorSpec[];
  attributes?: Record<string, AttributeSpec>;
}

const graphOf = ({ op, inputs, constants = [], attributes = {} }: Model): Graph =>
  importOnnx(
    onnxModel({
      nodes: [{ op, inputs: [...inputs, ...constants].map(({ name }) => name!), outputs: ["y"], attributes }],
      inputs,
      outputs: [{ name: "y" }],
      initializers: constants,
      opset: 18,
    }),
    { file: "one.onnx" },
  );

/** The result in the reference, which the engine gives too, before and after the passes. */
function run(model: Model, ...inputs: TensorData[]): { output: Tensor; values: number[] } {
  const graph = graphOf(model);
  expectExact({ graph, inputs }, model.op);
  expectExact({ graph: optimize(graph), inputs }, `${model.op}, optimized`);
  const [output] = graph.outputs;
  return { output: output!, values: Array.from(runReference(graph, inputs).get(output!)!, Number) };
}

const x = (shape: number[], type: NonNullable<ValueSpec["type"]> = "float"): ValueSpec => ({
  name: "x",
  type,
  shape,
});
const named = (name: string, shape: number[], type: NonNullable<ValueSpec["type"]>): ValueSpec => ({
  name,
  type,
  shape,
});
const floats = Float32Array.of(-3, -1.5, -0.5, 0, 0.5, 2.5, Infinity, Number.NaN);

describe("functions that are made of others", () => {
  it.each([
    ["Selu", {}, (v: number) => 1.0507009873554805 * (v > 0 ? v : 1.6732632423543772 * Math.expm1(v))],
    ["Celu", { alpha: { float: 2 } }, (v: number) => Math.max(0, v) + Math.min(0, 2 * Math.expm1(v / 2))],
    ["ThresholdedRelu", { alpha: { float: 0.75 } }, (v: number) => (v > 0.75 ? v : 0)],
    ["Softsign", {}, (v: number) => v / (1 + Math.abs(v))],
    ["Mish", {}, (v: number) => v * Math.tanh(Math.log1p(Math.exp(v)))],
    [
      "Erf",
      {},
      (v: number) =>
        ({
          "-3": -0.9999779,
          "-1.5": -0.9661051,
          "-0.5": -0.5204999,
          "0": 0,
          "0.5": 0.5204999,
          "2.5": 0.999593,
        })[String(v)]!,
    ],
  ] as const)("%s", (op, attributes, exact) => {
    const finite = floats.slice(0, 6);
    const { values } = run({ op, inputs: [x([6])], attributes }, finite);
    for (const [i, v] of finite.entries()) expect(values[i]).toBeCloseTo(exact(v), 5);
  });

  it("IsNaN and IsInf give bool", () => {
    const { output, values } = run({ op: "IsNaN", inputs: [x([8])] }, floats);
    expect([output.dtype, values]).toEqual(["bool", [0, 0, 0, 0, 0, 0, 0, 1]]);
    expect(run({ op: "IsInf", inputs: [x([8])] }, floats).values).toEqual([0, 0, 0, 0, 0, 0, 1, 0]);
    const negative = { detect_positive: 0 };
    expect(run({ op: "IsInf", inputs: [x([8])], attributes: negative }, floats).values).not.toContain(1);
  });
});

describe("Pow", () => {
  const power = (exponent: number): TensorSpec => ({
    name: "e",
    dims: [],
    type: "float",
    floats: [exponent],
  });

  it.each([
    [2, ["unary"]],
    [0.5, ["unary"]],
    [-1, ["unary"]],
    [3, ["unary", "mul"]],
    [2.5, ["binary"]],
  ] as const)("to the constant %f", (exponent, ops) => {
    const model = { op: "Pow", inputs: [x([4])], constants: [power(exponent)] };
    expect(graphOf(model).nodes.map(({ op }) => op)).toEqual(ops);
    const { values } = run(model, Float32Array.of(0.5, 1, 2, 3));
    for (const [i, v] of [0.5, 1, 2, 3].entries()) expect(values[i]).toBeCloseTo(v ** exponent, 4);
  });

  it("to whole numbers computed at run time", () => {
    const model = { op: "Pow", inputs: [x([3]), named("e", [3], "int64")] };
    expect(run(model, Float32Array.of(-2, 3, 5), BigInt64Array.of(3n, 2n, 0n)).values).toEqual([-8, 9, 1]);
  });
});

describe("whole numbers", () => {
  const a = BigInt64Array.of(-7n, 7n, -7n, 6n, 2n ** 62n);
  const b = BigInt64Array.of(3n, -3n, -3n, 3n, 4n);
  const pair = [x([5], "int64"), named("b", [5], "int64")];

  it.each([
    ["Div", {}, [-2, -2, 2, 2, 2 ** 60]],
    ["Mod", {}, [2, -2, -1, 0, 0]],
    ["Mod", { fmod: 1 }, [-1, 1, -1, 0, 0]],
    ["Mul", {}, [-21, -21, 21, 18, 0]],
    ["Max", {}, [3, 7, -3, 6, 2 ** 62]],
    ["LessOrEqual", {}, [1, 0, 1, 0, 0]],
  ] as [string, Record<string, number>, number[]][])("%s %o of int64", (op, attributes, expected) => {
    const { values } = run({ op, inputs: pair, attributes }, a, b);
    expect(values.map((v) => v + 0)).toEqual(expected);
  });

  it("Clip, Abs and Neg of int32", () => {
    const ints = Int32Array.of(-9, -2, 0, 5, 12);
    const bound = (name: string, v: number): TensorSpec => ({ name, dims: [], type: "int32", int32s: [v] });
    const clip = { op: "Clip", inputs: [x([5], "int32")], constants: [bound("lo", -3), bound("hi", 6)] };
    expect(run(clip, ints).values).toEqual([-3, -2, 0, 5, 6]);
    expect(run({ op: "Abs", inputs: [x([5], "int32")] }, ints).values).toEqual([9, 2, 0, 5, 12]);
    expect(run({ op: "Neg", inputs: [x([5], "int32")] }, ints).values.map((v) => v + 0)).toEqual([
      9, 2, 0, -5, -12,
    ]);
  });
});

describe("Where, Cast and Not", () => {
  it("Where broadcasts all three", () => {
    const inputs = [named("c", [2, 1], "bool"), x([3]), named("b", [], "float")];
    const { output, values } = run(
      { op: "Where", inputs },
      Uint8Array.of(1, 0),
      Float32Array.of(1, 2, 3),
      Float32Array.of(9),
    );
    expect([output.shape, values]).toEqual([
      [2, 3],
      [1, 2, 3, 9, 9, 9],
    ]);
  });

  it("Cast of plain uint8, as cameras give it, to float32", () => {
    const { output, values } = run(
      { op: "Cast", inputs: [x([3], "uint8")], attributes: { to: 1 } },
      Uint8Array.of(0, 128, 255),
    );
    expect([output.dtype, values]).toEqual(["float32", [0, 128, 255]]);
  });

  it("Not", () => {
    expect(run({ op: "Not", inputs: [x([2], "bool")] }, Uint8Array.of(0, 1)).values).toEqual([1, 0]);
  });
});

import { describe, expect, it } from "vitest";
import type { Graph, Minifloat, TensorData } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { minifloatCode, minifloats, minifloatValues } from "../../src/numerics/minifloat.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { randomFrom } from "../helpers/graphs.ts";
import {
  type AttributeSpec,
  elementTypeOf,
  floats,
  type NodeSpec,
  onnxModel,
  type TensorSpec,
  type ValueSpec,
} from "../helpers/onnx-builder.ts";
import { tiers } from "../helpers/tiers.ts";
import { minifloatMeanings, nearestMinifloat } from "../reference/minifloat.ts";
import { runReference } from "../reference/run.ts";
import { open, refusal } from "./onnx-open.ts";

const f = Math.fround;
const types: Minifloat[] = ["float8e4m3fn", "float8e5m2", "float4e2m1"];
const countOf = (type: Minifloat): number => 2 ** minifloats[type].bits;
const everyCode = (type: Minifloat): Uint8Array => Uint8Array.from({ length: countOf(type) }, (_, i) => i);

const bits = new DataView(new ArrayBuffer(4));

/** The float32 `steps` further from zero. */
function beside(x: number, steps: number): number {
  bits.setFloat32(0, x);
  bits.setInt32(0, bits.getInt32(0) + steps);
  return bits.getFloat32(0);
}

/** Everything around which a rounding could go wrong, and floats of any bits. */
function hardNumbers(type: Minifloat): Float32Array {
  const sizes = minifloatMeanings(type)
    .slice(0, countOf(type) / 2)
    .filter(Number.isFinite);
  const beyond = [2 * sizes.at(-1)! - sizes.at(-2)!, 4 * sizes.at(-1)!];
  const ends = [...sizes, ...beyond];
  const around = ends.flatMap((size, i) => {
    const middle = (size + (ends[i + 1] ?? size)) / 2;
    return [size, middle].flatMap((x) => (x === 0 ? [0] : [beside(x, -1), x, beside(x, 1)]));
  });
  const special = [2 ** -149, 2 ** -127, 2 ** -126, 2 ** -24, 3.4028234663852886e38, Infinity];
  const all = [...around, ...special];
  const random = randomFrom(5);
  const any = Array.from({ length: 2000 }, () => {
    bits.setInt32(0, random.int(-(2 ** 31), 2 ** 31 - 1));
    return bits.getFloat32(0);
  });
  const near = Array.from({ length: 2000 }, () => random.real(-2, 2) * 2 ** random.int(-18, 17));
  return Float32Array.from([...all, ...all.map((x) => -x), NaN, ...any, ...near]);
}

/** What the reference gives for the graph as it is and optimized; the engine, in every tier, gives the same. */
function resultOf(graph: Graph, inputs: TensorData[]): TensorData {
  const optimized = optimize(graph);
  const [plain, better] = [graph, optimized].map(
    (version) => runReference(version, inputs).get(version.outputs[0]!)!,
  );
  expect(better).toEqual(plain);
  const file = pack(optimized).bytes;
  for (const tier of tiers) {
    const model = createModel(wasm, file, { tier, name: graph.name });
    for (const [i, { name }] of graph.inputs.entries())
      (model.input(name) as Float32Array).set(inputs[i] as Float32Array);
    model.invoke();
    expect(model.output(graph.outputs[0]!.name)).toEqual(plain);
    model.dispose();
  }
  return plain!;
}

const build = (nodes: NodeSpec[], inputs: ValueSpec[], initializers: TensorSpec[] = []): Graph =>
  open(onnxModel({ nodes, inputs, outputs: [{ name: "y" }], initializers, opset: 23 }));

const quantizeNode = (inputs: string[], attributes: Record<string, AttributeSpec> = {}): NodeSpec => ({
  op: "QuantizeLinear",
  inputs,
  outputs: ["y"],
  attributes,
});

const codes = (name: string, type: Minifloat, dims: number[], list: ArrayLike<number>): TensorSpec => {
  const pairs = (_: unknown, i: number) => list[2 * i]! | ((list[2 * i + 1] ?? 0) << 4);
  const raw =
    type === "float4e2m1"
      ? Uint8Array.from({ length: Math.ceil(list.length / 2) }, pairs)
      : Uint8Array.from(list);
  return { name, dims, type, raw };
};

const into = (type: Minifloat) => ({ output_dtype: elementTypeOf(type) });

describe.each(types)("%s", (type) => {
  it("has the value of its bits in every code", () => {
    expect([...minifloatValues(minifloats[type])]).toEqual(minifloatMeanings(type));
  });

  it.each([true, false])("is the nearest number, halves to even; saturating: %s", (saturates) => {
    const x = hardNumbers(type);
    const expected = Uint8Array.from(x, (v) => nearestMinifloat(v, type, saturates));
    expect(Uint8Array.from(x, (v) => minifloatCode(v, minifloats[type], saturates))).toEqual(expected);
    const attributes = { ...into(type), saturate: saturates ? 1 : 0 };
    const one = floats("s", [], [1]);
    const live = build([quantizeNode(["x", "s"], attributes)], [{ name: "x", shape: [x.length] }], [one]);
    expect(live.outputs[0]).toMatchObject({ dtype: "uint8", minifloat: type });
    expect(resultOf(live, [x])).toEqual(expected);
    const folded = build(
      [quantizeNode(["c", "s"], attributes)],
      [{ name: "x", shape: [1] }],
      [one, floats("c", [x.length], [...x])],
    );
    expect(resultOf(folded, [new Float32Array(1)])).toEqual(expected);
  });

  it("divides by scales and adds zero points of every layout, constant or not", () => {
    const shape = [3, 5];
    const x = Float32Array.from(hardNumbers(type).slice(0, 15));
    const layouts: {
      dims: number[];
      attributes: Record<string, AttributeSpec>;
      entry: (i: number) => number;
    }[] = [
      { dims: [], attributes: {}, entry: () => 0 },
      { dims: [3], attributes: { axis: 0 }, entry: (i) => Math.floor(i / 5) },
      {
        dims: [3, 3],
        attributes: { axis: 1, block_size: 2 },
        entry: (i) => Math.floor(i / 5) * 3 + Math.floor((i % 5) / 2),
      },
    ];
    const values = minifloatMeanings(type);
    for (const { dims, attributes, entry } of layouts) {
      const count = dims.reduce((n, d) => n * d, 1);
      const scales = Float32Array.from({ length: count }, (_, i) => [0.3, 7, 0.0625][i % 3]!);
      for (const zero of [0, countOf(type) / 2, 3]) {
        const zeros = new Uint8Array(count).fill(zero);
        const expected = Uint8Array.from(x, (v, i) => {
          const quotient = f(v / scales[entry(i)]!);
          const moved = values[zero] === 0 ? quotient : f(quotient + values[zero]!);
          return nearestMinifloat(moved, type, true);
        });
        const node = quantizeNode(["x", "s", "z"], attributes);
        const constants = [floats("s", dims, [...scales]), codes("z", type, dims, zeros)];
        const constant = build([node], [{ name: "x", shape }], constants);
        expect(resultOf(constant, [x])).toEqual(expected);
        const live = build(
          [node],
          [
            { name: "x", shape },
            { name: "s", shape: dims },
            { name: "z", shape: dims, type },
          ],
        );
        expect(resultOf(live, [x, scales, zeros])).toEqual(expected);
      }
    }
  });

  it("becomes real with scales and zero points of every layout, constant or not", () => {
    const n = countOf(type);
    const every = everyCode(type);
    const values = minifloatMeanings(type);
    for (const { dims, attributes, entry } of [
      { dims: [], attributes: {}, entry: () => 0 },
      { dims: [2], attributes: { axis: 0 }, entry: (i: number) => Math.floor((2 * i) / n) },
      {
        dims: [2, Math.ceil(n / 6)],
        attributes: { axis: 1, block_size: 3 },
        entry: (i: number) => Math.floor((2 * i) / n) * Math.ceil(n / 6) + Math.floor((i % (n / 2)) / 3),
      },
    ]) {
      const count = dims.reduce((m, d) => m * d, 1);
      const scales = Float32Array.from({ length: count }, (_, i) => [0.3, 7, 0.0625][i % 3]!);
      for (const zero of [undefined, 3]) {
        const expected = Float32Array.from(every, (code, i) =>
          f(f(values[code]! - (zero ? values[zero]! : 0)) * scales[entry(i)]!),
        );
        const inputs = ["q", "s", ...(zero ? ["z"] : [])];
        const node: NodeSpec = { op: "DequantizeLinear", inputs, outputs: ["y"], attributes };
        const zeros = new Uint8Array(count).fill(zero ?? 0);
        const shape = [2, n / 2];
        const q: ValueSpec = { name: "q", shape, type };
        const constants = [floats("s", dims, [...scales]), ...(zero ? [codes("z", type, dims, zeros)] : [])];
        expect(resultOf(build([node], [q], constants), [every])).toEqual(expected);
        const live = build(
          [node],
          [q, { name: "s", shape: dims }, ...(zero ? [{ name: "z", shape: dims, type } as ValueSpec] : [])],
        );
        expect(resultOf(live, zero ? [every, scales, zeros] : [every, scales])).toEqual(expected);
        const weights = build(
          [node],
          [{ name: "x", shape: [1] }],
          [codes("q", type, shape, every), ...constants],
        );
        expect(weights.nodes.filter(({ op }) => op !== "reshape")).toEqual([]);
        expect(resultOf(weights, [new Float32Array(1)])).toEqual(expected);
      }
    }
  });
});

describe("float8 in a graph", () => {
  it("keeps its division behind a layer, whose weights would round otherwise", () => {
    const graph = build(
      [{ op: "MatMul", inputs: ["x", "w"], outputs: ["p"] }, quantizeNode(["p", "s"], into("float8e5m2"))],
      [{ name: "x", shape: [1, 1] }],
      [floats("w", [1, 1], [1]), floats("s", [], [7])],
    );
    // 45.5 / 7 is 6.5, which rounds to 6; 45.5 · float32(1/7) is above it.
    expect(f(45.5 * f(1 / 7))).toBeGreaterThan(6.5);
    expect(resultOf(graph, [Float32Array.of(45.5)])).toEqual(Uint8Array.of(0x46));
  });

  it("runs between layers as exporters write it: weights real, activations through codes", () => {
    const graph = build(
      [
        { op: "QuantizeLinear", inputs: ["x", "s"], outputs: ["q"], attributes: into("float8e4m3fn") },
        { op: "DequantizeLinear", inputs: ["q", "s"], outputs: ["a"] },
        { op: "DequantizeLinear", inputs: ["w8", "ws"], outputs: ["w"] },
        { op: "MatMul", inputs: ["a", "w"], outputs: ["y"] },
      ],
      [{ name: "x", shape: [1, 2] }],
      [floats("s", [], [0.5]), floats("ws", [], [2]), codes("w8", "float8e4m3fn", [2, 1], [0x38, 0xb8])],
    );
    // x / 0.5 = 2.2 and 1000: 2.25 and 448; times 0.5 · ±2.
    expect(resultOf(graph, [Float32Array.of(1.1, 500)])).toEqual(Float32Array.of(2.25 - 448));
  });

  it("is refused by its type everywhere else", () => {
    const input: ValueSpec = { name: "x", shape: [4], type: "float8e4m3fn" };
    const attempt = (op: string, attributes: Record<string, AttributeSpec> = {}) =>
      refusal(() => build([{ op, inputs: ["x"], outputs: ["y"], attributes }], [input]));
    for (const [op, attributes] of [
      ["Cast", { to: 1 }],
      ["Relu", {}],
      ["Identity", {}],
      ["Shape", {}],
    ] as const)
      expect(attempt(op, attributes)).toMatchObject({
        code: "unsupported",
        message: expect.stringContaining('float8e4m3fn operand "x"'),
      });
    const toFloat8 = refusal(() =>
      build(
        [{ op: "Cast", inputs: ["x"], outputs: ["y"], attributes: { to: 17 } }],
        [{ name: "x", shape: [4] }],
      ),
    );
    expect(toFloat8.message).toMatch(/Cast to float8e4m3fn/);
    const other = refusal(() =>
      build(
        [{ op: "DequantizeLinear", inputs: ["x", "s"], outputs: ["y"] }],
        [{ name: "x", shape: [4], type: "float8e4m3fnuz" }],
        [floats("s", [], [1])],
      ),
    );
    expect(other).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("found float8e4m3fnuz"),
    });
  });

  it("needs zero points of its own type, and float32 arithmetic", () => {
    const scale = floats("s", [], [1]);
    const mixed = refusal(() =>
      build(
        [{ op: "DequantizeLinear", inputs: ["x", "s", "z"], outputs: ["y"] }],
        [{ name: "x", shape: [4], type: "float8e5m2" }],
        [scale, codes("z", "float8e4m3fn", [], [0])],
      ),
    );
    expect(mixed).toMatchObject({
      code: "bad-file",
      message: expect.stringContaining("expected zero points of float8e5m2, found float8e4m3fn"),
    });
    const half = refusal(() =>
      build(
        [quantizeNode(["x", "s"], { ...into("float8e5m2"), precision: elementTypeOf("float16") })],
        [{ name: "x", shape: [4] }],
        [scale],
      ),
    );
    expect(half).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("division in float16"),
    });
  });
});

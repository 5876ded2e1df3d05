import { describe, expect, it } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import {
  floats,
  type NodeSpec,
  onnxModel,
  type TensorSpec,
  type ValueSpec,
} from "../helpers/onnx-builder.ts";
import { runReference } from "../reference/run.ts";

const domain = "com.microsoft";

const open = (node: NodeSpec, inputs: ValueSpec[], initializers: TensorSpec[]): Graph =>
  optimize(
    importOnnx(
      onnxModel({
        nodes: [{ ...node, domain, outputs: ["y"] }],
        inputs,
        outputs: [{ name: "y" }],
        initializers,
        domains: { [domain]: 1 },
      }),
      { file: "contrib.onnx" },
    ),
  );

const zero = (value: number): TensorSpec => ({ name: "z", dims: [], type: "uint8", int32s: [value] });
const bytes = (name: string, ...shape: number[]): ValueSpec => ({ name, type: "uint8", shape });

describe("QLinear operators of onnxruntime", () => {
  it("QLinearAdd and QLinearMul compute on integers", () => {
    const operands = ["a", "s", "z", "b", "t", "z", "u", "z"];
    const parameters = [floats("s", [], [0.5]), floats("t", [], [0.25]), floats("u", [], [1]), zero(10)];
    const inputs = [bytes("a", 3), bytes("b", 3)];
    const given = [Uint8Array.of(20, 10, 0), Uint8Array.of(50, 6, 10)];
    const sum = open({ op: "QLinearAdd", inputs: operands }, inputs, parameters);
    expect(sum.nodes.map(({ op }) => op)).toEqual(["add"]);
    // 5 + 10, 0 − 1, −5 + 0.
    expect(runReference(sum, given).get(sum.outputs[0])).toEqual(Uint8Array.of(25, 9, 5));
    const product = open({ op: "QLinearMul", inputs: operands }, inputs, parameters);
    expect(runReference(product, given).get(product.outputs[0])).toEqual(Uint8Array.of(60, 10, 10));
  });

  it("QLinearConcat brings its operands to one scale; a zero point left out is 0", () => {
    const graph = open(
      { op: "QLinearConcat", inputs: ["s", "", "a", "s", "", "b", "t", ""], attributes: { axis: 0 } },
      [bytes("a", 2), bytes("b", 2)],
      [floats("s", [], [0.5]), floats("t", [], [1])],
    );
    const y = runReference(graph, [Uint8Array.of(3, 4), Uint8Array.of(5, 200)]).get(graph.outputs[0]);
    expect(y).toEqual(Uint8Array.of(3, 4, 10, 255));
  });

  it("QGemm without a scale of its result gives real numbers", () => {
    const graph = open(
      { op: "QGemm", inputs: ["a", "s", "z", "w", "t", "z", "c"], attributes: { transB: 1 } },
      [bytes("a", 1, 2)],
      [
        floats("s", [], [0.5]),
        floats("t", [], [2]),
        zero(10),
        { name: "w", dims: [2, 2], type: "uint8", int32s: [11, 12, 10, 9] },
        { name: "c", dims: [2], type: "int32", int32s: [100, -1] },
      ],
    );
    // (5, −2) · (1, 2) + 100 and (5, −2) · (0, −1) − 1, in units of 0.5 · 2.
    const y = runReference(graph, [Uint8Array.of(15, 8)]).get(graph.outputs[0]);
    expect(y).toEqual(Float32Array.of(101, 1));
  });
});

describe("MatMulNBits", () => {
  const k = 18;
  const x = Float32Array.from({ length: k }, (_, i) => i - 4);
  const build = (bits: 2 | 4 | 8, level: number, zeros: TensorSpec[]) => {
    const rowBytes = (32 * bits) / 8;
    const raw = Uint8Array.from({ length: 2 * rowBytes }, (_, i) => (i * 37 + 11) & 255);
    const scales = [0.5, 0.25, 2, 1];
    const value = (n: number, i: number) => {
      const at = n * rowBytes + Math.floor((i * bits) / 8);
      return (raw[at] >> ((i * bits) % 8)) & (2 ** bits - 1);
    };
    const graph = open(
      {
        op: "MatMulNBits",
        inputs: ["x", "w", "s", ...zeros.map(() => "zp")],
        attributes: { K: k, N: 2, bits, block_size: 16, accuracy_level: level },
      },
      [{ name: "x", shape: [1, k] }],
      [{ name: "w", dims: [2, 2, rowBytes / 2], type: "uint8", raw }, floats("s", [4], scales), ...zeros],
    );
    const expected = (zeroOf: (n: number, b: number) => number) =>
      [0, 1].map((n) =>
        x.reduce((sum, v, i) => {
          const b = i >> 4;
          return sum + v * (value(n, i) - zeroOf(n, b)) * scales[n * 2 + b];
        }, 0),
      );
    return { graph, expected };
  };

  it.each([2, 4, 8] as const)("of %i bits is the product with real weights, low bits first", (bits) => {
    const { graph, expected } = build(bits, 0, []);
    expect(graph.nodes.map(({ op }) => op)).toEqual(["fullyConnected"]);
    expect([...runReference(graph, [x]).get(graph.outputs[0])!]).toEqual(expected(() => 2 ** (bits - 1)));
  });

  it("takes zero points whose rows begin at whole bytes", () => {
    const zp: TensorSpec = { name: "zp", dims: [2], type: "uint8", int32s: [0x93, 0x05] };
    const { graph, expected } = build(4, 0, [zp]);
    const zeros = [
      [3, 9],
      [5, 0],
    ];
    expect([...runReference(graph, [x]).get(graph.outputs[0])!]).toEqual(expected((n, b) => zeros[n][b]));
  });

  it("keeps its bits where the file lets activations be int8", () => {
    const { graph, expected } = build(4, 4, []);
    expect(graph.nodes.map(({ op }) => op)).toEqual(["dynamicFullyConnected"]);
    expect(graph.nodes[0].attributes).toMatchObject({ bits: 4, blockSize: 16 });
    const y = [...runReference(graph, [x]).get(graph.outputs[0])!] as number[];
    expected(() => 8).forEach((v, n) => {
      // 255 steps over 17: half a step for each of 18 products with weights of at most 8 · 2.
      expect(Math.abs(y[n] - v)).toBeLessThanOrEqual(0.5 * (17 / 255) * 18 * 16);
    });
  });
});

it("fused operators are the plain ones they were made of", () => {
  const graph = open(
    {
      op: "FusedGemm",
      inputs: ["x", "w", "c"],
      attributes: { activation: "LeakyRelu", activation_alpha: { float: 0.5 } },
    },
    [{ name: "x", shape: [1, 2] }],
    [floats("w", [2, 2], [1, -1, 2, -2]), floats("c", [2], [0, 1])],
  );
  const y = runReference(graph, [Float32Array.of(1, 2)]).get(graph.outputs[0]);
  expect(y).toEqual(Float32Array.of(5, -2));
});

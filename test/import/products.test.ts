import { describe, expect, test } from "vitest";
import { elementCount, type Graph } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { onnxModel } from "../helpers/onnx-builder.ts";
import { fused, plainOptions, type SubgraphSpec } from "../helpers/tflite-builder.ts";
import { load } from "../helpers/tflite-load.ts";
import { float, single } from "../helpers/tflite-models.ts";
import { runReference } from "../reference/run.ts";
import { open, refusal } from "./onnx-open.ts";

type Shape = number[];
type Attributes = Parameters<typeof onnxModel>[0]["nodes"][number]["attributes"];

function onnx(op: string, shapes: Shape[], attributes: Attributes = {}): Graph {
  const names = ["a", "b", "c"].slice(0, shapes.length);
  return open(
    onnxModel({
      nodes: [{ op, inputs: names, outputs: ["y"], attributes }],
      inputs: shapes.map((shape, i) => ({ name: names[i]!, shape })),
      outputs: [{ name: "y" }],
    }),
  );
}

/** Small whole numbers, so that every sum is exact. */
const counting = (shape: Shape, step: number): Float32Array =>
  Float32Array.from({ length: elementCount(shape) }, (_, i) => ((i * step) % 7) - 3);

/** Values of the graph as imported; asserts that optimized it gives the same. */
function valuesOf(graph: Graph): number[] {
  const inputs = graph.inputs.map((t, i) => counting(t.shape, 2 * i + 3));
  const [plain, optimized] = [graph, optimize(graph)].map((g) =>
    Array.from(runReference(g, inputs).get(g.outputs[0]!)!, Number),
  );
  expect(optimized).toEqual(plain);
  return plain!;
}

/** Σ over `sum` of the product of both operands at the indices that `at` gives. */
function sums(
  [a, b]: [Shape, Shape],
  result: Shape,
  inner: number,
  at: (index: number[], k: number) => [number[], number[]],
): number[] {
  const [p, q] = [counting(a, 3), counting(b, 5)];
  const flat = (shape: Shape, index: number[]) => index.reduce((sum, i, d) => sum * shape[d]! + i, 0);
  return Array.from({ length: elementCount(result) }, (_, n) => {
    let rest = n;
    const index = [...result]
      .reverse()
      .map((d) => [rest % d, (rest = Math.floor(rest / d))][0]!)
      .reverse();
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      const [i, j] = at(index, k);
      sum += p[flat(a, i)]! * q[flat(b, j)]!;
    }
    return sum;
  });
}

describe("ONNX products of two computed operands", () => {
  test.each<[string, Shape, Shape, Shape, number, (i: number[], k: number) => [number[], number[]]]>([
    [
      "matrices",
      [2, 3],
      [3, 4],
      [2, 4],
      3,
      ([m, n], k) => [
        [m!, k],
        [k, n!],
      ],
    ],
    ["row by matrix", [3], [3, 4], [4], 3, ([n], k) => [[k], [k, n!]]],
    ["matrix by column", [2, 3], [3], [2], 3, ([m], k) => [[m!, k], [k]]],
    ["two vectors", [3], [3], [], 3, (_, k) => [[k], [k]]],
    [
      "batch by matrix",
      [5, 2, 3],
      [3, 4],
      [5, 2, 4],
      3,
      ([b, m, n], k) => [
        [b!, m!, k],
        [k, n!],
      ],
    ],
    ["row by batch", [3], [5, 3, 4], [5, 4], 3, ([b, n], k) => [[k], [b!, k, n!]]],
    [
      "batches that broadcast",
      [2, 1, 2, 3],
      [5, 3, 4],
      [2, 5, 2, 4],
      3,
      ([b, c, m, n], k) => [
        [b!, 0, m!, k],
        [c!, k, n!],
      ],
    ],
  ])("MatMul: %s", (_, a, b, y, inner, at) => {
    const graph = onnx("MatMul", [a, b]);
    expect(graph.outputs[0]!.shape).toEqual(y);
    expect(valuesOf(graph)).toEqual(sums([a, b], y, inner, at));
  });

  test("Gemm with everything computed", () => {
    const shapes: Shape[] = [
      [3, 2],
      [4, 3],
      [2, 1],
    ];
    const attributes = { transA: 1, transB: 1, alpha: { float: 2 }, beta: { float: 0.5 } };
    const c = counting([2, 1], 7);
    const products = sums(
      [
        [3, 2],
        [4, 3],
      ],
      [2, 4],
      3,
      ([m, n], k) => [
        [k, m!],
        [n!, k],
      ],
    );
    expect(valuesOf(onnx("Gemm", shapes, attributes))).toEqual(
      products.map((v, i) => 2 * v + 0.5 * c[Math.floor(i / 4)]!),
    );
    const plain = onnx("Gemm", [[2, 3], [3, 4], [4]]);
    expect(plain.nodes.map(({ op }) => op)).toEqual(["matmul"]);
    const bias = counting([4], 7);
    const rows = sums(
      [
        [2, 3],
        [3, 4],
      ],
      [2, 4],
      3,
      ([m, n], k) => [
        [m!, k],
        [k, n!],
      ],
    );
    expect(valuesOf(plain)).toEqual(rows.map((v, i) => v + bias[i % 4]!));
  });

  test.each<[string, Shape, Shape, Shape, number, (i: number[], k: number) => [number[], number[]]]>([
    [
      "bij,bjk->bik",
      [2, 3, 4],
      [2, 4, 5],
      [2, 3, 5],
      4,
      ([b, i, j], k) => [
        [b!, i!, k],
        [b!, k, j!],
      ],
    ],
    [
      "bhid,bhjd->bhij",
      [2, 3, 4, 5],
      [2, 3, 2, 5],
      [2, 3, 4, 2],
      5,
      ([b, h, i, j], k) => [
        [b!, h!, i!, k],
        [b!, h!, j!, k],
      ],
    ],
    [
      "bihd,bjhd->bhij",
      [2, 4, 3, 5],
      [2, 2, 3, 5],
      [2, 3, 4, 2],
      5,
      ([b, h, i, j], k) => [
        [b!, i!, h!, k],
        [b!, j!, h!, k],
      ],
    ],
    [
      "...ij,...jk",
      [2, 3, 4],
      [2, 4, 5],
      [2, 3, 5],
      4,
      ([b, i, j], k) => [
        [b!, i!, k],
        [b!, k, j!],
      ],
    ],
    ["i,j->ji", [3], [4], [4, 3], 1, ([j, i]) => [[i!], [j!]]],
    [
      "ji,jk->ik",
      [4, 3],
      [4, 5],
      [3, 5],
      4,
      ([i, j], k) => [
        [k, i!],
        [k, j!],
      ],
    ],
  ])("Einsum %s", (equation, a, b, y, inner, at) => {
    const graph = onnx("Einsum", [a, b], { equation });
    expect(graph.outputs[0]!.shape).toEqual(y);
    expect(valuesOf(graph)).toEqual(sums([a, b], y, inner, at));
  });

  test("Einsum of one operand is a transpose; others are refused by name", () => {
    expect(onnx("Einsum", [[2, 3, 4]], { equation: "ijk->kij" }).outputs[0]!.shape).toEqual([4, 2, 3]);
    const refused = (equation: string, ...shapes: Shape[]) =>
      refusal(() => onnx("Einsum", shapes, { equation })).message;
    expect(refused("ii->i", [3, 3])).toMatch(/Einsum.*"ii->i" with a diagonal/);
    expect(refused("ij->i", [3, 3])).toMatch(/Einsum.*sums one operand by itself/);
    expect(refused("i,i,i->i", [3], [3], [3])).toMatch(/more than two operands/);
    expect(refused("ij,jk->iz", [2, 3], [3, 4])).toMatch(/a result of known letters/);
    expect(refused("ij,jk", [2], [3, 4])).toMatch(/expected 2 dimensions for "ij"/);
  });

  test("operands that do not fit are refused with both shapes", () => {
    expect(
      refusal(() =>
        onnx("MatMul", [
          [2, 3],
          [4, 5],
        ]),
      ).message,
    ).toMatch(/with 3 rows, found 4/);
  });
});

describe("passes", () => {
  test("a transposed right operand is read the other way round", () => {
    const graph = open(
      onnxModel({
        nodes: [
          { op: "Transpose", inputs: ["b"], outputs: ["t"], attributes: { perm: [0, 2, 1] } },
          { op: "MatMul", inputs: ["a", "t"], outputs: ["m"] },
          { op: "Relu", inputs: ["m"], outputs: ["y"] },
        ],
        inputs: [
          { name: "a", shape: [2, 3, 4] },
          { name: "b", shape: [2, 5, 4] },
        ],
        outputs: [{ name: "y" }],
      }),
    );
    const [product, ...others] = optimize(graph).nodes;
    expect(others).toEqual([]);
    expect(product).toMatchObject({
      op: "matmul",
      attributes: { transposeA: false, transposeB: true, activation: { min: 0, max: Infinity } },
    });
    valuesOf(graph);
  });
});

describe("TFLite products of two computed operands", () => {
  test("BATCH_MATMUL reads adj_x and adj_y", () => {
    const model = single(
      { op: "BATCH_MATMUL", options: plainOptions(101, { int8: 1 }, { int8: 1 }) },
      float("a", [2, 4, 3]),
      float("b", [5, 4]),
      float("y", [2, 3, 5]),
    );
    const graph = load(model);
    expect(graph.nodes[0]).toMatchObject({
      op: "matmul",
      attributes: { transposeA: true, transposeB: true },
    });
    expect(valuesOf(graph)).toEqual(
      sums(
        [
          [2, 4, 3],
          [5, 4],
        ],
        [2, 3, 5],
        4,
        ([b, m, n], k) => [
          [b!, k, m!],
          [n!, k],
        ],
      ),
    );
  });

  test("FULLY_CONNECTED with computed weights", () => {
    const model = single(
      { op: "FULLY_CONNECTED", options: plainOptions(8, { int8: fused.relu }) },
      float("x", [2, 2, 3]),
      float("w", [5, 3]),
      float("y", [2, 2, 5]),
    );
    expect(valuesOf(load(model))).toEqual(
      sums(
        [
          [2, 2, 3],
          [5, 3],
        ],
        [2, 2, 5],
        3,
        ([a, m, n], k) => [
          [a!, m!, k],
          [n!, k],
        ],
      ).map((v) => Math.max(v, 0)),
    );
  });

  test("shapes that do not fit are refused", () => {
    const model = single({ op: "BATCH_MATMUL" }, float("a", [2, 3]), float("b", [4, 5]), float("y", [2, 5]));
    expect(() => load(model)).toThrow(/BATCH_MATMUL "y": "a".* has 3 columns, "b".* has 4 rows/);
  });
});

describe("TFLite composites", () => {
  const outer = (composite: number): SubgraphSpec => ({
    tensors: [float("a", [4]), float("b", [4]), float("y", [4])],
    operators: [{ op: "STABLEHLO_COMPOSITE", inputs: ["a", "b"], outputs: ["y"], composite }],
    inputs: ["a", "b"],
    outputs: ["y"],
  });
  const inner: SubgraphSpec = {
    tensors: [float("p", [4]), float("q", [4]), float("a", [4]), float("r", [4])],
    operators: [
      { op: "SUB", inputs: ["p", "q"], outputs: ["a"] },
      { op: "MUL", inputs: ["a", "p"], outputs: ["r"] },
    ],
    inputs: ["p", "q"],
    outputs: ["r"],
  };

  test("the subgraph takes the operator's place, its tensors under names of their own", () => {
    const graph = load(outer(1), inner);
    expect(graph.nodes.map(({ op, outputs }) => [op, outputs[0]!.name])).toEqual([
      ["sub", "a#2"],
      ["mul", "y"],
    ]);
    const [a, b] = [counting([4], 3), counting([4], 5)];
    expect(valuesOf(graph)).toEqual(Array.from(a, (v, i) => (v - b[i]!) * v));
  });

  test("one inside another; none without end, without subgraph or with other ends", () => {
    expect(load(outer(1), outer(2), inner).nodes.map(({ op }) => op)).toEqual(["sub", "mul"]);
    expect(() => load(outer(0))).toThrow(/more than 8 deep/);
    expect(() => load(outer(7))).toThrow(/refers to subgraph 7, the model has 1/);
    expect(() => load(outer(1), { ...inner, inputs: ["p"] })).toThrow(/has 1 inputs and 1 outputs/);
    expect(() => load(outer(1), { ...inner, outputs: ["p"] })).toThrow(/two roles/);
  });
});

import { describe, expect, test } from "vitest";
import type { DType, Graph, Node, Tensor, TensorData } from "../../src/graph/graph.ts";
import { arrayOf, elementCount } from "../../src/graph/graph.ts";
import { makeNode } from "../../src/graph/passes/rewrite.ts";
import { linearRange } from "../../src/numerics/quantize-linear.ts";
import { type Random, randomFrom } from "../helpers/graphs.ts";
import { runReference } from "../reference/run.ts";
import { expectExact } from "./exact.ts";

const plain = (name: string, dtype: DType, shape: number[]): Tensor => ({ name, dtype, shape });

/** Stored values of any type: the borders first, then random ones. */
function values(tensor: Tensor, random: Random): TensorData {
  const data = new (arrayOf(tensor.dtype))(elementCount(tensor.shape)) as Float32Array;
  if (tensor.dtype === "float32") {
    const edges = [0, -0, Infinity, -Infinity, Number.NaN, 0.5, 1.5, -2.5, 3e38, -1e-45, 127.5, -128.5];
    return data.map((_, i) => edges[i] ?? random.real(-300, 300));
  }
  const { min, max } = linearRange(tensor);
  return data.map((_, i) => [min, max][i] ?? random.int(min, max));
}

function check(node: Node, label: string): void {
  const random = randomFrom(elementCount(node.outputs[0].shape) + label.length);
  const inputs = node.inputs.filter((t): t is Tensor => t !== null);
  const graph: Graph = { name: label, nodes: [node], inputs, outputs: node.outputs, rounding: "single" };
  const given = inputs.map((t) =>
    t.name === "scale"
      ? Float32Array.from({ length: elementCount(t.shape) }, (_, i) => [0.5, 1 / 3, 7, 1e-3][i % 4])
      : values(t, random),
  );
  expectExact({ graph, inputs: given }, label);
}

/** Shape of x, of its scales, axis and block. */
const layouts: [string, number[], number[], number, number][] = [
  ["one scale", [3, 7], [], 0, 0],
  ["one scale in a list", [17], [1], 0, 0],
  ["a scalar", [], [], 0, 0],
  ["per first index", [3, 5], [3], 0, 0],
  ["per middle index", [2, 3, 5], [3], 1, 0],
  ["per last index", [4, 3], [3], 1, 0],
  ["per block of two", [2, 4, 3], [2, 2, 3], 1, 2],
  ["a last block that is shorter", [1, 7, 2], [1, 3, 2], 1, 3],
  ["blocks along the last dimension", [3, 8], [3, 2], 1, 4],
];
const integers: DType[] = ["int8", "uint8", "int16", "int32"];

describe.each(layouts)("%s", (label, shape, entries, axis, block) => {
  test.each(integers)("quantizeLinear to %s, by division and by multiplication", (dtype) => {
    for (const from of ["float32", "int32"] as DType[]) {
      for (const multiplies of [false, true]) {
        const inputs = [
          plain("x", from, shape),
          plain("scale", "float32", entries),
          plain("z", dtype, entries),
        ];
        for (const zero of [inputs[2], null]) {
          const y = plain("y", dtype, shape);
          const attributes = { axis, block, multiplies };
          check(makeNode("quantizeLinear", "q", [inputs[0], inputs[1], zero], y, attributes), label);
        }
      }
    }
  });

  test.each(integers)("dequantizeLinear from %s", (dtype) => {
    const inputs = [plain("x", dtype, shape), plain("scale", "float32", entries), plain("z", dtype, entries)];
    for (const zero of [inputs[2], null]) {
      const y = plain("y", "float32", shape);
      check(makeNode("dequantizeLinear", "d", [inputs[0], inputs[1], zero], y, { axis, block }), label);
    }
  });

  test.runIf(block === 0).each(integers.slice(0, 2))("center %s", (dtype) => {
    for (const zero of [plain("z", dtype, entries), null])
      check(
        makeNode("center", "c", [plain("x", dtype, shape), zero], plain("y", "int16", shape), { axis }),
        label,
      );
  });
});

test("a declared range narrower than the type saturates there", () => {
  const y: Tensor = { ...plain("y", "int8", [64]), range: { min: -8, max: 7 } };
  const node = makeNode(
    "quantizeLinear",
    "q",
    [plain("x", "float32", [64]), plain("scale", "float32", []), null],
    y,
    {
      axis: 0,
      block: 0,
      multiplies: false,
    },
  );
  check(node, "int4");
  const graph: Graph = {
    name: "int4",
    nodes: [node],
    inputs: node.inputs as Tensor[],
    outputs: [y],
    rounding: "single",
  };
  graph.inputs = graph.inputs.filter((t) => t !== null);
  const result = runReference(graph, [new Float32Array(64).fill(100), Float32Array.of(1)]).get(y)!;
  expect([...(result as Int8Array)]).toEqual(new Array(64).fill(7));
});

describe("dynamicRange", () => {
  const cases: [string, number[]][] = [
    ["both signs", [-3, 7.5, 0.25, -1]],
    ["only positive", [1, 2, 3]],
    ["only negative", [-1, -2.5]],
    ["zeros", [0, -0]],
    ["NaN", [Number.NaN, 3, -1]],
    ["infinities", [Infinity, 1]],
    ["minus infinity", [-Infinity, 5]],
    ["an overflowing difference", [3e38, -3e38]],
    ["denormals", [1e-45, -1e-45]],
  ];
  test.each(cases)("of %s: scale and zero point", (label, list) => {
    for (const dtype of ["float32", "uint8"] as DType[]) {
      const node = makeNode(
        "dynamicRange",
        "r",
        [plain("x", "float32", [list.length])],
        plain("y", dtype, []),
        {},
      );
      const graph: Graph = {
        name: label,
        nodes: [node],
        inputs: node.inputs as Tensor[],
        outputs: node.outputs,
        rounding: "single",
      };
      expectExact({ graph, inputs: [Float32Array.from(list)] }, label);
    }
  });
});

import { describe, test } from "vitest";
import type { DType, Graph, Node, Tensor, TensorData } from "../../src/graph/graph.ts";
import { elementCount } from "../../src/graph/graph.ts";
import { makeNode } from "../../src/graph/passes/rewrite.ts";
import { type Random, randomFrom } from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

const plain = (name: string, dtype: DType, shape: number[]): Tensor => ({ name, dtype, shape });

function filled({ dtype, shape }: Tensor, random: Random): TensorData {
  const count = elementCount(shape);
  if (dtype === "int8") return Int8Array.from({ length: count }, () => random.int(-128, 127));
  // The extremes make sums wrap.
  if (dtype === "int16")
    return Int16Array.from({ length: count }, (_, i) => (i % 5 ? random.int(-256, 255) : -32768));
  return Int32Array.from({ length: count }, () => random.real(-(2 ** 31), 2 ** 31));
}

function check(node: Node): void {
  const random = randomFrom(elementCount(node.outputs[0].shape));
  const inputs = node.inputs.filter((t): t is Tensor => t !== null);
  const graph: Graph = { name: "integer", nodes: [node], inputs, outputs: node.outputs, rounding: "single" };
  expectExact({ graph, inputs: inputs.map((t) => filled(t, random)) });
}

describe.each(["int16", "int8"] as DType[])("with %s on the right", (dtype) => {
  const shapes: [number[], number[], number[]][] = [
    [
      [1, 1],
      [1, 1],
      [1, 1],
    ],
    [
      [4, 3],
      [2, 3],
      [4, 2],
    ],
    [
      [3, 7],
      [5, 7],
      [3, 5],
    ],
    [
      [2, 8],
      [3, 8],
      [2, 3],
    ],
    [
      [2, 9],
      [3, 9],
      [2, 3],
    ],
    [
      [5, 33],
      [9, 33],
      [5, 9],
    ],
    [
      [2, 3, 17],
      [4, 17],
      [2, 3, 4],
    ],
    [
      [2, 3, 17],
      [2, 4, 17],
      [2, 3, 4],
    ],
    [
      [3, 17],
      [2, 2, 4, 17],
      [2, 2, 3, 4],
    ],
    [
      [1, 2, 16],
      [3, 4, 16],
      [3, 2, 4],
    ],
  ];
  test.each(shapes)("integerMatMul %j × %j", (a, b, y) => {
    check(
      makeNode(
        "integerMatMul",
        "m",
        [plain("a", "int16", a), plain("b", dtype, b)],
        plain("y", "int32", y),
        {},
      ),
    );
  });

  test.each([1, 2])("integerConv2d in %i groups: stride, dilation, padding, bias", (groups) => {
    for (const [stride, dilation, pad] of [
      [1, 1, 0],
      [2, 1, 1],
      [1, 2, 2],
      [3, 1, 4],
    ]) {
      const size = (n: number, k: number) => Math.floor((n + 2 * pad - (k - 1) * dilation - 1) / stride) + 1;
      const inputs = [
        plain("x", "int16", [2, 7, 6, 3 * groups]),
        plain("w", dtype, [4 * groups, 3, 2, 3]),
        plain("bias", "int32", [4 * groups]),
      ];
      for (const bias of [inputs[2], null])
        check(
          makeNode(
            "integerConv2d",
            "c",
            [inputs[0], inputs[1], bias],
            plain("y", "int32", [2, size(7, 3), size(6, 2), 4 * groups]),
            {
              stride: [stride, stride],
              dilation: [dilation, dilation],
              padding: { top: pad, left: pad, bottom: pad, right: pad },
              groups,
            },
          ),
        );
    }
  });
});

/** Integer products of two computed operands, whose leading dimensions broadcast. */
import { describe, expect, test } from "vitest";
import { elementCount } from "../../src/graph/graph.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { randomFrom } from "../helpers/graphs.ts";
import { onnxModel } from "../helpers/onnx-builder.ts";
import { expectExact } from "../kernels/exact.ts";
import { runReference } from "../reference/run.ts";

const shapes: [a: number[], b: number[], y: number[]][] = [
  [
    [2, 1, 3, 5],
    [4, 5, 2],
    [2, 4, 3, 2],
  ],
  [
    [3, 2, 5],
    [1, 3, 5, 4],
    [1, 3, 2, 4],
  ],
  [
    [2, 3, 1, 9],
    [2, 1, 9, 3],
    [2, 3, 1, 3],
  ],
  [
    [2, 9],
    [3, 9, 2],
    [3, 2, 2],
  ],
];

describe("MatMulInteger of two computed operands", () => {
  test.each(shapes)("%j × %j", (a, b, y) => {
    const bytes = onnxModel({
      nodes: [{ op: "MatMulInteger", inputs: ["a", "b", "za", "zb"], outputs: ["y"] }],
      inputs: [
        { name: "a", shape: a, type: "uint8" },
        { name: "b", shape: b, type: "int8" },
      ],
      outputs: [{ name: "y", type: "int32" }],
      initializers: [
        { name: "za", dims: [], type: "uint8", int32s: [200] },
        { name: "zb", dims: [], type: "int8", int32s: [-100] },
      ],
      opset: 13,
    });
    const graph = importOnnx(bytes, { file: "product.onnx" });
    const random = randomFrom(elementCount(y));
    const left = Uint8Array.from({ length: elementCount(a) }, () => random.int(0, 255));
    const right = Int8Array.from({ length: elementCount(b) }, () => random.int(-128, 127));
    expectExact({ graph, inputs: [left, right] });

    const place = (shape: number[], index: number[]): number =>
      shape.reduce((at, d, i) => at * d + (d === 1 ? 0 : index[index.length - shape.length + i]!), 0);
    const depth = a.at(-1)!;
    const expected = Array.from({ length: elementCount(y) }, (_, flat) => {
      let rest = flat;
      const index = [...y].reverse().map((d) => {
        const i = rest % d;
        rest = Math.floor(rest / d);
        return i;
      });
      const [n, m, ...lead] = index as [number, number, ...number[]];
      lead.reverse();
      let sum = 0;
      for (let k = 0; k < depth; k++)
        sum += (left[place(a, [...lead, m, k])]! - 200) * (right[place(b, [...lead, k, n])]! + 100);
      return sum;
    });
    expect(runReference(graph, [left, right]).get(graph.outputs[0]!)).toEqual(Int32Array.from(expected));
  });
});

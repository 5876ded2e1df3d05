import { describe, expect, test } from "vitest";
import {
  arrayOf,
  type DType,
  elementCount,
  type Node,
  type Tensor,
  type TensorData,
} from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import {
  activationTensor,
  constantOf,
  drawValues,
  graphOf,
  type Kind,
  node,
  randomFrom,
} from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

const kinds: DType[] = ["int8", "uint8", "float32", "int16", "int32", "int64", "bool"];
const random = randomFrom(4040);

function valuesFor({ dtype, shape }: Tensor): TensorData {
  const length = elementCount(shape);
  if (dtype === "int8" || dtype === "uint8" || dtype === "float32")
    return drawValues(random, dtype as Kind, length, "special");
  const value = () => (dtype === "bool" ? random.int(0, 1) : random.int(-30000, 30000));
  if (dtype === "int64") return BigInt64Array.from({ length }, () => BigInt(value()) << 31n);
  return (arrayOf(dtype) as typeof Int32Array).from({ length }, value);
}

const extremes = { int32: [2 ** 31 - 1, -(2 ** 31)], int64: [2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n] };

/** Indices inside, at, just over and far over both ends. */
function indicesFor(tensor: Tensor, size: number): TensorData {
  const length = elementCount(tensor.shape);
  const draw = () => random.int(-size - 2, size + 1);
  const far = () => random.int(0, 7) === 0;
  return tensor.dtype === "int64"
    ? BigInt64Array.from({ length }, () => (far() ? random.pick(extremes.int64) : BigInt(draw())))
    : Int32Array.from({ length }, () => (far() ? random.pick(extremes.int32) : draw()));
}

const plain = (name: string, dtype: DType, shape: number[]): Tensor => activationTensor(name, dtype, shape);

/** Runs one node whose indices are its input at `position`. */
function check(made: Node, position: number, size: number, label: string): void {
  const graph = graphOf([made]);
  const inputs = graph.inputs.map((t) => (t === made.inputs[position] ? indicesFor(t, size) : valuesFor(t)));
  expectExact({ graph, inputs }, label);
}

describe.each(["int32", "int64"] as DType[])("with %s indices", (indexType) => {
  test.each(kinds)("gather of %s: every axis and batch count, indices of every kind", (kind) => {
    for (const shape of [[5], [3, 4], [2, 3, 5], [2, 3, 4, 3]])
      for (let axis = 0; axis < shape.length; axis++)
        for (let batchDims = 0; batchDims <= axis; batchDims++)
          for (const extra of [[], [1], [3], [2, 2]]) {
            const lead = shape.slice(0, batchDims);
            const x = plain("x", kind, shape);
            const indices = plain("indices", indexType, [...lead, ...extra]);
            const y = plain("y", kind, [...shape.slice(0, axis), ...extra, ...shape.slice(axis + 1)]);
            const fromEnd = random.int(0, 1) === 1;
            const made = node("gather", [x, indices], y, { axis, batchDims, fromEnd });
            check(made, 1, shape[axis], `${shape} axis ${axis} batch ${batchDims} by [${extra}]`);
          }
  });

  test.each(kinds)("gatherNd and scatterNd of %s: tuples of every length", (kind) => {
    for (const shape of [[5], [3, 4], [2, 3, 5], [2, 3, 2, 3]])
      for (let batchDims = 0; batchDims < shape.length; batchDims++)
        for (let depth = 1; depth <= shape.length - batchDims; depth++)
          for (const extra of [[], [4], [2, 3]]) {
            const lead = [...shape.slice(0, batchDims), ...extra];
            const x = plain("x", kind, shape);
            const indices = plain("indices", indexType, [...lead, depth]);
            const part = plain("part", kind, [...lead, ...shape.slice(batchDims + depth)]);
            const attributes = { batchDims, fromEnd: random.int(0, 1) === 1 };
            const label = `${shape} tuples of ${depth} batch ${batchDims} by [${extra}]`;
            check(node("gatherNd", [x, indices], part, attributes), 1, 3, label);
            const y = plain("y", kind, shape);
            check(node("scatterNd", [x, indices, part], y, attributes), 1, 3, label);
          }
  });

  test.each(kinds)("dynamicSlice and dynamicUpdateSlice of %s", (kind) => {
    for (const [shape, size] of [
      [[7], [3]],
      [[7], [7]],
      [
        [4, 5],
        [2, 5],
      ],
      [
        [4, 5],
        [4, 1],
      ],
      [
        [2, 3, 4, 3],
        [1, 2, 3, 2],
      ],
      [
        [1, 6, 2, 4],
        [1, 1, 2, 4],
      ],
    ]) {
      const x = plain("x", kind, shape);
      const part = plain("part", kind, size);
      const y = plain("y", kind, shape);
      const starts = plain("starts", indexType, [shape.length]);
      for (let i = 0; i < 4; i++) {
        check(node("dynamicSlice", [x, starts], part, {}), 1, 4, `${size} of ${shape}`);
        check(node("dynamicUpdateSlice", [x, part, starts], y, {}), 2, 4, `${size} into ${shape}`);
      }
    }
  });
});

test("constants: an embedding table and the indices themselves", () => {
  const table = constantOf(plain("table", "int8", [6, 5]), drawValues(random, "int8", 30));
  const ids = plain("ids", "int32", [1, 4]);
  const rows = plain("rows", "int8", [1, 4, 5]);
  check(node("gather", [table, ids], rows, { axis: 0, batchDims: 0, fromEnd: false }), 1, 6, "table");
  const fixed: Tensor = { ...plain("fixed", "int64", [2]), data: BigInt64Array.of(3n, -1n) };
  const x = plain("x", "float32", [4, 3]);
  const graph = graphOf([
    node("gather", [x, fixed], plain("y", "float32", [2, 3]), { axis: 0, batchDims: 0, fromEnd: true }),
  ]);
  expectExact({ graph, inputs: [valuesFor(x)] });
});

test("two updates of one tensor, as caches do", () => {
  const cache = plain("cache", "float32", [4, 3]);
  const row = plain("row", "float32", [1, 3]);
  const at = plain("at", "int32", [2]);
  const once = plain("once", "float32", [4, 3]);
  const twice = plain("twice", "float32", [4, 3]);
  const later: Tensor = { ...plain("later", "int32", [2]), data: Int32Array.of(2, 0) };
  const graph = graphOf([
    node("dynamicUpdateSlice", [cache, row, at], once, {}),
    node("dynamicUpdateSlice", [once, row, later], twice, {}),
  ]);
  expectExact({ graph, inputs: graph.inputs.map((t) => (t === at ? Int32Array.of(1, 0) : valuesFor(t))) });
});

describe("refusals", () => {
  const x = plain("x", "float32", [4, 3]);
  const y = plain("picked", "float32", [2, 3]);
  const attributes = { axis: 0, batchDims: 0, fromEnd: false };

  test("indices of another type, by name", () => {
    const indices = plain("where", "float32", [2]);
    expect(() => pack(graphOf([node("gather", [x, indices], y, attributes)]))).toThrow(
      /gather "picked": indices "where" are float32; int32 or int64 work/,
    );
  });

  test("a result of another type, by name", () => {
    const other = plain("picked", "int32", [2, 3]);
    const indices = plain("where", "int32", [2]);
    expect(() => pack(graphOf([node("gather", [x, indices], other, attributes)]))).toThrow(
      /gather "picked": "x" is float32, "picked" int32/,
    );
  });
});

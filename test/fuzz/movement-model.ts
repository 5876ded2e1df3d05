import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { constantOf, drawValues, graphOf, node, quantization, randomFrom } from "../helpers/graphs.ts";

/** A model of operators that move elements, with indices from its inputs and from the file. */
export function movementNetwork(): Graph {
  const int8 = (name: string, shape: number[]): Tensor => ({
    name,
    dtype: "int8",
    shape,
    quantization: quantization(0.1, 3),
  });
  const indices = (name: string, dtype: "int32" | "int64", shape: number[]): Tensor => ({
    name,
    dtype,
    shape,
  });
  const table = constantOf(int8("table", [5, 4]), drawValues(randomFrom(8), "int8", 20));
  const ids = indices("ids", "int32", [3]);
  const places = indices("places", "int64", [2, 2]);
  const starts = indices("starts", "int32", [2]);
  const fixed: Tensor = { ...indices("fixed", "int64", [2]), data: BigInt64Array.of(-1n, 2n) };
  const [rows, part, marks] = [int8("rows", [3, 4]), int8("part", [2, 3]), int8("marks", [2])];
  const [mirrored, wide] = [int8("mirrored", [2, 3]), int8("wide", [2, 2, 3])];
  const [marked, updated, back] = [int8("marked", [3, 4]), int8("updated", [3, 4]), int8("back", [2, 4])];
  return graphOf(
    [
      node("gather", [table, ids], rows, { axis: 0, batchDims: 0, fromEnd: false }),
      node("dynamicSlice", [rows, starts], part, {}),
      node("slice", [part], mirrored, { begin: [0, 2], stride: [1, -1] }),
      node("expand", [mirrored], wide, {}),
      node("gatherNd", [rows, places], marks, { batchDims: 0, fromEnd: true }),
      node("scatterNd", [rows, places, marks], marked, { batchDims: 0, fromEnd: false }),
      node("dynamicUpdateSlice", [marked, mirrored, starts], updated, {}),
      node("gather", [updated, fixed], back, { axis: 0, batchDims: 0, fromEnd: true }),
    ],
    "single",
    [wide, back],
  );
}

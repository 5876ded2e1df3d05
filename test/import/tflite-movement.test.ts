/** Operators that move elements: what each gives for 0, 1, 2 …, written out. */
import { describe, expect, test } from "vitest";
import { elementCount, type TensorData } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import {
  type OperatorSpec,
  plainOptions,
  type SubgraphSpec,
  type TensorSpec,
} from "../helpers/tflite-builder.ts";
import { load, refusal } from "../helpers/tflite-load.ts";
import { activation8, float, ints, single } from "../helpers/tflite-models.ts";
import { expectExact } from "../kernels/exact.ts";
import { runReference } from "../reference/run.ts";

type Op = Omit<OperatorSpec, "inputs" | "outputs">;

const int32s = (...values: number[]) => values.map((int32) => ({ int32 }));

/** What the model gives for inputs 0, 1, 2 …, before and after optimization, alike on every tier. */
function outputsOf(model: SubgraphSpec, ...given: TensorData[]): number[][] {
  const imported = load(model);
  const [first] = [imported, optimize(imported)].map((graph) => {
    const inputs = graph.inputs.map(
      ({ shape }, i) => given[i] ?? Float32Array.from({ length: elementCount(shape) }, (_, k) => k),
    );
    expectExact({ graph, inputs });
    const results = runReference(graph, inputs);
    return graph.outputs.map((t) => Array.from(results.get(t)! as Float32Array));
  });
  return first;
}

const x34 = float("x", [3, 4]);
const stridedSlice = (begin: number[], end: number[], strides: number[], masks: number[], shape: number[]) =>
  single(
    { op: "STRIDED_SLICE", options: plainOptions(32, ...int32s(...masks)) },
    x34,
    ints("begin", begin),
    ints("end", end),
    ints("strides", strides),
    float("y", shape),
  );

describe("STRIDED_SLICE", () => {
  test.each<[string, SubgraphSpec, number[]]>([
    ["a block", stridedSlice([1, 1], [3, 3], [1, 1], [], [2, 2]), [5, 6, 9, 10]],
    ["backwards", stridedSlice([-1, -1], [0, -5], [-1, -2], [], [2, 2]), [11, 9, 7, 5]],
    ["masked ends", stridedSlice([2, 2], [1, 1], [1, 1], [3, 3], [3, 4]), [...Array(12).keys()]],
    ["masked ends backwards", stridedSlice([0, 0], [0, 0], [-2, -3], [3, 3], [2, 2]), [11, 8, 3, 0]],
    ["a dropped dimension", stridedSlice([-2, 0], [0, 4], [1, 2], [0, 0, 0, 0, 1], [2]), [4, 6]],
    ["fewer entries", stridedSlice([1], [2], [1], [], [1, 4]), [4, 5, 6, 7]],
    ["an ellipsis", stridedSlice([0, 1], [0, 2], [1, 1], [0, 0, 1], [3, 1]), [1, 5, 9]],
    [
      "new dimensions around an ellipsis",
      stridedSlice([0, 0, 3, 0], [0, 0, 4, 0], [1, 1, 1, 1], [0, 0, 2, 9], [1, 3, 1, 1]),
      [3, 7, 11],
    ],
    ["ends beyond", stridedSlice([-9, 2], [9, 99], [2, 1], [], [2, 2]), [2, 3, 10, 11]],
  ])("%s", (_, model, expected) => {
    expect(outputsOf(model)).toEqual([expected]);
  });

  test("ends relative to begins", () => {
    const options = plainOptions(32, ...int32s(0, 0, 0, 0, 0), { int8: 1 });
    const tensors = [ints("begin", [1, 2]), ints("end", [2, 1]), ints("strides", [1, 1]), float("y", [2, 1])];
    expect(outputsOf(single({ op: "STRIDED_SLICE", options }, x34, ...tensors))).toEqual([[6, 10]]);
  });

  test.each<[string, SubgraphSpec, RegExp]>([
    ["nothing left", stridedSlice([2, 0], [1, 4], [1, 1], [], [1, 4]), /takes nothing of dimension 0/],
    [
      "an index outside",
      stridedSlice([3, 0], [4, 4], [1, 1], [0, 0, 0, 0, 1], [4]),
      /index 3 for dimension 0/,
    ],
    ["a stride of 0", stridedSlice([0, 0], [1, 1], [0, 1], [], [1, 1]), /strides \[0,1\]/],
    ["too many entries", stridedSlice([0, 0, 0], [1, 1, 1], [1, 1, 1], [], [1, 1]), /more entries/],
  ])("refuses %s", (_, model, message) => {
    expect(refusal(model)).toMatchObject({ code: "bad-file" });
    expect(refusal(model).message).toMatch(message);
  });
});

function several(op: Op, inputs: TensorSpec[], outputs: TensorSpec[]): SubgraphSpec {
  return {
    tensors: [...inputs, ...outputs],
    operators: [{ ...op, inputs: inputs.map((t) => t.name), outputs: outputs.map((t) => t.name) }],
    inputs: inputs.filter((t) => !t.data).map((t) => t.name),
    outputs: outputs.map((t) => t.name),
  };
}

describe("several outputs", () => {
  test("SPLIT, SPLIT_V and UNPACK", () => {
    const parts = [float("a", [3, 2]), float("b", [3, 2])];
    const split = several(
      { op: "SPLIT", options: plainOptions(35, { int32: 2 }) },
      [ints("axis", [-1], []), x34],
      parts,
    );
    expect(outputsOf(split)).toEqual([
      [0, 1, 4, 5, 8, 9],
      [2, 3, 6, 7, 10, 11],
    ]);
    const uneven = [float("a", [3, 1]), float("b", [3, 3])];
    const splitV = several({ op: "SPLIT_V" }, [x34, ints("sizes", [1, -1]), ints("axis", [1], [])], uneven);
    expect(outputsOf(splitV)).toEqual([
      [0, 4, 8],
      [1, 2, 3, 5, 6, 7, 9, 10, 11],
    ]);
    const rows = [float("a", [4]), float("b", [4]), float("c", [4])];
    const unpack = several({ op: "UNPACK", options: plainOptions(64, ...int32s(3, 0)) }, [x34], rows);
    expect(outputsOf(unpack)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9, 10, 11],
    ]);
  });

  test("numbers of parts that do not fit are refused", () => {
    const parts = [float("a", [3, 3]), float("b", [3, 1])];
    const sizes = several({ op: "SPLIT_V" }, [x34, ints("sizes", [3, 2]), ints("axis", [1], [])], parts);
    expect(refusal(sizes).message).toMatch(/sizes \[3,2\] for dimension 1/);
    const count = several({ op: "SPLIT" }, [ints("axis", [0], []), x34], parts);
    expect(refusal(count).message).toMatch(/does not split into 2 along 0/);
  });
});

const x23 = float("x", [2, 3]);

describe("one output", () => {
  test.each<[string, SubgraphSpec, number[]]>([
    [
      "SLICE",
      single({ op: "SLICE" }, x34, ints("b", [1, 1]), ints("s", [1, -1]), float("y", [1, 3])),
      [5, 6, 7],
    ],
    [
      "PACK",
      single(
        { op: "PACK", options: plainOptions(59, ...int32s(2, 1)) },
        x23,
        float("z", [2, 3]),
        float("y", [2, 2, 3]),
      ),
      [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5],
    ],
    [
      "TILE",
      single({ op: "TILE" }, x23, ints("n", [2, 2]), float("y", [4, 6])),
      [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5, 0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5],
    ],
    [
      "BROADCAST_TO",
      single({ op: "BROADCAST_TO" }, float("x", [2, 1]), ints("s", [2, 2, 3]), float("y", [2, 2, 3])),
      [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1],
    ],
    [
      "MIRROR_PAD by reflection",
      single({ op: "MIRROR_PAD" }, x23, ints("p", [0, 1, 2, 1], [2, 2]), float("y", [3, 6])),
      [2, 1, 0, 1, 2, 1, 5, 4, 3, 4, 5, 4, 2, 1, 0, 1, 2, 1],
    ],
    [
      "MIRROR_PAD with the edge itself",
      single(
        { op: "MIRROR_PAD", options: plainOptions(77, { int8: 1 }) },
        x23,
        ints("p", [1, 0, 0, 3], [2, 2]),
        float("y", [3, 6]),
      ),
      [0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 3, 4, 5, 5, 4, 3],
    ],
    [
      "REVERSE_V2",
      single({ op: "REVERSE_V2" }, x23, ints("a", [-1]), float("y", [2, 3])),
      [2, 1, 0, 5, 4, 3],
    ],
    [
      "SPACE_TO_DEPTH",
      single(
        { op: "SPACE_TO_DEPTH", options: plainOptions(19, { int32: 2 }) },
        float("x", [1, 2, 4, 1]),
        float("y", [1, 1, 2, 4]),
      ),
      [0, 1, 4, 5, 2, 3, 6, 7],
    ],
    [
      "DEPTH_TO_SPACE",
      single(
        { op: "DEPTH_TO_SPACE", options: plainOptions(94, { int32: 2 }) },
        float("x", [1, 1, 2, 4]),
        float("y", [1, 2, 4, 1]),
      ),
      [0, 1, 4, 5, 2, 3, 6, 7],
    ],
    [
      "SPACE_TO_BATCH_ND",
      single(
        { op: "SPACE_TO_BATCH_ND" },
        float("x", [1, 3, 2, 1]),
        ints("b", [2, 2]),
        ints("p", [1, 0, 0, 0], [2, 2]),
        float("y", [4, 2, 1, 1]),
      ),
      [0, 2, 0, 3, 0, 4, 1, 5],
    ],
    [
      "BATCH_TO_SPACE_ND",
      single(
        { op: "BATCH_TO_SPACE_ND" },
        float("x", [4, 2, 1, 1]),
        ints("b", [2, 2]),
        ints("c", [1, 0, 0, 0], [2, 2]),
        float("y", [1, 3, 2, 1]),
      ),
      [4, 6, 1, 3, 5, 7],
    ],
    [
      "GATHER along the last dimension",
      single(
        { op: "GATHER", options: plainOptions(23, ...int32s(-1)) },
        x23,
        ints("i", [2, 0]),
        float("y", [2, 2]),
      ),
      [2, 0, 5, 3],
    ],
    [
      "GATHER with a batch",
      single(
        { op: "GATHER", options: plainOptions(23, ...int32s(1, 1)) },
        x23,
        ints("i", [2, 0], [2, 1]),
        float("y", [2, 1]),
      ),
      [2, 3],
    ],
    [
      "GATHER of an index outside",
      single({ op: "GATHER" }, x23, ints("i", [-1, 9]), float("y", [2, 3])),
      [0, 1, 2, 3, 4, 5],
    ],
    ["GATHER_ND", single({ op: "GATHER_ND" }, x23, ints("i", [1, 2, 0, 1], [2, 2]), float("y", [2])), [5, 1]],
    [
      "SCATTER_ND",
      single(
        { op: "SCATTER_ND" },
        ints("i", [3, 0], [2, 1]),
        float("x", [2]),
        ints("s", [4]),
        float("y", [4]),
      ),
      [1, 0, 0, 0],
    ],
    ["ZEROS_LIKE", single({ op: "ZEROS_LIKE" }, x23, float("y", [2, 3])), [0, 0, 0, 0, 0, 0]],
  ])("%s", (_, model, expected) => {
    expect(outputsOf(model)).toEqual([expected]);
  });

  test("EMBEDDING_LOOKUP of a table of integers gives float32 rows", () => {
    const table = { ...activation8("table", [3, 2], 0.5, 1), data: Int8Array.of(1, 2, 3, 4, 5, 6) };
    const ids: TensorSpec = { name: "ids", type: "int32", shape: [2] };
    const model = single({ op: "EMBEDDING_LOOKUP" }, ids, table, float("y", [2, 2]));
    expect(outputsOf(model, Int32Array.of(2, 0))).toEqual([[2, 2.5, 0, 0.5]]);
  });

  test("ONE_HOT leaves indices outside cold", () => {
    const ids: TensorSpec = { name: "ids", type: "int32", shape: [4] };
    const values = [
      ints("depth", [3], []),
      float("on", [], Float32Array.of(5)),
      float("off", [], Float32Array.of(-1)),
    ];
    const last = single(
      { op: "ONE_HOT", options: plainOptions(61, { int32: -1 }) },
      ids,
      ...values,
      float("y", [4, 3]),
    );
    const expected = [-1, -1, 5, -1, -1, -1, -1, -1, -1, 5, -1, -1];
    expect(outputsOf(last, Int32Array.of(2, -1, 3, 0))).toEqual([expected]);
    const first = single(
      { op: "ONE_HOT", options: plainOptions(61, { int32: 0 }) },
      ids,
      ...values,
      float("y", [3, 4]),
    );
    const across = [-1, -1, -1, 5, -1, -1, -1, -1, 5, -1, -1, -1];
    expect(outputsOf(first, Int32Array.of(2, -1, 3, 0))).toEqual([across]);
  });

  test("DYNAMIC_UPDATE_SLICE and a SLICE from a place that an input gives", () => {
    const at: TensorSpec = { name: "at", type: "int32", shape: [2] };
    const update = single({ op: "DYNAMIC_UPDATE_SLICE" }, x23, float("u", [1, 2]), at, float("y", [2, 3]));
    const values = [Float32Array.of(0, 1, 2, 3, 4, 5), Float32Array.of(8, 9)];
    expect(outputsOf(update, ...values, Int32Array.of(1, 0))).toEqual([[0, 1, 2, 8, 9, 5]]);
    expect(outputsOf(update, ...values, Int32Array.of(-3, 7))).toEqual([[0, 8, 9, 3, 4, 5]]);
    const slice = single({ op: "SLICE" }, x23, at, ints("size", [1, 2]), float("y", [1, 2]));
    expect(outputsOf(slice, values[0], Int32Array.of(1, 1))).toEqual([[4, 5]]);
  });

  test("a result of another scale is requantized", () => {
    const model = single(
      { op: "SLICE" },
      activation8("x", [4], 0.5, 0),
      ints("b", [1]),
      ints("s", [2]),
      activation8("y", [2], 0.25, 0),
    );
    expect(load(model).nodes.map(({ op }) => op)).toEqual(["slice", "quantize"]);
    expect(outputsOf(model, Int8Array.of(1, 2, 3, 4))).toEqual([[4, 6]]);
  });

  test("distinct constant places are all that SCATTER_ND takes", () => {
    const twice = single(
      { op: "SCATTER_ND" },
      ints("i", [1, 1], [2, 1]),
      float("x", [2]),
      ints("s", [4]),
      float("y", [4]),
    );
    expect(refusal(twice).code).toBe("unsupported");
    expect(refusal(twice).message).toMatch(
      /indices "i" int32\[2,1\] have to be constant, inside "y" .* distinct/,
    );
  });
});

test("a shape computed from a shape is known when the model is imported", () => {
  const int = (name: string, shape: number[]): TensorSpec => ({ name, type: "int32", shape });
  const tensors = [
    ...[float("x", [2, 6]), int("shape", [2]), ints("zero", [0]), ints("one", [1]), int("batch", [])],
    ...[ints("three", [3], []), ints("two", [2], []), int("to", [3]), float("y", [2, 3, 2])],
  ];
  const model: SubgraphSpec = {
    tensors,
    operators: [
      { op: "SHAPE", inputs: ["x"], outputs: ["shape"] },
      {
        op: "STRIDED_SLICE",
        inputs: ["shape", "zero", "one", "one"],
        outputs: ["batch"],
        options: plainOptions(32, ...int32s(0, 0, 0, 0, 1)),
      },
      { op: "PACK", inputs: ["batch", "three", "two"], outputs: ["to"] },
      { op: "RESHAPE", inputs: ["x", "to"], outputs: ["y"] },
    ],
    inputs: ["x"],
    outputs: ["y"],
  };
  expect(load(model).nodes.map(({ op }) => op)).toEqual(["reshape"]);
});

test("RANGE and FILL are constants", () => {
  const range: SubgraphSpec = {
    tensors: [
      ...[
        ints("a", [1], []),
        ints("b", [6], []),
        ints("c", [2], []),
        { name: "r", type: "int32", shape: [3] },
      ],
      ...[
        float("x", [9]),
        float("y", [3]),
        ints("dims", [3]),
        float("v", [], Float32Array.of(7)),
        float("f", [3]),
      ],
    ] as TensorSpec[],
    operators: [
      { op: "RANGE", inputs: ["a", "b", "c"], outputs: ["r"] },
      { op: "GATHER", inputs: ["x", "r"], outputs: ["y"] },
      { op: "FILL", inputs: ["dims", "v"], outputs: ["f"] },
    ],
    inputs: ["x"],
    outputs: ["y", "f"],
  };
  expect(outputsOf(range)).toEqual([
    [1, 3, 5],
    [7, 7, 7],
  ]);
});

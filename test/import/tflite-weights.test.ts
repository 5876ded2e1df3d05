import { describe, expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import {
  buildSigned,
  buildTflite,
  type SparsitySpec,
  type SubgraphSpec,
  type TensorSpec,
} from "../helpers/tflite-builder.ts";
import { addModel, float } from "../helpers/tflite-models.ts";

const open = (subgraph: SubgraphSpec, signature?: string): Graph =>
  importTflite(buildTflite(subgraph), { file: "w.tflite", ...(signature && { signature }) });

function refusal(work: () => unknown): NibbleError {
  try {
    work();
  } catch (error) {
    if (error instanceof NibbleError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

/** A layer whose weights [4, 4] are given, with what else the subgraph needs. */
const layer = (weights: TensorSpec, others: TensorSpec[] = [], k = 4): SubgraphSpec => ({
  tensors: [float("x", [1, k]), float("y", [1, 4]), weights, ...others],
  operators: [{ op: "FULLY_CONNECTED", inputs: ["x", weights.name, null], outputs: ["y"] }],
  inputs: ["x"],
  outputs: ["y"],
});

// 1 . . 2
// . . . .
// . 3 4 .
// 5 . . .
const dense = [1, 0, 0, 2, 0, 0, 0, 0, 0, 3, 4, 0, 5, 0, 0, 0];
const rows: SparsitySpec = {
  order: [0, 1],
  levels: [{ size: 4 }, { segments: [0, 2, 2, 4, 5], indices: [0, 3, 1, 2, 0] }],
};
const sparseLayer = (sparsity: SparsitySpec, data: Float32Array): SubgraphSpec =>
  layer({ name: "w", type: "float32", shape: [4, 4], data, sparsity });

const weightsOf = (graph: Graph): number[] => Array.from(graph.nodes[0].inputs[1]!.data as Float32Array);

describe("sparse weights", () => {
  test.each([1, 2, 4] as const)("rows of sparse columns, indices of %i bytes", (width) => {
    const [first, second] = rows.levels;
    const sparsity = { ...rows, levels: [first, { ...(second as object), width }] } as SparsitySpec;
    expect(weightsOf(open(sparseLayer(sparsity, Float32Array.of(1, 2, 3, 4, 5))))).toEqual(dense);
  });

  test("columns first", () => {
    const sparsity: SparsitySpec = {
      order: [1, 0],
      levels: [{ size: 4 }, { segments: [0, 2, 3, 4, 5], indices: [0, 3, 2, 2, 0] }],
    };
    expect(weightsOf(open(sparseLayer(sparsity, Float32Array.of(1, 5, 3, 4, 2))))).toEqual(dense);
  });

  test("blocks of 2 × 2, and rows that are sparse themselves", () => {
    const sparsity: SparsitySpec = {
      order: [0, 1, 2, 3],
      blockMap: [0, 1],
      levels: [
        { segments: [0, 2], indices: [0, 1] },
        { segments: [0, 2, 4], indices: [0, 1, 0, 1] },
        { size: 2 },
        { size: 2 },
      ],
    };
    const stored = Float32Array.of(1, 0, 0, 0, 0, 2, 0, 0, 0, 3, 5, 0, 4, 0, 0, 0);
    expect(weightsOf(open(sparseLayer(sparsity, stored)))).toEqual(dense);
  });

  test("DENSIFY of float16 in front of DEQUANTIZE", () => {
    const halves = Uint16Array.of(0x3c00, 0x4000, 0x4200, 0x4400, 0x4500);
    const graph = open({
      tensors: [
        float("x", [1, 4]),
        float("y", [1, 4]),
        { name: "s", type: "float16", shape: [4, 4], data: halves, sparsity: rows },
        { name: "h", type: "float16", shape: [4, 4] },
        float("w", [4, 4]),
      ],
      operators: [
        { op: "DENSIFY", inputs: ["s"], outputs: ["h"] },
        { op: "DEQUANTIZE", inputs: ["h"], outputs: ["w"] },
        { op: "FULLY_CONNECTED", inputs: ["x", "w", null], outputs: ["y"] },
      ],
      inputs: ["x"],
      outputs: ["y"],
    });
    expect(graph.nodes.map((node) => node.op)).toEqual(["fullyConnected"]);
    expect(weightsOf(graph)).toEqual(dense);
  });

  const damaged: [string, SparsitySpec, number][] = [
    ["fewer levels than dimensions", { order: [0], levels: [{ size: 4 }] }, 5],
    ["an order that repeats", { ...rows, order: [0, 0] }, 5],
    ["more values than are named", rows, 6],
    ["fewer values than are named", rows, 4],
    [
      "an index outside",
      { ...rows, levels: [{ size: 4 }, { segments: [0, 2, 2, 4, 5], indices: [0, 4, 1, 2, 0] }] },
      5,
    ],
    [
      "segments that go back",
      { ...rows, levels: [{ size: 4 }, { segments: [0, 5, 0, 5, 5], indices: [0, 3, 1, 2, 0] }] },
      5,
    ],
    [
      "too few segments",
      { ...rows, levels: [{ size: 4 }, { segments: [0, 5], indices: [0, 3, 1, 2, 0] }] },
      5,
    ],
    ["more rows than there are", { ...rows, levels: [{ size: 1 << 30 }, { size: 4 }] }, 5],
    [
      "blocks that do not divide",
      { order: [0, 1, 2], blockMap: [1], levels: [{ size: 4 }, { size: 2 }, { size: 3 }] },
      5,
    ],
    [
      "a block of a dimension there is not",
      { order: [0, 1, 2], blockMap: [2], levels: [{ size: 4 }, { size: 2 }, { size: 2 }] },
      5,
    ],
  ];
  test.each(damaged)("refuses %s", (_, sparsity, count) => {
    const { code, message } = refusal(() => open(sparseLayer(sparsity, new Float32Array(count))));
    expect(code).toBe("bad-file");
    expect(message).toMatch(/tensor "w"/);
  });
});

describe("int4 weights", () => {
  const packed = Uint8Array.of(0x87, 0x1f, 0x20, 0x43, 0x65, 0x98, 0xba, 0xdc);
  const values = [7, -8, -1, 1, 0, 2, 3, 4, 5, 6, -8, -7, -6, -5, -4, -3];

  test("per channel, with float activations: 4 bits wide", () => {
    const scale = [1, 0.5, 2, 0.25];
    const graph = open(layer({ name: "w", type: "int4", shape: [4, 4], data: packed, scale, axis: 0 }));
    expect(weightsOf(graph)).toEqual(values);
    const [node] = graph.nodes;
    expect(node.op).toBe("dynamicFullyConnected");
    expect(node.attributes).toMatchObject({ bits: 4, blockSize: 8 });
    expect(node.inputs[1]!.quantization?.scale).toEqual(Float32Array.from(scale));
  });

  test("blocks of columns stay 4 bits wide", () => {
    const data = new Uint8Array(4 * 16).map((_, i) => packed[i % 8]);
    const weights: TensorSpec = {
      name: "w",
      type: "int4",
      shape: [4, 32],
      data,
      blockwise: { scales: 3, blockSize: 16 },
    };
    const scales = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const stored: TensorSpec = { name: "s", type: "float32", shape: [4, 2], data: scales };
    const [node] = open(layer(weights, [stored], 32)).nodes;
    expect(node.op).toBe("dynamicFullyConnected");
    expect(node.attributes).toMatchObject({ bits: 4, blockSize: 16 });
    expect([...(node.inputs[1]!.data as Int8Array)]).toEqual(Array.from({ length: 8 }, () => values).flat());
    expect(node.inputs[1]!.quantization).toEqual({ scale: scales, zeroPoint: new Int32Array(8), axis: 0 });
    const tooFew = { ...stored, shape: [4], data: scales.slice(0, 4) };
    expect(refusal(() => open(layer(weights, [tooFew], 32))).message).toMatch(/expected 8 scales above 0/);
  });

  test("an odd number of bytes", () => {
    const weights: TensorSpec = { name: "w", type: "int4", shape: [4, 4], data: packed.slice(1), scale: [1] };
    expect(refusal(() => open(layer(weights))).message).toMatch(/expected 8 bytes of int4, found 7/);
  });
});

describe("signatures", () => {
  const model = addModel();
  const index = (name: string) => model.tensors.findIndex((tensor) => tensor.name === name);
  const signature = {
    key: "sum",
    inputs: { [index("b")]: "right", [index("a")]: "left" },
    outputs: { [index("y")]: "total" },
  };

  test("give inputs and outputs their names", () => {
    const bytes = buildSigned([model], [{ ...signature, key: "other" }, signature]);
    const graph = importTflite(bytes, { file: "s.tflite", signature: "sum" });
    expect(new Set(graph.inputs.map(({ name }) => name))).toEqual(new Set(["left", "right"]));
    expect(graph.outputs.map(({ name }) => name)).toEqual(["total"]);
    expect(importTflite(bytes, { file: "s.tflite" }).outputs[0].name).toBe("y");
  });

  test("that do not exist or do not fit are refused", () => {
    const unknown = refusal(() =>
      importTflite(buildSigned([model], [signature]), { file: "s.tflite", signature: "none" }),
    );
    expect(unknown.code).toBe("bad-input");
    expect(unknown.message).toMatch(/signature "none" was asked for, the model has "sum"/);
    const partial = buildSigned([model], [{ ...signature, inputs: {} }]);
    expect(refusal(() => importTflite(partial, { file: "s.tflite", signature: "sum" })).code).toBe(
      "bad-file",
    );
    const outside = buildSigned([model], [{ ...signature, outputs: { 99: "total" } }]);
    expect(refusal(() => importTflite(outside, { file: "s.tflite", signature: "sum" })).code).toBe(
      "bad-file",
    );
  });
});

/** Operators whose form or meaning changed between operator sets 7 and 25: each form, read by its own set. */
import { describe, expect, it } from "vitest";
import { optimize } from "../../src/graph/passes/index.ts";
import { floats, ints, type NodeSpec, onnxModel, type TensorSpec } from "../helpers/onnx-builder.ts";
import { runReference } from "../reference/run.ts";
import { open, refusal } from "./onnx-open.ts";

interface Form {
  opset: number;
  op?: string;
  attributes?: NodeSpec["attributes"];
  /** Inputs behind x; null is one that is left out. */
  constants?: (TensorSpec | null)[];
  outputs?: string[];
}

function model(
  op: string,
  shape: number[],
  { opset, attributes, constants = [], outputs, ...form }: Form,
): Uint8Array {
  const named = constants.map((spec, i) => spec && { ...spec, name: `c${i}` });
  return onnxModel({
    nodes: [
      {
        op: form.op ?? op,
        inputs: ["x", ...named.map((spec) => spec?.name ?? "")],
        outputs: outputs ?? ["y"],
        ...(attributes && { attributes }),
      },
    ],
    inputs: [{ name: "x", shape }],
    outputs: [{ name: "y" }],
    initializers: named.filter((spec) => spec !== null),
    opset,
  });
}

/** Shape and values of y, where x counts from 0; the same with the passes. */
function resultOf(bytes: Uint8Array, shape: number[]): { shape: number[]; values: number[] } {
  const x = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i);
  const [plain, optimized] = [open(bytes), optimize(open(bytes))].map((graph) => ({
    shape: graph.outputs[0]!.shape,
    values: Array.from(runReference(graph, [x]).get(graph.outputs[0]!) as Float32Array),
  }));
  expect(optimized).toEqual(plain);
  return plain!;
}

const bool = (value: number): TensorSpec => ({ dims: [], type: "bool", int32s: [value] });
const real = (...values: number[]): TensorSpec => floats("", [values.length], values);
const number = (value: number): TensorSpec => floats("", [], [value]);
const list = (...values: number[]): TensorSpec => ints("", values);

const cases: [op: string, shape: number[], forms: Form[], expected: { shape: number[]; values: number[] }][] =
  [
    [
      "Slice",
      [3, 4],
      [
        { opset: 9, attributes: { starts: [1, -3], ends: [1000, -1], axes: [0, 1] } },
        { opset: 9, attributes: { starts: [1, 1], ends: [3, 3] } },
        { opset: 10, constants: [list(1, -3), list(1000, -1), list(0, 1)] },
        { opset: 13, constants: [list(1, 1), list(3, 3), null, list(1, 1)] },
      ],
      { shape: [2, 2], values: [5, 6, 9, 10] },
    ],
    [
      "ReduceSum",
      [2, 3],
      [
        { opset: 7, attributes: { axes: [1], keepdims: 0 } },
        { opset: 11, attributes: { axes: [-1], keepdims: 0 } },
        { opset: 13, attributes: { keepdims: 0 }, constants: [list(1)] },
        { opset: 21, attributes: { keepdims: 0 }, constants: [list(-1)] },
      ],
      { shape: [2], values: [3, 12] },
    ],
    [
      "ReduceMax",
      [2, 3],
      [
        { opset: 13, attributes: { axes: [0], keepdims: 1 } },
        { opset: 18, constants: [list(0)] },
        { opset: 20, constants: [list(0)] },
      ],
      { shape: [1, 3], values: [3, 4, 5] },
    ],
    [
      "ReduceMean",
      [2, 2],
      [{ opset: 13 }, { opset: 18 }, { opset: 18, attributes: { noop_with_empty_axes: 0 } }],
      { shape: [1, 1], values: [1.5] },
    ],
    [
      "ReduceSum",
      [2, 2],
      [{ opset: 13, attributes: { noop_with_empty_axes: 1 } }],
      { shape: [2, 2], values: [0, 1, 2, 3] },
    ],
    [
      "Split",
      [4],
      [
        { opset: 7, attributes: { split: [1, 3] }, outputs: ["z", "y"] },
        { opset: 11, attributes: { split: [1, 3], axis: -1 }, outputs: ["z", "y"] },
        { opset: 13, constants: [list(1, 3)], outputs: ["z", "y"] },
        { opset: 18, constants: [list(1, 3)], outputs: ["z", "y"] },
      ],
      { shape: [3], values: [1, 2, 3] },
    ],
    [
      "Split",
      [5],
      [{ opset: 18, attributes: { num_outputs: 2 }, outputs: ["z", "y"] }],
      { shape: [2], values: [3, 4] },
    ],
    [
      "Dropout",
      [3],
      [
        { opset: 7, attributes: { ratio: { float: 0.9 } } },
        { opset: 10, attributes: { ratio: { float: 0.9 } }, outputs: ["y", "mask"] },
        { opset: 12, constants: [number(0.9)] },
        { opset: 13, constants: [number(0.9), bool(0)] },
      ],
      { shape: [3], values: [0, 1, 2] },
    ],
    [
      "BatchNormalization",
      [1, 2, 1, 1],
      [
        {
          opset: 7,
          constants: [real(2, 2), real(1, 1), real(0, 0), real(1, 1)],
          attributes: { spatial: 1, epsilon: { float: 0 } },
        },
        {
          opset: 9,
          constants: [real(2, 2), real(1, 1), real(0, 0), real(1, 1)],
          attributes: { epsilon: { float: 0 } },
        },
        {
          opset: 15,
          constants: [real(2, 2), real(1, 1), real(0, 0), real(1, 1)],
          attributes: { training_mode: 0, epsilon: { float: 0 } },
        },
      ],
      { shape: [1, 2, 1, 1], values: [1, 3] },
    ],
    [
      "Resize",
      [1, 1, 1, 2],
      [
        { opset: 7, op: "Upsample", attributes: { scales: { floats: [1, 1, 1, 2] } } },
        { opset: 9, op: "Upsample", constants: [real(1, 1, 1, 2)] },
        { opset: 10, constants: [real(1, 1, 1, 2)] },
        { opset: 11, constants: [null, real(1, 1, 1, 2)] },
        { opset: 13, constants: [null, null, list(1, 1, 1, 4)] },
        { opset: 18, constants: [null, real(2)], attributes: { axes: [3] } },
      ],
      { shape: [1, 1, 1, 4], values: [0, 0, 1, 1] },
    ],
    [
      "Pad",
      [2],
      [
        { opset: 7, attributes: { pads: [1, 0], value: { float: 9 } } },
        { opset: 11, constants: [list(1, 0), number(9)] },
        { opset: 18, constants: [list(1, 0), number(9), list(0)] },
        { opset: 25, constants: [list(1, 0), number(9), list(-1)] },
      ],
      { shape: [3], values: [9, 0, 1] },
    ],
    [
      "Clip",
      [4],
      [
        { opset: 7, attributes: { min: { float: 1 }, max: { float: 2 } } },
        { opset: 11, constants: [number(1), number(2)] },
        { opset: 13, constants: [number(1), number(2)] },
      ],
      { shape: [4], values: [1, 1, 2, 2] },
    ],
    [
      "Unsqueeze",
      [2],
      [
        { opset: 7, attributes: { axes: [0] } },
        { opset: 13, constants: [list(0)] },
        { opset: 25, constants: [list(-2)] },
      ],
      { shape: [1, 2], values: [0, 1] },
    ],
    [
      "Tile",
      [2],
      [
        { opset: 7, constants: [list(2)] },
        { opset: 13, constants: [list(2)] },
      ],
      { shape: [4], values: [0, 1, 0, 1] },
    ],
    [
      "Gemm",
      [1, 2],
      [
        { opset: 7, constants: [floats("", [2, 1], [1, 2]), real(3)], attributes: { beta: { float: 2 } } },
        { opset: 13, constants: [floats("", [1, 2], [1, 2]), number(6)], attributes: { transB: 1 } },
      ],
      { shape: [1, 1], values: [8] },
    ],
    [
      "MaxPool",
      [1, 1, 1, 3],
      [
        { opset: 7, attributes: { kernel_shape: [1, 2] } },
        { opset: 10, attributes: { kernel_shape: [1, 2], ceil_mode: 0, dilations: [1, 1] } },
        { opset: 22, attributes: { kernel_shape: [1, 2] } },
      ],
      { shape: [1, 1, 1, 2], values: [1, 2] },
    ],
  ];

describe.each(cases)("%s of %j", (op, shape, forms, expected) => {
  it.each(forms)("in operator set $opset", (form) => {
    expect(resultOf(model(op, shape, form), shape)).toEqual(expected);
  });
});

describe("Softmax", () => {
  const sums = (opset: number, attributes: NodeSpec["attributes"]): number[] => {
    const { values } = resultOf(
      model("Softmax", [2, 2, 2], { opset, attributes: attributes ?? {} }),
      [2, 2, 2],
    );
    return [values.slice(0, 2), values.slice(0, 4)].map(
      (part) => Math.round(1e6 * part.reduce((a, b) => a + b)) / 1e6,
    );
  };

  it("takes everything from its axis on as one row before set 13, and one dimension since", () => {
    expect(sums(11, {})[1]).toBe(1);
    expect(sums(11, { axis: 2 })[0]).toBe(1);
    expect(sums(13, {})[0]).toBe(1);
    expect(sums(13, { axis: -1 })[0]).toBe(1);
    expect(sums(13, { axis: 1 })).not.toContain(1);
  });
});

describe("what only training computes is refused by name", () => {
  it.each<[string, number[], Form, RegExp]>([
    ["Dropout", [2], { opset: 13, constants: [number(0.5), bool(1)] }, /Dropout → "y": training_mode 1/],
    [
      "BatchNormalization",
      [1, 1],
      { opset: 14, constants: [real(1), real(1), real(1), real(1)], attributes: { training_mode: 1 } },
      /BatchNormalization → "y": training_mode 1/,
    ],
    [
      "BatchNormalization",
      [1, 1],
      { opset: 7, constants: [real(1), real(1), real(1), real(1)], attributes: { spatial: 0 } },
      /BatchNormalization → "y": spatial 0/,
    ],
  ])("%s", (op, shape, form, message) => {
    const { code, message: found } = refusal(() => open(model(op, shape, form)));
    expect(code).toBe("unsupported");
    expect(found).toMatch(message);
  });
});

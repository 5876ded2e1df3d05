import { describe, expect, it } from "vitest";
import { floats, ints, onnxModel, singleOperator } from "../helpers/onnx-builder.ts";
import { open, refusal } from "./onnx-open.ts";

describe("constant folding", () => {
  it("resolves the Shape → Gather → Unsqueeze → Concat → Reshape chain of PyTorch", () => {
    const graph = open(
      onnxModel({
        nodes: [
          { op: "Shape", inputs: ["x"], outputs: ["s"] },
          {
            op: "Constant",
            outputs: ["zero"],
            attributes: { value: { tensor: { dims: [], type: "int64", int64s: [0] } } },
          },
          { op: "Gather", inputs: ["s", "zero"], outputs: ["n"], attributes: { axis: 0 } },
          { op: "Unsqueeze", inputs: ["n", "axes"], outputs: ["n1"] },
          { op: "Concat", inputs: ["n1", "rest"], outputs: ["shape"], attributes: { axis: 0 } },
          { op: "Reshape", inputs: ["x", "shape"], outputs: ["y"] },
        ],
        inputs: [{ name: "x", shape: ["batch", 3, 4] }],
        outputs: [{ name: "y" }],
        initializers: [ints("axes", [0]), ints("rest", [-1])],
      }),
    );
    expect(graph.nodes.map((node) => node.op)).toEqual(["reshape"]);
    expect(graph.outputs[0].shape).toEqual([1, 12]);
  });

  it("resolves the pads that PyTorch computes", () => {
    const graph = open(
      onnxModel({
        nodes: [
          {
            op: "ConstantOfShape",
            inputs: ["four"],
            outputs: ["zeros"],
            attributes: { value: { tensor: { dims: [1], type: "int64", int64s: [0] } } },
          },
          { op: "Concat", inputs: ["torch", "zeros"], outputs: ["all"], attributes: { axis: 0 } },
          { op: "Reshape", inputs: ["all", "pairs"], outputs: ["matrix"] },
          { op: "Slice", inputs: ["matrix", "last", "before", "axis", "back"], outputs: ["reversed"] },
          { op: "Transpose", inputs: ["reversed"], outputs: ["turned"], attributes: { perm: [1, 0] } },
          { op: "Reshape", inputs: ["turned", "flat"], outputs: ["listed"] },
          { op: "Cast", inputs: ["listed"], outputs: ["pads"], attributes: { to: 7 } },
          { op: "Pad", inputs: ["x", "pads"], outputs: ["y"] },
        ],
        inputs: [{ name: "x", shape: [1, 1, 5, 5] }],
        outputs: [{ name: "y" }],
        initializers: [
          ints("four", [4]),
          ints("torch", [1, 2, 3, 4]),
          ints("pairs", [-1, 2]),
          ints("last", [-1]),
          { name: "before", dims: [1], type: "int64", int64s: [-(2n ** 63n) + 1n] },
          ints("axis", [0]),
          ints("back", [-1]),
          ints("flat", [-1]),
        ],
      }),
    );
    // torch lists (left, right, top, bottom); ONNX wants all begins, then all ends.
    expect(graph.nodes[0].attributes).toEqual({ before: [0, 0, 3, 1], after: [0, 0, 4, 2], value: 0 });
  });

  it("computes with shapes in 64-bit integers", () => {
    const graph = open(
      onnxModel({
        nodes: [
          { op: "Shape", inputs: ["x"], outputs: ["s"], attributes: { start: 1 } },
          { op: "ReduceProd", inputs: ["s"], outputs: ["p"], attributes: { axes: [0], keepdims: 1 } },
          { op: "Mul", inputs: ["p", "two"], outputs: ["m"] },
          { op: "Div", inputs: ["m", "four"], outputs: ["d"] },
          { op: "Concat", inputs: ["d", "open"], outputs: ["shape"], attributes: { axis: 0 } },
          { op: "Reshape", inputs: ["x", "shape"], outputs: ["y"] },
        ],
        inputs: [{ name: "x", shape: [2, 3, 4] }],
        outputs: [{ name: "y" }],
        initializers: [ints("two", [2]), ints("four", [4]), ints("open", [-1])],
        opset: 15,
      }),
    );
    expect(graph.outputs[0].shape).toEqual([6, 4]);
  });
});

describe("inputs", () => {
  const relu = (shape?: (number | string)[]) =>
    onnxModel({
      nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }],
      inputs: [shape ? { name: "x", shape } : { name: "x" }],
      outputs: [{ name: "y" }],
    });

  it("takes an open first dimension as a batch of 1", () => {
    expect(open(relu(["N", 3])).inputs[0].shape).toEqual([1, 3]);
    expect(open(relu([-1, 3])).inputs[0].shape).toEqual([1, 3]);
    expect(open(relu(["N", 3]), { x: [4, 3] }).outputs[0].shape).toEqual([4, 3]);
  });

  it("asks for other open dimensions by name", () => {
    const error = refusal(() => open(relu(["N", "samples"])));
    expect(error.code).toBe("unsupported");
    expect(error.message).toMatch(/input "x": dimension 1 \("samples"\).*inputShapes: \{ "x": \[1, \?\] \}/);
    expect(open(relu(["N", "samples"]), { x: [1, 160] }).inputs[0].shape).toEqual([1, 160]);
    expect(refusal(() => open(relu())).message).toMatch(/its shape is not in the file/);
    expect(open(relu(), { x: [5] }).inputs[0].shape).toEqual([5]);
  });

  it("refuses shapes that do not fit", () => {
    for (const shape of [[1, 4], [1], [1, 3, 1], [1.5, 3]]) {
      const error = refusal(() => open(relu(["N", 3]), { x: shape }));
      expect(error.code).toBe("bad-input");
      expect(error.message).toMatch(/expected a shape that fits \[N, 3\]/);
    }
    const { code, message } = refusal(() => open(relu(["N", 3]), { x: [0, 3] }));
    expect(code).toBe("unsupported");
    expect(message).toMatch(/input "x": a tensor without elements, \[0, 3\]/);
    expect(refusal(() => open(relu([1, 3]), { z: [1, 3] })).message).toMatch(/"z", which is no input/);
  });
});

describe("order", () => {
  const chain = (nodes: [string, string][]) =>
    onnxModel({
      nodes: nodes.map(([from, to]) => ({ op: "Relu", name: to, inputs: [from], outputs: [to] })),
      inputs: [{ name: "x", shape: [2] }],
      outputs: [{ name: "y" }],
    });

  it("sorts nodes that stand before what they read", () => {
    const graph = open(
      chain([
        ["b", "y"],
        ["a", "b"],
        ["x", "a"],
      ]),
    );
    expect(graph.nodes.map((node) => node.name)).toEqual(["a", "b", "y"]);
  });

  it("refuses cycles, values made twice and values nobody makes", () => {
    expect(
      refusal(() =>
        open(
          chain([
            ["b", "a"],
            ["a", "b"],
            ["b", "y"],
          ]),
        ),
      ).message,
    ).toMatch(/without a cycle/);
    expect(
      refusal(() =>
        open(
          chain([
            ["x", "y"],
            ["x", "y"],
          ]),
        ),
      ).message,
    ).toMatch(/only producer of "y"/);
    expect(refusal(() => open(chain([["z", "y"]]))).message).toMatch(/found no value "z"/);
    expect(refusal(() => open(chain([["x", "a"]]))).message).toMatch(/output "y": expected a value/);
  });
});

describe("refusals", () => {
  it("lists all that is not supported in one error", () => {
    const error = refusal(() =>
      open(
        onnxModel({
          nodes: [
            { op: "Scan", name: "scan_1", inputs: ["x"], outputs: ["a"] },
            { op: "Scan", name: "scan_2", inputs: ["a"], outputs: ["b"] },
            { op: "Relu", inputs: ["b"], outputs: ["c"] },
            { op: "TreeEnsemble", domain: "ai.onnx.ml", inputs: ["c"], outputs: ["d"] },
            {
              op: "Pad",
              name: "mirror",
              inputs: ["x", "pads"],
              outputs: ["e"],
              attributes: { mode: "diagonal" },
            },
            { op: "Dropout", inputs: ["x"], outputs: ["f", "mask"] },
            { op: "Relu", inputs: ["mask"], outputs: ["g"] },
          ],
          inputs: [{ name: "x", shape: [1, 2] }],
          outputs: [{ name: "d" }, { name: "e" }, { name: "g" }],
          initializers: [ints("pads", [0, 1, 0, 1])],
          domains: { "ai.onnx.ml": 3 },
        }),
      ),
    );
    expect(error.code).toBe("unsupported");
    expect(error.message).toBe(
      "model.onnx: expected only supported operators, found " +
        'ai.onnx::Scan ×2 (first "scan_1", opset 13); ' +
        'ai.onnx.ml::TreeEnsemble ×1 (first "d", opset 3); ' +
        'Pad "mirror": mode diagonal; Dropout → "f": its output 1 "mask" is used',
    );
  });

  it.each([6, 26])("refuses opset %i", (opset) => {
    const error = refusal(() => open(singleOperator("Relu", [1], { opset })));
    expect(error.code).toBe("unsupported");
    expect(error.message).toMatch(new RegExp(`operator set 7 to 25, found ${opset}`));
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["MatMul of two inputs", singleOperator("MatMul", [2, 2], { constants: [] }), /expected an input 1/],
    [
      "a 3-D convolution",
      singleOperator("Conv", [1, 1, 2, 2, 2], { constants: [floats("w", [1, 1, 1, 1, 1])] }),
      /5-dimensional operand/,
    ],
    [
      "negative pads that leave nothing",
      singleOperator("Pad", [2], { constants: [ints("p", [-1, -1])] }),
      /negative pads that leave nothing/,
    ],
    [
      "dilated pools",
      singleOperator("MaxPool", [1, 1, 4, 4], { attributes: { kernel_shape: [2, 2], dilations: [2, 2] } }),
      /dilations in a pool/,
    ],
    [
      "a remainder of floats",
      singleOperator("Mod", [1], { attributes: { fmod: 1 }, constants: [floats("d", [1], [2])] }),
      /float32 operands/,
    ],
    [
      "training",
      singleOperator("BatchNormalization", [1, 1], {
        attributes: { training_mode: 1 },
        constants: ["a", "b", "c", "d"].map((n) => floats(n, [1])),
      }),
      /training_mode 1/,
    ],
  ])("refuses %s", (_, bytes, message) => {
    expect(refusal(() => open(bytes)).message).toMatch(message);
  });
});

import { describe, expect, it } from "vitest";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { floats, type NodeSpec, onnxModel, type TensorSpec } from "../helpers/onnx-builder.ts";
import { open } from "./onnx-open.ts";

const build = (nodes: NodeSpec[], initializers: TensorSpec[]): Graph =>
  optimize(
    open(
      onnxModel({
        nodes,
        inputs: [{ name: "x", shape: [1, 2, 3, 3] }],
        outputs: [{ name: "y" }],
        initializers,
        opset: 21,
      }),
    ),
  );

const weightsOf = ({ nodes }: Graph): Tensor => nodes.find(({ op }) => op === "conv2d")!.inputs[1]!;

describe("weights that are Constant nodes", () => {
  const weights = floats("w", [2, 2, 2, 2]);
  const bias = floats("b", [2], [0.5, -0.5]);
  const conv: NodeSpec = { op: "Conv", inputs: ["x", "w", "b"], outputs: ["y"] };
  const asNode = (tensor: TensorSpec): NodeSpec => ({
    op: "Constant",
    outputs: [tensor.name!],
    attributes: { value: { tensor } },
  });

  it("pack to the same file as initializers, wherever the nodes stand", () => {
    const stored = pack(build([conv], [weights, bias])).bytes;
    expect(pack(build([asNode(weights), asNode(bias), conv], [])).bytes).toEqual(stored);
    expect(pack(build([conv, asNode(bias), asNode(weights)], [])).bytes).toEqual(stored);
  });
});

describe("zeros of pruned weights stay zeros", () => {
  const isKept = (i: number) => i % 3 === 0;
  const pattern = Array.from({ length: 16 }, (_, i) => isKept(i));
  /** Weights lie channels last in the graph: the order of the file is that of NCHW. */
  const survives = (tensor: Tensor, zero: number): boolean[] => {
    const [o, h, w, c] = tensor.shape as [number, number, number, number];
    const at = (i: number) => {
      const [n, channel, row, column] = [
        Math.floor(i / (c * h * w)),
        Math.floor(i / (h * w)) % c,
        Math.floor(i / w) % h,
        i % w,
      ];
      return ((n * h + row) * w + column) * c + channel;
    };
    return Array.from({ length: o * h * w * c }, (_, i) => Number(tensor.data![at(i)]) !== zero);
  };

  it("through a batch normalization that goes into them", () => {
    const list = pattern.map((kept, i) => (kept ? i - 7.5 : 0));
    const graph = build(
      [
        { op: "Conv", inputs: ["x", "w"], outputs: ["c"] },
        { op: "BatchNormalization", inputs: ["c", "g", "h", "m", "v"], outputs: ["y"] },
      ],
      [
        floats("w", [2, 2, 2, 2], list),
        floats("g", [2], [0.3, -7]),
        floats("h", [2], [1, 2]),
        floats("m", [2], [0.1, -3]),
        floats("v", [2], [2, 0.01]),
      ],
    );
    expect(graph.nodes.some(({ op }) => op === "mul")).toBe(false);
    expect(survives(weightsOf(graph), 0)).toEqual(pattern);
  });

  it.each([
    ["int8", 0],
    ["uint8", 131],
  ] as const)("as stored %s around %i", (type, zero) => {
    const list = pattern.map((kept, i) => (kept ? zero + i - 8 : zero));
    const one = (name: string, value: number, of: "int8" | "uint8"): TensorSpec => ({
      name,
      dims: [],
      type: of,
      int32s: [value],
    });
    const graph = build(
      [
        { op: "QuantizeLinear", inputs: ["x", "s", "z"], outputs: ["q"] },
        { op: "QLinearConv", inputs: ["q", "s", "z", "w", "ws", "wz", "s", "z"], outputs: ["r"] },
        { op: "DequantizeLinear", inputs: ["r", "s", "z"], outputs: ["y"] },
      ],
      [
        floats("s", [], [0.1]),
        one("z", 3, type),
        { name: "w", dims: [2, 2, 2, 2], type, int32s: list },
        floats("ws", [], [0.02]),
        one("wz", zero, type),
      ],
    );
    const weights = weightsOf(graph);
    expect(weights.dtype).toBe(type);
    expect(survives(weights, weights.quantization!.zeroPoint[0]!)).toEqual(pattern);
  });
});

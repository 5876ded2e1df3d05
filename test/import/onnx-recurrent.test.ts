import { describe, expect, it } from "vitest";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { type AttributeSpec, floats, onnxModel, type TensorSpec } from "../helpers/onnx-builder.ts";
import { runReference } from "../reference/run.ts";

const gateCounts = { LSTM: 4, GRU: 3, RNN: 1 };

interface Options {
  op: keyof typeof gateCounts;
  directions?: number;
  attributes?: Record<string, AttributeSpec>;
  /** Values for the inputs from sequence_lens on. */
  more?: TensorSpec[];
  outputs?: string[];
  xShape?: number[];
}

/** x [3, 2, 4] through `directions` directions of 5 cells. */
function graphOf({
  op,
  directions = 1,
  attributes = {},
  more = [],
  outputs = ["y"],
  xShape = [3, 2, 4],
}: Options): Graph {
  const rows = gateCounts[op] * 5;
  const initializers = [
    floats("w", [directions, rows, 4]),
    floats("r", [directions, rows, 5]),
    floats("b", [directions, 2 * rows]),
    ...more.filter(({ name }) => name),
  ];
  const inputs = ["x", "w", "r", "b", ...more.map(({ name }) => name ?? "")];
  const bytes = onnxModel({
    nodes: [{ op, name: "cell", inputs, outputs, attributes: { hidden_size: 5, ...attributes } }],
    inputs: [{ name: "x", shape: xShape }],
    outputs: outputs.filter((name) => name !== "").map((name) => ({ name })),
    initializers,
  });
  return importOnnx(bytes, { file: "cell.onnx" });
}

const cellsOf = ({ nodes }: Graph) =>
  nodes.filter((node): node is Extract<Node, { op: "recurrent" }> => node.op === "recurrent");

function refusal(options: Options): string {
  try {
    graphOf(options);
  } catch (error) {
    if (error instanceof NibbleError && error.code === "unsupported") return error.message;
    throw error;
  }
  throw new Error("the model was imported");
}

describe("ONNX recurrent operators", () => {
  it("puts the gates of an LSTM in the graph's order and adds up its biases", () => {
    const [node] = cellsOf(graphOf({ op: "LSTM" }));
    // floats() counts from 1: row n of w begins with 4 · n + 1; ONNX has the gates i, o, f, c.
    const w = node!.inputs[1]!.data as Float32Array;
    expect([0, 5, 10, 15].map((row) => w[row * 4])).toEqual([1, 41, 61, 21]);
    const b = node!.inputs[3]!.data as Float32Array;
    expect([0, 5, 10, 15].map((row) => b[row])).toEqual([1 + 21, 11 + 31, 16 + 36, 6 + 26]);
    expect(node!.attributes).toEqual({ cell: "lstm", reverse: false, cellClip: Infinity });
    expect(node!.inputs[5]!.data).toEqual(new Float32Array(10));
  });

  it("keeps the candidate's recurrent bias apart where the reset follows the product", () => {
    const [plain] = cellsOf(graphOf({ op: "GRU" }));
    const [after] = cellsOf(graphOf({ op: "GRU", attributes: { linear_before_reset: 1 } }));
    expect([plain!.attributes.cell, after!.attributes.cell]).toEqual(["gru", "gruResetAfter"]);
    expect(plain!.inputs[4]).toBeNull();
    expect(Array.from(after!.inputs[4]!.data as Float32Array)).toEqual([26, 27, 28, 29, 30]);
    expect((after!.inputs[3]!.data as Float32Array)[10]).toBe(11);
    expect((plain!.inputs[3]!.data as Float32Array)[10]).toBe(11 + 26);
  });

  it.each([
    ["forward", 1, [false]],
    ["reverse", 1, [true]],
    ["bidirectional", 2, [false, true]],
  ] as const)("%s: one node a direction, and all outputs", (direction, directions, reverse) => {
    const graph = graphOf({ op: "LSTM", directions, attributes: { direction }, outputs: ["y", "h", "c"] });
    expect(cellsOf(graph).map(({ attributes }) => attributes.reverse)).toEqual(reverse);
    expect(graph.outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ["y", [3, directions, 2, 5]],
      ["h", [directions, 2, 5]],
      ["c", [directions, 2, 5]],
    ]);
  });

  it("batch first gives the values of time first, moved", () => {
    const x = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
    const moved = Float32Array.from(x, (_, i) => {
      const [batch, step, k] = [Math.floor(i / 12), Math.floor(i / 4) % 3, i % 4];
      return x[(step * 2 + batch) * 4 + k]!;
    });
    const first = graphOf({
      op: "GRU",
      directions: 2,
      attributes: { direction: "bidirectional", layout: 1 },
      xShape: [2, 3, 4],
    });
    const last = graphOf({ op: "GRU", directions: 2, attributes: { direction: "bidirectional" } });
    expect(first.outputs[0]!.shape).toEqual([2, 3, 2, 5]);
    const a = runReference(first, [moved]).get(first.outputs[0]!)!;
    const b = runReference(last, [x]).get(last.outputs[0]!)!;
    for (let i = 0; i < 60; i++) {
      const [batch, step, direction, j] = [
        Math.floor(i / 30),
        Math.floor(i / 10) % 3,
        Math.floor(i / 5) % 2,
        i % 5,
      ];
      expect(a[i]).toBe(b[((step * 2 + direction) * 2 + batch) * 5 + j]);
    }
  });

  it("begins with what it is given, and takes lengths that say nothing", () => {
    const lengths: TensorSpec = { name: "lengths", dims: [2], type: "int32", int32s: [3, 3] };
    const [node] = cellsOf(graphOf({ op: "RNN", more: [lengths, floats("h0", [1, 2, 5])] }));
    expect(Array.from(node!.inputs[5]!.data as Float32Array)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("may leave its first output out", () => {
    const graph = graphOf({ op: "GRU", outputs: ["", "h"] });
    expect(graph.outputs.map(({ name, shape }) => [name, shape])).toEqual([["h", [1, 2, 5]]]);
  });

  it("refuses variants by name", () => {
    const lengths: TensorSpec = { name: "lengths", dims: [2], type: "int32", int32s: [3, 2] };
    const none: TensorSpec = { dims: [], type: "float" };
    const peephole = floats("p", [1, 15]);
    const said = (options: Options) => refusal(options).replace(/^.*LSTM "cell": /, "");
    expect(said({ op: "LSTM", attributes: { clip: { float: 1 } } })).toBe(
      "clip, which bounds the gates' inputs",
    );
    expect(said({ op: "LSTM", attributes: { input_forget: 1 } })).toBe(
      "input_forget, which couples two gates",
    );
    expect(said({ op: "LSTM", attributes: { activations: { strings: ["Sigmoid", "Relu", "Tanh"] } } })).toBe(
      "activations Sigmoid, Relu, Tanh; only Sigmoid, Tanh, Tanh are supported",
    );
    expect(said({ op: "LSTM", more: [lengths] })).toBe(
      "sequence_lens other than 3, the length of all sequences",
    );
    expect(said({ op: "LSTM", more: [none, none, none, peephole] })).toBe("peephole weights other than 0");
  });
});

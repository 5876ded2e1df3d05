import { describe, expect, it } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import {
  floats,
  type ModelSpec,
  onnxFunction,
  onnxGraph,
  onnxModel,
  type TensorSpec,
} from "../helpers/onnx-builder.ts";
import { runReference } from "../reference/run.ts";

const file = "model.onnx";

function refusal(work: () => unknown): NibbleError {
  try {
    work();
  } catch (error) {
    if (error instanceof NibbleError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const run = (graph: Graph, ...inputs: Float32Array[]): number[] =>
  Array.from(runReference(graph, inputs).get(graph.outputs[0]) as Float32Array);

const rate = (value: number): TensorSpec => ({ name: "r16", dims: [], type: "int64", int64s: [value] });

/** y = sr is 16000 ? x + two · shared : x · three, with the names of both branches alike. */
const branching: ModelSpec = {
  nodes: [
    {
      op: "If",
      name: "choose",
      inputs: ["is16"],
      outputs: ["y"],
      attributes: {
        then_branch: {
          graph: onnxGraph({
            nodes: [
              { op: "Add", inputs: ["x", "p"], outputs: ["out"] },
              { op: "Mul", inputs: ["c", "shared"], outputs: ["p"] },
            ],
            inputs: [],
            outputs: [{ name: "out" }],
            initializers: [floats("c", [], [2])],
          }),
        },
        else_branch: {
          graph: onnxGraph({
            nodes: [
              { op: "Unheard", inputs: ["x"], outputs: ["t"] },
              { op: "Mul", inputs: ["t", "c"], outputs: ["out"] },
            ],
            inputs: [],
            outputs: [{ name: "out" }],
            initializers: [floats("c", [], [3])],
          }),
        },
      },
    },
    { op: "Equal", inputs: ["sr", "r16"], outputs: ["is16"] },
    { op: "Exp", inputs: ["x"], outputs: ["shared"] },
  ],
  inputs: [
    { name: "x", shape: [2] },
    { name: "sr", type: "int64", shape: [] },
  ],
  outputs: [{ name: "y" }],
  initializers: [rate(16000)],
};

describe("If", () => {
  it("becomes its branch when an input is fixed; nodes may come in any order", () => {
    const graph = importOnnx(onnxModel(branching), { file, inputValues: { sr: 16000 } });
    expect(graph.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(graph.outputs.map(({ name }) => name)).toEqual(["y"]);
    expect(graph.nodes.map(({ op }) => op).sort()).toEqual(["add", "mul", "unary"]);
    for (const version of [graph, optimize(graph)])
      expect(run(version, Float32Array.of(0, 0))).toEqual([2, 2]);
  });

  it("is refused by what the chosen branch lacks, not by the other's lacks", () => {
    const { message } = refusal(() => importOnnx(onnxModel(branching), { file, inputValues: { sr: 8000 } }));
    expect(message).toMatch(/ai\.onnx::Unheard ×1/);
  });

  it("is refused with its condition where that is computed, and with the way out", () => {
    const { code, message } = refusal(() => importOnnx(onnxModel(branching), { file }));
    expect(code).toBe("unsupported");
    expect(message).toMatch(/If "choose": a condition computed at run time .*inputValues/);
  });

  it("nests", () => {
    const inner = {
      op: "If",
      inputs: ["yes"],
      outputs: ["out"],
      attributes: {
        then_branch: {
          graph: onnxGraph({
            nodes: [{ op: "Mul", inputs: ["h", "two"], outputs: ["out"] }],
            inputs: [],
            outputs: [{ name: "out" }],
          }),
        },
        else_branch: { graph: onnxGraph({ nodes: [], inputs: [], outputs: [{ name: "h" }] }) },
      },
    };
    const outer = {
      op: "If",
      inputs: ["yes"],
      outputs: ["y"],
      attributes: {
        then_branch: {
          graph: onnxGraph({
            nodes: [{ op: "Relu", inputs: ["x"], outputs: ["h"] }, inner],
            inputs: [],
            outputs: [{ name: "out" }],
            initializers: [floats("two", [], [2])],
          }),
        },
        else_branch: { graph: onnxGraph({ nodes: [], inputs: [], outputs: [{ name: "x" }] }) },
      },
    };
    const graph = importOnnx(
      onnxModel({
        nodes: [outer],
        inputs: [{ name: "x", shape: [3] }],
        outputs: [{ name: "y" }],
        initializers: [{ name: "yes", dims: [], type: "bool", int32s: [1] }],
      }),
      { file },
    );
    expect(run(graph, Float32Array.of(-1, 2, 3))).toEqual([0, 4, 6]);
  });
});

describe("inputValues", () => {
  const open = (inputValues: Record<string, number | number[]>) =>
    importOnnx(
      onnxModel({
        nodes: [{ op: "Add", inputs: ["x", "k"], outputs: ["y"] }],
        inputs: [
          { name: "x", shape: [2] },
          { name: "k", shape: [2] },
        ],
        outputs: [{ name: "y" }],
      }),
      { file, inputValues },
    );

  it("fill an input with one number or give all elements", () => {
    expect(run(open({ k: 5 }), Float32Array.of(1, 2))).toEqual([6, 7]);
    expect(run(open({ k: [5, 50] }), Float32Array.of(1, 2))).toEqual([6, 52]);
  });

  it("that do not fit are bad input", () => {
    expect(refusal(() => open({ k: [1, 2, 3] })).message).toMatch(/expected inputValues to hold 2 numbers/);
    expect(refusal(() => open({ z: 1 })).message).toMatch(/inputValues names "z", which is no input/);
    expect(refusal(() => open({ z: 1 })).code).toBe("bad-input");
  });
});

describe("functions of the model", () => {
  const leaky = onnxFunction({
    name: "Slope",
    domain: "mine",
    inputs: ["a"],
    outputs: ["b"],
    nodes: [
      { op: "LeakyRelu", inputs: ["a"], outputs: ["t"], attributes: { alpha: { refersTo: "slope" } } },
      { op: "Neg", inputs: ["t"], outputs: ["b"] },
    ],
    opset: 13,
  });
  const calls: ModelSpec = {
    nodes: [
      { op: "Slope", domain: "mine", inputs: ["x"], outputs: ["t"], attributes: { slope: { float: 0.5 } } },
      { op: "Slope", domain: "mine", inputs: ["t"], outputs: ["y"], attributes: { slope: { float: 0.25 } } },
    ],
    inputs: [{ name: "x", shape: [2] }],
    outputs: [{ name: "y" }],
    domains: { mine: 1 },
    functions: [leaky],
  };

  it("stand in place of their calls, with the calls' attributes", () => {
    const graph = importOnnx(onnxModel(calls), { file });
    // −8 → −4 → 4, then 4 → −4; 8 → −8, then −8 · ¼ → 2.
    expect(run(graph, Float32Array.of(-8, 8))).toEqual([-4, 2]);
  });

  it("that call themselves are refused", () => {
    const endless = onnxFunction({
      name: "Slope",
      domain: "mine",
      inputs: ["a"],
      outputs: ["b"],
      nodes: [{ op: "Slope", domain: "mine", inputs: ["a"], outputs: ["b"] }],
      opset: 13,
    });
    const { code, message } = refusal(() =>
      importOnnx(onnxModel({ ...calls, functions: [endless] }), { file }),
    );
    expect(code).toBe("unsupported");
    expect(message).toMatch(/function mine::Slope: calls nested more than 16 deep/);
  });

  it("for other operator sets stay unknown operators", () => {
    const other = onnxFunction({
      name: "Slope",
      domain: "mine",
      inputs: ["a"],
      outputs: ["b"],
      nodes: [],
      opset: 20,
    });
    const { message } = refusal(() => importOnnx(onnxModel({ ...calls, functions: [other] }), { file }));
    expect(message).toMatch(/mine::Slope ×2/);
  });
});

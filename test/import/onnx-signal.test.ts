/** ONNX windows, mel filters and transforms with what they need in constants. */

import { describe, expect, test } from "vitest";
import { optimize } from "../../src/graph/passes/index.ts";
import { floats, ints, type NodeSpec, onnxModel, type TensorSpec } from "../helpers/onnx-builder.ts";
import { expectExact } from "../kernels/exact.ts";
import { runReference } from "../reference/run.ts";
import { open, refusal } from "./onnx-open.ts";

const whole = (name: string, value: number): TensorSpec => ({
  name,
  dims: [],
  type: "int64",
  int64s: [value],
});

/** y = x + the result of `made`, whose inputs are the constants. */
const added = (made: NodeSpec, shape: number[], constants: TensorSpec[]): Uint8Array =>
  onnxModel({
    nodes: [
      { ...made, inputs: constants.map(({ name }) => name!), outputs: ["made"] },
      { op: "Add", inputs: ["x", "made"], outputs: ["y"] },
    ],
    inputs: [{ name: "x", shape }],
    outputs: [{ name: "y" }],
    initializers: constants,
    opset: 17,
  });

function valuesOf(bytes: Uint8Array, count: number): number[] {
  const graph = optimize(open(bytes));
  const inputs = [new Float32Array(count)];
  expectExact({ graph, inputs });
  return Array.from(runReference(graph, inputs).get(graph.outputs[0]!)!, Number);
}

describe("windows", () => {
  const near = (found: number[], expected: number[]) => {
    expect(found).toHaveLength(expected.length);
    for (const [i, v] of found.entries()) expect(v).toBeCloseTo(expected[i]!, 6);
  };

  test.each([
    ["HannWindow", 1, [0, 0.25, 0.75, 1, 0.75, 0.25]],
    ["HannWindow", 0, [0, 0.3454915, 0.9045085, 0.9045085, 0.3454915, 0]],
    ["HammingWindow", 1, [0.0869565, 0.3152174, 0.7717391, 1, 0.7717391, 0.3152174]],
    ["BlackmanWindow", 1, [0, 0.13, 0.63, 1, 0.63, 0.13]],
    ["BlackmanWindow", 0, [0, 0.2007701, 0.8492299, 0.8492299, 0.2007701, 0]],
  ] as const)("%s, periodic %i", (op, periodic, expected) => {
    near(valuesOf(added({ op, attributes: { periodic } }, [6], [whole("size", 6)]), 6), [...expected]);
  });

  test("of a size computed at run time are refused", () => {
    const bytes = onnxModel({
      nodes: [{ op: "HannWindow", inputs: ["x"], outputs: ["y"] }],
      inputs: [{ name: "x", type: "int64", shape: [] }],
      outputs: [{ name: "y" }],
      opset: 17,
    });
    expect(refusal(() => open(bytes))).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining('the size of a window computed at run time ("x")'),
    });
  });
});

test("mel filters are triangles between whole bins", () => {
  const constants = [
    ...[whole("filters", 4), whole("length", 16), whole("rate", 8192)],
    ...[floats("low", [], [0]), floats("high", [], [4096])],
  ];
  const found = valuesOf(added({ op: "MelWeightMatrix" }, [9, 4], constants), 36);
  const column = (m: number) => Array.from({ length: 9 }, (_, bin) => found[4 * bin + m]!);
  // Edges as the standard words it: equally spaced in mel, in parts of which there are two more than filters.
  const mel = (hertz: number) => 2595 * Math.log10(1 + hertz / 700);
  const edges = Array.from({ length: 6 }, (_, i) => {
    const hertz = 700 * (10 ** ((i * mel(4096)) / 6 / 2595) - 1);
    return Math.floor((17 * hertz) / 8192);
  });
  expect(edges).toEqual([0, 0, 1, 2, 3, 5]);
  expect(column(0)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0]);
  expect(column(1)).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0]);
  expect(column(3)).toEqual([0, 0, 0, 1, 0.5, 0, 0, 0, 0]);
  for (let m = 0; m < 4; m++) {
    expect(Math.max(...column(m))).toBe(1);
    for (const v of column(m)) expect(v >= 0 && v <= 1).toBe(true);
  }
});

test("a windowed STFT of a power of two is the spectrum of each frame", () => {
  const bytes = onnxModel({
    nodes: [
      { op: "HannWindow", inputs: ["size"], outputs: ["window"] },
      { op: "STFT", inputs: ["x", "step", "window"], outputs: ["y"] },
    ],
    inputs: [{ name: "x", shape: [1, 40, 1] }],
    outputs: [{ name: "y" }],
    initializers: [whole("size", 16), whole("step", 8)],
    opset: 17,
  });
  const graph = optimize(open(bytes));
  expect(graph.nodes.some(({ op }) => op === "spectrum")).toBe(true);
  expect(graph.outputs[0]!.shape).toEqual([1, 4, 9, 2]);
  const x = Float32Array.from({ length: 40 }, (_, n) => Math.sin(n * 0.9) + 0.1 * n);
  expectExact({ graph, inputs: [x] });
  const found = runReference(graph, [x]).get(graph.outputs[0]!)!;
  for (let t = 0; t < 4; t++) {
    for (let k = 0; k < 9; k++) {
      let [re, im] = [0, 0];
      for (let n = 0; n < 16; n++) {
        const v = x[8 * t + n]! * (0.5 - 0.5 * Math.cos((2 * Math.PI * n) / 16));
        re += v * Math.cos((2 * Math.PI * k * n) / 16);
        im -= v * Math.sin((2 * Math.PI * k * n) / 16);
      }
      expect(Number(found[2 * (9 * t + k)])).toBeCloseTo(re, 5);
      expect(Number(found[2 * (9 * t + k) + 1])).toBeCloseTo(im, 5);
    }
  }
});

test("the inverse of one side gives back real samples, of odd lengths too", () => {
  for (const length of [6, 7]) {
    const bins = Math.floor(length / 2) + 1;
    const bytes = onnxModel({
      nodes: [
        { op: "DFT", inputs: ["x"], outputs: ["bins"], attributes: { axis: 1, onesided: 1 } },
        {
          op: "DFT",
          inputs: ["bins", "length"],
          outputs: ["y"],
          attributes: { axis: 1, onesided: 1, inverse: 1 },
        },
      ],
      inputs: [{ name: "x", shape: [2, length, 1] }],
      outputs: [{ name: "y" }],
      initializers: [ints("length", [length])],
      opset: 17,
    });
    const graph = optimize(open(bytes));
    const x = Float32Array.from({ length: 2 * length }, (_, n) => Math.cos(n * n));
    expect(graph.nodes.flatMap(({ outputs }) => outputs.map(({ shape }) => shape.join()))).toContain(
      `2,${2 * bins}`,
    );
    const found = runReference(graph, [x]).get(graph.outputs[0]!)!;
    for (const [n, v] of x.entries()) expect(Number(found[n])).toBeCloseTo(v, 5);
  }
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Attributes,
  arrayOf,
  type DType,
  elementCount,
  type Graph,
  type Node,
  noActivation,
  type OperatorName,
  type Rounding,
  type Tensor,
  type TensorData,
} from "../../src/graph/graph.ts";
import { evaluate } from "../helpers/evaluate.ts";
import { runReference } from "./run.ts";

const noPadding = { top: 0, left: 0, bottom: 0, right: 0 };

function tensor(
  name: string,
  shape: number[],
  dtype: DType = "float32",
  scale?: number,
  zeroPoint = 0,
): Tensor {
  const quantization = scale && {
    quantization: { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zeroPoint), axis: 0 },
  };
  return { name, shape, dtype, ...quantization };
}

const constant = (name: string, shape: number[], values: number[]): Tensor => ({
  ...tensor(name, shape),
  data: Float32Array.from(values),
});

function graphOf<K extends OperatorName>(
  op: K,
  attributes: Attributes[K],
  inputs: (Tensor | null)[],
  output: Tensor,
  rounding: Rounding = "single",
): Graph {
  const node = { op, name: op, inputs, outputs: [output], attributes } as unknown as Node;
  const variable = inputs.filter((input): input is Tensor => input !== null && !input.data);
  return { name: op, nodes: [node], inputs: variable, outputs: [output], rounding };
}

const run = (graph: Graph, ...inputs: TensorData[]): number[] =>
  Array.from(runReference(graph, inputs).get(graph.outputs[0]) as Float32Array);

const floats = (...values: number[]) => Float32Array.from(values);

describe("float32, by hand", () => {
  test("sums run tap by tap and round each time", () => {
    // 2^24 + 1 is lost, so the order of the sum shows: ((2^24 + 1) + 1) = 2^24, bias first.
    const weights = constant("w", [1, 3], [1, 1, 1]);
    const graph = graphOf(
      "fullyConnected",
      { activation: noActivation },
      [tensor("x", [1, 3]), weights, null],
      tensor("y", [1, 1]),
    );
    expect(run(graph, floats(2 ** 24, 1, 1))).toEqual([2 ** 24]);
    expect(run(graph, floats(1, 1, 2 ** 24))).toEqual([2 ** 24 + 2]);
  });

  test("padding multiplies a zero: infinite weights reach the border as NaN", () => {
    const weights = constant("w", [1, 1, 3, 1], [Infinity, 1, 1]);
    const window = { stride: [1, 1], dilation: [1, 1], groups: 1, activation: noActivation } as const;
    const attributes = {
      ...window,
      padding: { ...noPadding, left: 1, right: 1 },
    } as unknown as Attributes["conv2d"];
    const graph = graphOf(
      "conv2d",
      attributes,
      [tensor("x", [1, 1, 2, 1]), weights, null],
      tensor("y", [1, 1, 2, 1]),
    );
    expect(run(graph, floats(1, 2))).toEqual([Number.NaN, Infinity]);
  });

  test("convolution in groups, strided and dilated", () => {
    const weights = constant("w", [2, 1, 2, 1], [1, 10, 100, 1000]);
    const attributes = {
      stride: [1, 2],
      dilation: [1, 2],
      groups: 2,
      padding: noPadding,
      activation: noActivation,
    } as Attributes["conv2d"];
    const graph = graphOf(
      "conv2d",
      attributes,
      [tensor("x", [1, 1, 5, 2]), weights, constant("b", [2], [0.5, 0])],
      tensor("y", [1, 1, 2, 2]),
    );
    // channel 0: 1 2 3 4 5, channel 1: 6 7 8 9 10
    expect(run(graph, floats(1, 6, 2, 7, 3, 8, 4, 9, 5, 10))).toEqual([31.5, 8600, 53.5, 10800]);
  });

  test("depthwise output channel c reads input channel ⌊c / multiplier⌋", () => {
    const weights = constant("w", [1, 1, 2, 4], [1, 2, 3, 4, 10, 20, 30, 40]);
    const attributes = {
      stride: [1, 1],
      dilation: [1, 1],
      multiplier: 2,
      padding: noPadding,
      activation: { min: 0, max: 100 },
    } as Attributes["depthwiseConv2d"];
    const graph = graphOf(
      "depthwiseConv2d",
      attributes,
      [tensor("x", [1, 1, 2, 2]), weights, null],
      tensor("y", [1, 1, 1, 4]),
    );
    expect(run(graph, floats(1, 2, 3, 4))).toEqual([31, 62, 100, 100]);
  });

  test("pools count what the attribute says", () => {
    const pool = {
      kernel: [1, 2],
      stride: [1, 2],
      padding: { ...noPadding, left: 1 },
      activation: noActivation,
    } as const;
    const x = tensor("x", [1, 1, 3, 1]);
    const y = () => tensor("y", [1, 1, 2, 1]);
    const average = (countIncludePad: boolean) =>
      graphOf(
        "averagePool2d",
        { ...pool, countIncludePad } as unknown as Attributes["averagePool2d"],
        [x],
        y(),
      );
    expect(run(average(false), floats(4, 6, 8))).toEqual([4, 7]);
    expect(run(average(true), floats(4, 6, 8))).toEqual([2, 7]);
    const max = graphOf("maxPool2d", pool as unknown as Attributes["maxPool2d"], [x], y());
    expect(run(max, floats(-4, -6, -8))).toEqual([-4, -6]);
  });

  test("broadcasting, activation, mean, softmax, movement", () => {
    const add = graphOf(
      "add",
      { activation: { min: 0, max: 20 } },
      [tensor("a", [2, 1, 2]), tensor("b", [3, 1])],
      tensor("y", [2, 3, 2]),
    );
    expect(run(add, floats(1, 2, 3, -40), floats(10, 20, 30))).toEqual([
      11, 12, 20, 20, 20, 20, 13, 0, 20, 0, 20, 0,
    ]);
    const mean = graphOf(
      "mean",
      { axes: [0, 2], keepDims: false },
      [tensor("x", [2, 2, 2])],
      tensor("y", [2]),
    );
    expect(run(mean, floats(1, 2, 3, 4, 5, 6, 7, 8))).toEqual([3.5, 5.5]);
    const softmax = graphOf("softmax", { beta: 1 }, [tensor("x", [1, 2])], tensor("y", [1, 2]));
    expect(run(softmax, floats(-200, 1))).toEqual([0, 1]);
    const transpose = graphOf(
      "transpose",
      { perm: [2, 0, 1] },
      [tensor("x", [1, 2, 3])],
      tensor("y", [3, 1, 2]),
    );
    expect(run(transpose, floats(1, 2, 3, 4, 5, 6))).toEqual([1, 4, 2, 5, 3, 6]);
    const pad = graphOf(
      "pad",
      { before: [1, 0], after: [0, 2], value: 9 },
      [tensor("x", [1, 2])],
      tensor("y", [2, 4]),
    );
    expect(run(pad, floats(1, 2))).toEqual([9, 9, 9, 9, 1, 2, 9, 9]);
    const concat = graphOf(
      "concat",
      { axis: 1, activation: { min: 2, max: 5 } },
      [tensor("a", [2, 1]), tensor("b", [2, 2])],
      tensor("y", [2, 3]),
    );
    expect(run(concat, floats(1, 2), floats(3, 4, 5, 6))).toEqual([2, 3, 4, 2, 5, 5]);
  });
});

describe("int8, by hand", () => {
  test("padding of a convolution is the input's zero point", () => {
    const weights: Tensor = { ...tensor("w", [1, 1, 3, 1], "int8", 1), data: Int8Array.of(1, 2, 3) };
    const attributes = {
      stride: [1, 1],
      dilation: [1, 1],
      groups: 1,
      padding: { ...noPadding, left: 1, right: 1 },
      activation: noActivation,
    } as Attributes["conv2d"];
    const graph = graphOf(
      "conv2d",
      attributes,
      [tensor("x", [1, 1, 2, 1], "int8", 1, 5), weights, null],
      tensor("y", [1, 1, 2, 1], "int8", 1, -1),
    );
    expect(run(graph, Int8Array.of(6, 8))).toEqual([2 + 9 - 1, 1 + 6 - 1]);
  });

  test("PAD writes the zero point, a counted padding of a pool too", () => {
    const x = tensor("x", [1, 1, 1, 1], "int8", 0.5, -7);
    const pad = graphOf(
      "pad",
      { before: [0, 0, 1, 0], after: [0, 0, 0, 0], value: 0 },
      [x],
      tensor("y", [1, 1, 2, 1], "int8", 0.5, -7),
    );
    expect(run(pad, Int8Array.of(3))).toEqual([-7, 3]);
    const attributes = {
      kernel: [1, 2],
      stride: [1, 1],
      padding: { ...noPadding, left: 1 },
      activation: noActivation,
      countIncludePad: true,
    } as Attributes["averagePool2d"];
    const pool = graphOf("averagePool2d", attributes, [x], tensor("y", [1, 1, 1, 1], "int8", 0.5, -7));
    expect(run(pool, Int8Array.of(4))).toEqual([-2]);
  });

  test("unequal quantization of a pool is refused", () => {
    const attributes = {
      kernel: [1, 1],
      stride: [1, 1],
      padding: noPadding,
      activation: noActivation,
    } as Attributes["maxPool2d"];
    const graph = graphOf(
      "maxPool2d",
      attributes,
      [tensor("x", [1, 1, 1, 1], "int8", 0.5)],
      tensor("y", [1, 1, 1, 1], "int8", 0.25),
    );
    expect(() => run(graph, Int8Array.of(1))).toThrow(/equal quantization/);
  });
});

describe("against real-number evaluation of the same graph", () => {
  const dimensions = fc.record({
    height: fc.integer({ min: 1, max: 6 }),
    width: fc.integer({ min: 1, max: 6 }),
    kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
    dilation: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
    perGroup: fc.integer({ min: 1, max: 3 }),
    groups: fc.integer({ min: 1, max: 2 }),
    outputsPerGroup: fc.integer({ min: 1, max: 3 }),
    padding: fc.record({ top: pads(), left: pads(), bottom: pads(), right: pads() }),
    rounding: fc.constantFrom<Rounding>("single", "double"),
    dtype: fc.constantFrom<DType>("float32", "int8", "uint8"),
    seed: fc.integer({ min: 1, max: 1e6 }),
  });

  function pads() {
    return fc.integer({ min: 0, max: 2 });
  }

  const values = (dtype: DType, shape: number[], next: () => number): TensorData =>
    new (arrayOf(dtype) as Float32ArrayConstructor)(elementCount(shape)).map(() =>
      dtype === "float32" ? next() * 2 - 1 : Math.floor(next() * 256) - (dtype === "int8" ? 128 : 0),
    );

  test("convolutions", () => {
    fc.assert(
      fc.property(dimensions, (d) => {
        const size = (n: number, before: number, after: number, axis: 0 | 1) =>
          Math.floor((n + before + after - d.dilation[axis] * (d.kernel[axis] - 1) - 1) / d.stride[axis]) + 1;
        const height = size(d.height, d.padding.top, d.padding.bottom, 0);
        const width = size(d.width, d.padding.left, d.padding.right, 1);
        fc.pre(height > 0 && width > 0);
        let state = d.seed;
        const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
        const middle = d.dtype === "uint8" ? 128 : 0;
        const outputs = d.groups * d.outputsPerGroup;
        const weightShape = [outputs, ...d.kernel, d.perGroup];
        const weightType = d.dtype === "float32" ? "float32" : d.dtype;
        const quantized = d.dtype !== "float32";
        const x = tensor(
          "x",
          [1, d.height, d.width, d.groups * d.perGroup],
          d.dtype,
          quantized ? 0.05 : undefined,
          middle + 3,
        );
        const w: Tensor = {
          ...tensor("w", weightShape, weightType, quantized ? 0.02 : undefined, middle),
          data: values(weightType, weightShape, next),
        };
        const y = tensor("y", [1, height, width, outputs], d.dtype, quantized ? 0.9 : undefined, middle - 5);
        const attributes = {
          stride: d.stride,
          dilation: d.dilation,
          groups: d.groups,
          padding: d.padding,
          activation: { min: quantized ? 0 : -0.5, max: Infinity },
        };
        const graph = graphOf("conv2d", attributes, [x, w, null], y, d.rounding);
        const input = values(d.dtype, x.shape, next);
        const [want] = evaluate(graph, [input as Float32Array]);
        const got = run(graph, input);
        expect(got.length).toBe(want.length);
        got.forEach((value, i) => {
          expect(Math.abs(value - want[i])).toBeLessThanOrEqual(quantized ? 1 : 1e-5);
        });
      }),
      { numRuns: 150 },
    );
  });
});

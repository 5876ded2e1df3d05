import { describe, expect, it } from "vitest";
import { elementCount, type Graph } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { drawValues, randomFrom } from "../helpers/graphs.ts";
import {
  type AttributeSpec,
  floats,
  ints,
  onnxModel,
  singleOperator,
  type TensorSpec,
} from "../helpers/onnx-builder.ts";
import { expectExact } from "../kernels/exact.ts";
import { runReference } from "../reference/run.ts";
import { open, refusal } from "./onnx-open.ts";

interface Options {
  attributes?: Record<string, AttributeSpec>;
  constants?: TensorSpec[];
  opset?: number;
}

const graphOf = (op: string, shape: number[], options: Options): Graph =>
  optimize(open(singleOperator(op, shape, options)));

/** The operator's result; the engine gives the reference's bits in every tier. */
function run(op: string, shape: number[], options: Options, x?: number[]): number[] {
  const graph = graphOf(op, shape, options);
  const values = x ? Float32Array.from(x) : drawValues(randomFrom(5), "float32", elementCount(shape));
  expectExact({ graph, inputs: [values] }, op);
  return Array.from(runReference(graph, [values]).get(graph.outputs[0])!, Number);
}

const expectNear = (found: number[], expected: number[]): void => {
  expect(found).toHaveLength(expected.length);
  found.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i], 5);
  });
};

describe("Reduce operators", () => {
  it.each([
    ["ReduceSum", 6],
    ["ReduceMax", 3],
    ["ReduceMin", 1],
    ["ReduceProd", 6],
    ["ReduceL1", 6],
    ["ReduceL2", Math.sqrt(14)],
    ["ReduceSumSquare", 14],
    ["ReduceLogSum", Math.log(6)],
    ["ReduceLogSumExp", Math.log(Math.E + Math.E ** 2 + Math.E ** 3)],
  ] as const)("%s", (op, expected) => {
    expectNear(run(op, [1, 3], { constants: [ints("axes", [1])], opset: 18 }, [1, 2, 3]), [expected]);
  });

  it("takes axes that are not neighbours, and no axes for all", () => {
    const x = [1, 2, 3, 4, 5, 6, 7, 8];
    expectNear(run("ReduceSum", [2, 2, 2], { constants: [ints("axes", [0, 2])] }, x), [14, 22]);
    expectNear(run("ReduceMax", [2, 2, 2], { opset: 11 }, x), [8]);
    const none = { attributes: { noop_with_empty_axes: 1 } };
    expectNear(run("ReduceSumSquare", [2], { ...none, opset: 18 }, [2, 3]), [4, 9]);
  });

  it("ReduceLogSumExp does not overflow", () => {
    expectNear(run("ReduceLogSumExp", [2], { opset: 18 }, [200, 200]), [200 + Math.log(2)]);
  });
});

describe("ArgMax, ArgMin, CumSum", () => {
  it("give the first or the last of equal elements", () => {
    const x = [1, 3, 3, 0, 2, 0];
    const axis = { axis: -1 };
    expect(run("ArgMax", [2, 3], { attributes: axis }, x)).toEqual([1, 1]);
    const last = { ...axis, select_last_index: 1 };
    expect(run("ArgMax", [2, 3], { attributes: last }, x)).toEqual([2, 1]);
    expect(run("ArgMin", [2, 3], { attributes: last }, x)).toEqual([0, 2]);
    expect(graphOf("ArgMax", [2, 3], { attributes: { ...axis, keepdims: 0 } }).outputs[0]).toMatchObject({
      dtype: "int64",
      shape: [2],
    });
  });

  it("CumSum runs either way", () => {
    const constants = [ints("axis", [1])];
    expect(run("CumSum", [1, 3], { constants }, [1, 2, 3])).toEqual([1, 3, 6]);
    const attributes = { reverse: 1, exclusive: 1 };
    expect(run("CumSum", [1, 3], { constants, attributes }, [1, 2, 3])).toEqual([5, 3, 0]);
  });
});

describe("normalizations", () => {
  it("LayerNormalization over several dimensions", () => {
    const constants = [floats("scale", [2, 2], [1, 2, 3, 4]), floats("bias", [2], [10, 20])];
    const attributes = { axis: 1, epsilon: { float: 0 } };
    const y = run("LayerNormalization", [1, 2, 2], { constants, attributes, opset: 17 }, [0, 2, 4, 6]);
    expectNear(
      y,
      [-3, -1, 1, 3].map((v, i) => (v / Math.sqrt(5)) * (i + 1) + (i % 2 ? 20 : 10)),
    );
  });

  it("RMSNormalization, also under the name that onnxruntime gives it", () => {
    for (const op of ["RMSNormalization", "SimplifiedLayerNormalization"]) {
      const constants = [floats("scale", [2], [1, 2])];
      const y = run(op, [2, 2], { constants, attributes: { epsilon: { float: 0 } } }, [3, 4, 1, 1]);
      expectNear(y, [3 / Math.sqrt(12.5), 8 / Math.sqrt(12.5), 1, 2]);
    }
  });

  it("InstanceNormalization and GroupNormalization", () => {
    const constants = [floats("scale", [2], [1, 2]), floats("bias", [2], [0, 5])];
    const attributes = { epsilon: { float: 0 } };
    expectNear(
      run("InstanceNormalization", [1, 2, 2], { constants, attributes }, [0, 2, 4, 8]),
      [-1, 1, 3, 7],
    );
    const grouped = { constants, attributes: { ...attributes, num_groups: 1 }, opset: 21 };
    const y = run("GroupNormalization", [1, 2, 2], grouped, [0, 2, 4, 6]);
    expectNear(y, [-3 / Math.sqrt(5), -1 / Math.sqrt(5), 5 + 2 / Math.sqrt(5), 5 + 6 / Math.sqrt(5)]);
  });

  it("a scale that does not fit is damage", () => {
    const constants = [floats("scale", [3])];
    const error = refusal(() => graphOf("LayerNormalization", [2, 2], { constants, opset: 17 }));
    expect(error).toMatchObject({ code: "bad-file", message: expect.stringMatching(/scale.*\[2\].*\[3\]/) });
  });
});

describe("Resize", () => {
  const scales = (values: number[]) => [{}, floats("scales", [values.length], values)] as TensorSpec[];
  const resize = (shape: number[], by: number[], attributes: Record<string, AttributeSpec>, x: number[]) =>
    run("Resize", shape, { constants: scales(by), attributes, opset: 19 }, x);

  it.each([
    ["half_pixel", [0, 2, 6, 8]],
    ["asymmetric", [0, 4, 8, 8]],
    ["align_corners", [0, 8 / 3, 16 / 3, 8]],
  ])("linear, %s", (mode, expected) => {
    const attributes = { mode: "linear", coordinate_transformation_mode: mode };
    expectNear(resize([1, 1, 2], [1, 1, 2], attributes, [0, 8]), expected);
    expectNear(resize([1, 2, 1], [1, 2, 1], attributes, [0, 8]), expected);
    expectNear(resize([2], [2], attributes, [0, 8]), expected);
  });

  it("keeps neighbouring dimensions in one step and others apart", () => {
    const attributes = { mode: "linear" };
    const pair = graphOf("Resize", [1, 1, 2, 2], { constants: scales([1, 1, 2, 2]), attributes, opset: 19 });
    expect(pair.nodes.map(({ op }) => op)).toEqual(["resize2d"]);
    const apart = graphOf("Resize", [2, 2, 2], { constants: scales([2, 1, 2]), attributes, opset: 19 });
    expect(apart.nodes.map(({ op }) => op)).toEqual(["resize2d", "resize2d"]);
  });

  it("cubic reads four neighbours, the edge again outside", () => {
    // At 1.25 with a = −0.75: weights of 0, 1, 2, 3 are −0.10546875, 0.87890625, 0.26171875, −0.03515625.
    const y = resize([1, 1, 1, 4], [1, 1, 1, 2], { mode: "cubic" }, [10, 20, 50, 90]);
    expect(y[3]).toBeCloseTo(-1.0546875 + 17.578125 + 13.0859375 - 3.1640625, 4);
  });

  it("moves through the transposes of the convolutions around it", () => {
    const nodes = optimize(
      open(
        onnxModel({
          nodes: [
            { op: "Conv", name: "a", inputs: ["x", "w"], outputs: ["c"], attributes: {} },
            {
              op: "Resize",
              name: "r",
              inputs: ["c", "", "s"],
              outputs: ["d"],
              attributes: { mode: "linear" },
            },
            { op: "Conv", name: "b", inputs: ["d", "w"], outputs: ["y"], attributes: {} },
          ],
          inputs: [{ name: "x", shape: [1, 2, 3, 4] }],
          outputs: [{ name: "y" }],
          initializers: [floats("w", [2, 2, 1, 1]), floats("s", [4], [1, 1, 2, 2])],
          opset: 19,
        }),
      ),
    ).nodes.map(({ op }) => op);
    expect(nodes.filter((op) => op !== "transpose")).toEqual(["conv2d", "resize2d", "conv2d"]);
    expect(nodes.indexOf("transpose")).toBe(0);
    expect(nodes.lastIndexOf("transpose")).toBe(nodes.length - 1);
  });

  it("refuses what reaches outside by name", () => {
    const constants = [floats("roi", [2], [-1, 1]), floats("scales", [1], [2])];
    const attributes = { coordinate_transformation_mode: "tf_crop_and_resize" };
    const error = refusal(() => graphOf("Resize", [4], { constants, attributes, opset: 19 }));
    expect(error).toMatchObject({ code: "unsupported", message: expect.stringMatching(/Resize.*tf_crop/) });
  });
});

describe("ConvTranspose", () => {
  it("is a convolution over zeros, and exact in every tier", () => {
    const attributes = {
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      output_padding: [1, 1],
    };
    const constants = [floats("w", [2, 3, 3, 3]), floats("b", [3])];
    const graph = graphOf("ConvTranspose", [1, 2, 3, 4], { attributes, constants });
    expect(graph.nodes.map(({ op }) => op)).toContain("dilate");
    expect(graph.outputs[0].shape).toEqual([1, 3, 6, 8]);
    run("ConvTranspose", [1, 2, 3, 4], { attributes, constants });
  });

  it("adds every input times the kernel, one dimension, groups", () => {
    const constants = [floats("w", [2, 1, 2], [1, 10, 100, 1000])];
    const attributes = { strides: [2], group: 2 };
    const y = run("ConvTranspose", [1, 2, 2], { attributes, constants }, [1, 2, 3, 4]);
    expectNear(y, [1, 10, 2, 20, 300, 3000, 400, 4000]);
  });

  it("output_padding beyond the kernel's reach leaves the bias", () => {
    const constants = [floats("w", [1, 1, 1], [2]), floats("b", [1], [7])];
    const attributes = { strides: [3], output_padding: [2] };
    expectNear(run("ConvTranspose", [1, 1, 2], { attributes, constants }, [1, 2]), [9, 7, 7, 11, 7, 7]);
  });
});

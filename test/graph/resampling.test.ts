import { expect, test } from "vitest";
import { type Attributes, noActivation, type OperatorName, type Tensor } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { drawValues, graphOf, randomFrom } from "../helpers/graphs.ts";
import { expectExact } from "../kernels/exact.ts";
import { constant, float, int8, node } from "./build.ts";

/** dequantize → op → quantize, optimized: the operators that are left. */
function folded<K extends OperatorName>(op: K, x: Tensor, y: Tensor, attributes: Attributes[K]): string[] {
  const [real, result] = [float("real", x.shape), float("result", y.shape)];
  const graph = optimize(
    graphOf([
      node("dequantize", [x], real, {}),
      node(op, [real], result, attributes),
      node("quantize", [result], y, {}),
    ]),
  );
  expectExact({
    graph,
    inputs: [
      drawValues(
        randomFrom(3),
        "int8",
        x.shape.reduce((n, d) => n * d, 1),
      ),
    ],
  });
  return graph.nodes.map((made) => made.op);
}

const table = (...weight: number[]) => ({
  taps: 2,
  index: Int32Array.of(0, 1, 1, 2),
  weight: Float32Array.from(weight),
});

test("reductions and resampling between dequantize and quantize become integer ones", () => {
  const x = int8("x", [1, 3, 3, 2]);
  const axes = { axes: [1, 2], keepDims: false };
  expect(folded("reduce", x, int8("y", [1, 2]), { kind: "max", ...axes })).toEqual(["reduce"]);
  expect(folded("reduce", x, int8("y", [1, 2], 2, 5), { kind: "min", ...axes })).toEqual([
    "reduce",
    "quantize",
  ]);
  expect(folded("reduce", x, int8("y", [1, 2], 3, 5), { kind: "sum", ...axes })).toEqual(["reduce"]);
  expect(folded("reduce", x, int8("y", [1, 2]), { kind: "prod", ...axes })).toEqual([
    "dequantize",
    "reduce",
    "quantize",
  ]);
  const rows = table(0.5, 0.5, 1, 0);
  const resize = (weights: typeof rows) => ({ axis: 1, rows: weights, columns: weights });
  expect(folded("resize2d", x, int8("y", [1, 2, 2, 2]), resize(rows))).toEqual(["resize2d"]);
  const cubic = resize(table(1.25, -0.25, 1, 0));
  expect(folded("resize2d", x, int8("y", [1, 2, 2, 2]), cubic)).toEqual([
    "dequantize",
    "resize2d",
    "quantize",
  ]);
});

test("zeros between elements go in front of the dequantize, so that a transposed convolution is an integer one", () => {
  const [x, real] = [int8("x", [1, 2, 2, 3], 0.5, 4), float("real", [1, 2, 2, 3])];
  const [spread, sum] = [float("spread", [1, 3, 3, 3]), float("sum", [1, 2, 2, 4])];
  const weights: Tensor = {
    ...int8("w", [4, 2, 2, 3], 0.25),
    data: drawValues(randomFrom(9), "int8", 48),
  };
  const w = float("wr", weights.shape);
  const graph = optimize(
    graphOf([
      node("dequantize", [x], real, {}),
      node("dequantize", [weights], w, {}),
      node("dilate", [real], spread, { before: [0, 0, 0, 0], step: [1, 2, 2, 1] }),
      node("conv2d", [spread, w, null], sum, {
        stride: [1, 1],
        dilation: [1, 1],
        padding: { top: 0, left: 0, bottom: 0, right: 0 },
        groups: 1,
        activation: noActivation,
      }),
      node("quantize", [sum], int8("y", [1, 2, 2, 4], 9), {}),
    ]),
  );
  expect(graph.nodes.map((made) => made.op)).toEqual(["dilate", "conv2d"]);
  expectExact({ graph, inputs: [drawValues(randomFrom(4), "int8", 12)] });
});

test("reductions, resampling and running sums move through transposes", () => {
  const x = float("x", [1, 4, 3, 2]);
  const moved = float("moved", [1, 2, 4, 3]);
  const rows = table(0.5, 0.5, 1, 0);
  const [resized, running] = [float("resized", [1, 2, 2, 2]), float("running", [1, 2, 2, 2])];
  const graph = optimize(
    graphOf(
      [
        node("transpose", [x], moved, { perm: [0, 3, 1, 2] }),
        node("resize2d", [moved], resized, { axis: 2, rows, columns: rows }),
        node("cumsum", [resized], running, { axis: 1, exclusive: false, reverse: false }),
        node("add", [running, constant("one", [1], [1])], float("more", [1, 2, 2, 2]), {
          activation: noActivation,
        }),
        node("reduce", [float("more", [1, 2, 2, 2])], float("y", [1, 2]), {
          kind: "max",
          axes: [2, 3],
          keepDims: false,
        }),
      ].map((made, i, all) => (i === 4 ? { ...made, inputs: [all[3].outputs[0]] } : made)) as never,
    ),
  );
  expect(graph.nodes.map((made) => made.op)).toEqual(["resize2d", "cumsum", "add", "reduce"]);
  expect(graph.nodes[0].attributes).toMatchObject({ axis: 1 });
  expect(graph.nodes[1].attributes).toMatchObject({ axis: 3 });
  expect(graph.nodes[3].attributes).toMatchObject({ axes: [1, 2] });
  expectExact({ graph, inputs: [drawValues(randomFrom(5), "float32", 24)] });
});

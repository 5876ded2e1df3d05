import { describe, expect, test } from "vitest";
import { drawValues, randomFrom } from "../helpers/graphs.ts";
import { plainOptions } from "../helpers/tflite-builder.ts";
import { load, only } from "../helpers/tflite-load.ts";
import { activation8, float, ints, single } from "../helpers/tflite-models.ts";
import { expectExact } from "../kernels/exact.ts";
import { runReference } from "../reference/run.ts";

describe("SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_PROD", () => {
  test.each([
    ["SUM", "sum"],
    ["REDUCE_MAX", "max"],
    ["REDUCE_MIN", "min"],
    ["REDUCE_PROD", "prod"],
  ] as const)("%s", (op, kind) => {
    const spec = single(
      { op, options: plainOptions(27, { int8: 1 }) },
      float("x", [2, 3, 4]),
      ints("axes", [-1, 0]),
      float("y", [1, 3, 1]),
    );
    const graph = load(spec);
    expect(only(graph, "reduce").attributes).toEqual({ kind, axes: [0, 2], keepDims: true });
    expectExact({ graph, inputs: [drawValues(randomFrom(1), "float32", 24)] });
  });

  test("a product of int8 is refused by name", () => {
    const spec = single(
      { op: "REDUCE_PROD" },
      activation8("x", [4]),
      ints("axes", [0]),
      activation8("y", []),
    );
    expect(() => load(spec)).toThrow(/REDUCE_PROD "y": a product of int8/);
  });
});

describe("ARG_MAX, ARG_MIN, CUMSUM", () => {
  test.each([
    ["ARG_MAX", "max"],
    ["ARG_MIN", "min"],
  ] as const)("%s", (op, kind) => {
    const y = { ...ints("y", []), shape: [2, 4] };
    const { data: _, ...output } = y;
    const graph = load(single({ op }, float("x", [2, 3, 4]), ints("axis", [-2], []), output));
    expect(only(graph, "argExtreme").attributes).toEqual({ kind, axis: 1, keepDims: false, last: false });
    expectExact({ graph, inputs: [drawValues(randomFrom(1), "float32", 24)] });
  });

  test("CUMSUM", () => {
    const options = plainOptions(102, { int8: 1 }, { int8: 1 });
    const graph = load(
      single({ op: "CUMSUM", options }, float("x", [2, 3]), ints("axis", [1], []), float("y", [2, 3])),
    );
    expect(only(graph, "cumsum").attributes).toEqual({ axis: 1, exclusive: true, reverse: true });
    const y = runReference(graph, [Float32Array.of(1, 2, 3, 4, 5, 6)]).get(graph.outputs[0]);
    expect(y).toEqual(Float32Array.of(5, 3, 0, 11, 6, 0));
  });
});

describe("normalizations", () => {
  test("L2_NORMALIZATION divides by the length of the last dimension", () => {
    const graph = load(single({ op: "L2_NORMALIZATION" }, float("x", [2, 2]), float("y", [2, 2])));
    const y = runReference(graph, [Float32Array.of(3, 4, 0, 0)]).get(graph.outputs[0])! as Float32Array;
    [0.6, 0.8, 0, 0].forEach((value, i) => {
      expect(y[i]).toBeCloseTo(value, 6);
    });
    expectExact({ graph, inputs: [drawValues(randomFrom(2), "float32", 4)] });
  });

  test("LOCAL_RESPONSE_NORMALIZATION sums squares of neighbouring channels", () => {
    const options = plainOptions(13, { int32: 1 }, { float32: 1.5 }, { float32: 0.3 }, { float32: 0.75 });
    const op = "LOCAL_RESPONSE_NORMALIZATION";
    const graph = load(single({ op, options }, float("x", [1, 2, 1, 4]), float("y", [1, 2, 1, 4])));
    const x = Float32Array.of(1, -2, 3, 0.5, 4, 0, -1, 2);
    const y = runReference(graph, [x]).get(graph.outputs[0])! as Float32Array;
    x.forEach((value, i) => {
      const row = x.subarray(i - (i % 4), i - (i % 4) + 4);
      const sum = [...row].reduce((s, v, c) => (Math.abs(c - (i % 4)) <= 1 ? s + v * v : s), 0);
      expect(y[i]).toBeCloseTo(value / (1.5 + 0.3 * sum) ** 0.75, 5);
    });
    expectExact({ graph, inputs: [x] });
  });

  test("of int8 they are refused by name", () => {
    const spec = single({ op: "L2_NORMALIZATION" }, activation8("x", [4]), activation8("y", [4]));
    expect(() => load(spec)).toThrow(/L2_NORMALIZATION "y".*float32 was expected/);
  });
});

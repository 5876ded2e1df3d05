import { describe, expect, test } from "vitest";
import { elementCount } from "../../src/graph/graph.ts";
import { drawValues, randomFrom } from "../helpers/graphs.ts";
import type { SubgraphSpec } from "../helpers/tflite-builder.ts";
import { load, only } from "../helpers/tflite-load.ts";
import { activation8, float, ints, single } from "../helpers/tflite-models.ts";
import { expectExact } from "../kernels/exact.ts";
import { runReference } from "../reference/run.ts";

type Operator = "RESIZE_BILINEAR" | "RESIZE_NEAREST_NEIGHBOR";

interface Flags {
  alignCorners?: boolean;
  halfPixel?: boolean;
}

function model(
  op: Operator,
  from: number[],
  [h, w]: [number, number],
  { alignCorners, halfPixel }: Flags,
  isFloat = true,
): SubgraphSpec {
  const y = [from[0], h, w, from[3]];
  const first = op === "RESIZE_BILINEAR" ? 2 : 0;
  const fields = { [first]: { int8: alignCorners ? 1 : 0 }, [first + 1]: { int8: halfPixel ? 1 : 0 } };
  return single(
    { op, options: { type: op === "RESIZE_BILINEAR" ? 15 : 74, fields } },
    isFloat ? float("x", from) : activation8("x", from),
    ints("size", [h, w]),
    isFloat ? float("y", y) : activation8("y", y),
  );
}

const run = (spec: SubgraphSpec, x: number[]): number[] => {
  const graph = load(spec);
  return Array.from(runReference(graph, [Float32Array.from(x)]).get(graph.outputs[0])! as Float32Array);
};

describe("RESIZE_NEAREST_NEIGHBOR", () => {
  test.each([
    [{}, 5, [0, 0, 1, 1, 2]],
    [{ halfPixel: true }, 5, [0, 0, 1, 2, 2]],
    [{ alignCorners: true }, 5, [0, 1, 1, 2, 2]],
    [{}, 2, [0, 1]],
    [{ halfPixel: true }, 2, [0, 2]],
  ] as [Flags, number, number[]][])("%o to %i", (flags, to, expected) => {
    expect(run(model("RESIZE_NEAREST_NEIGHBOR", [1, 1, 3, 1], [1, to], flags), [0, 1, 2])).toEqual(expected);
    expect(run(model("RESIZE_NEAREST_NEIGHBOR", [1, 3, 1, 1], [to, 1], flags), [0, 1, 2])).toEqual(expected);
  });
});

describe("RESIZE_BILINEAR", () => {
  test.each([
    [{}, 4, [0, 4, 8, 8]],
    [{ halfPixel: true }, 4, [0, 2, 6, 8]],
    [{ alignCorners: true }, 5, [0, 2, 4, 6, 8]],
    [{ alignCorners: true }, 1, [0]],
    [{ halfPixel: true }, 1, [4]],
  ] as [Flags, number, number[]][])("%o to %i", (flags, to, expected) => {
    expect(run(model("RESIZE_BILINEAR", [1, 1, 2, 1], [1, to], flags), [0, 8])).toEqual(expected);
    expect(run(model("RESIZE_BILINEAR", [1, 2, 1, 1], [to, 1], flags), [0, 8])).toEqual(expected);
  });

  test("both directions weigh four pixels", () => {
    const spec = model("RESIZE_BILINEAR", [1, 2, 2, 1], [3, 3], { alignCorners: true });
    expect(run(spec, [0, 4, 8, 12])).toEqual([0, 2, 4, 4, 6, 8, 8, 10, 12]);
  });
});

describe.each(["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"] as Operator[])("%s", (op) => {
  test("the engine equals the reference in every tier, float32 and int8, both roundings", () => {
    for (const flags of [{}, { alignCorners: true }, { halfPixel: true }] as Flags[])
      for (const size of [
        [5, 7],
        [1, 2],
        [3, 4],
      ] as [number, number][])
        for (const isFloat of [true, false])
          for (const rounding of ["single", "double"] as const) {
            const shape = [2, 3, 4, 5];
            const graph = { ...load(model(op, shape, size, flags, isFloat)), rounding };
            const x = drawValues(randomFrom(31), isFloat ? "float32" : "int8", elementCount(shape));
            expectExact({ graph, inputs: [x] }, `${op} ${JSON.stringify(flags)} ${rounding}`);
          }
  });

  test("int8 is within half a step of the exact value in `single`", () => {
    const shape = [1, 3, 4, 2];
    const x = drawValues(randomFrom(32), "int8", elementCount(shape)) as Int8Array;
    const integer = load(model(op, shape, [7, 9], { halfPixel: true }, false));
    const found = runReference(integer, [x]).get(integer.outputs[0])!;
    const exact = run(model(op, shape, [7, 9], { halfPixel: true }), Array.from(x));
    exact.forEach((value, i) => {
      expect(Math.abs(Number(found[i]) - value)).toBeLessThan(0.501);
    });
  });

  test("a result of another size is damage", () => {
    const spec = model(op, [1, 2, 2, 1], [3, 3], {});
    spec.tensors[1] = ints("size", [3, 4]);
    expect(() => load(spec)).toThrow(new RegExp(`${op} "y".*shape expected`));
  });

  test("align_corners together with half_pixel_centers is refused", () => {
    expect(() => load(model(op, [1, 2, 2, 1], [3, 3], { alignCorners: true, halfPixel: true }))).toThrow(
      /align_corners together with half_pixel_centers/,
    );
  });
});

test("the pixels that a position reads are given as tables", () => {
  const node = only(load(model("RESIZE_NEAREST_NEIGHBOR", [1, 2, 3, 1], [4, 3], {})), "resize2d");
  expect(node.attributes.axis).toBe(1);
  expect(Array.from(node.attributes.rows.index)).toEqual([0, 0, 1, 1]);
  expect(node.attributes.columns).toEqual({
    taps: 1,
    index: Int32Array.of(0, 1, 2),
    weight: Float32Array.of(1, 1, 1),
  });
});

import { describe, expect, test } from "vitest";
import { elementCount } from "../../src/graph/graph.ts";
import { drawValues, type Kind, randomFrom } from "../helpers/graphs.ts";
import { fused, type OperatorSpec, padding, type SubgraphSpec } from "../helpers/tflite-builder.ts";
import { load } from "../helpers/tflite-load.ts";
import { activation8, float, ints } from "../helpers/tflite-models.ts";
import { expectExact } from "../kernels/exact.ts";
import { runReference } from "../reference/run.ts";

interface Options {
  kind: Kind;
  x: [number, number, number, number];
  kernel: [number, number];
  stride: [number, number];
  scheme: number;
  outputs: number;
  hasBias?: boolean;
}

const sizeOf = ({ x, kernel, stride, scheme }: Options, axis: 0 | 1): number =>
  scheme === padding.same ? x[axis + 1] * stride[axis] : (x[axis + 1] - 1) * stride[axis] + kernel[axis];

function model(options: Options, weights: ArrayLike<number>, bias: ArrayLike<number>): SubgraphSpec {
  const { kind, x, kernel, stride, scheme, outputs, hasBias } = options;
  const y = [x[0], sizeOf(options, 0), sizeOf(options, 1), outputs];
  const shape = [outputs, ...kernel, x[3]];
  const isFloat = kind === "float32";
  const operator: OperatorSpec = {
    op: "TRANSPOSE_CONV",
    inputs: ["size", "w", "x", ...(hasBias ? ["b"] : [])],
    outputs: ["y"],
    options: {
      type: 49,
      fields: {
        0: { int8: scheme },
        1: { int32: stride[1] },
        2: { int32: stride[0] },
        3: { int8: fused.none },
      },
    },
  };
  return {
    tensors: [
      ints("size", y),
      isFloat
        ? float("w", shape, Float32Array.from(weights))
        : { ...activation8("w", shape, 0.01, 0), data: Int8Array.from(weights) },
      isFloat ? float("x", x) : activation8("x", x, 0.05, -7),
      isFloat
        ? float("b", [outputs], Float32Array.from(bias))
        : { ...ints("b", Array.from(bias)), scale: [0.0005], zeroPoint: [0] },
      isFloat ? float("y", y) : activation8("y", y, 0.11, 5),
    ],
    operators: [operator],
    inputs: ["x"],
    outputs: ["y"],
  };
}

/** Every input element adds its multiple of the kernel to the result. */
function scattered(
  options: Options,
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  bias: ArrayLike<number>,
): number[] {
  const { kernel, stride, scheme, outputs } = options;
  const [batch, height, width, channels] = options.x;
  const [h, v] = [sizeOf(options, 0), sizeOf(options, 1)];
  const cut = (axis: 0 | 1, size: number) =>
    scheme === padding.same
      ? Math.floor(Math.max(0, (options.x[axis + 1] - 1) * stride[axis] + kernel[axis] - size) / 2)
      : 0;
  const y = Array.from({ length: batch * h * v * outputs }, (_, i) =>
    options.hasBias ? bias[i % outputs] : 0,
  );
  for (let n = 0; n < batch; n++)
    for (let r = 0; r < height; r++)
      for (let c = 0; c < width; c++)
        for (let o = 0; o < outputs; o++)
          for (let p = 0; p < kernel[0]; p++)
            for (let q = 0; q < kernel[1]; q++)
              for (let i = 0; i < channels; i++) {
                const row = r * stride[0] + p - cut(0, h);
                const column = c * stride[1] + q - cut(1, v);
                if (row < 0 || row >= h || column < 0 || column >= v) continue;
                y[((n * h + row) * v + column) * outputs + o] +=
                  x[((n * height + r) * width + c) * channels + i] *
                  w[((o * kernel[0] + p) * kernel[1] + q) * channels + i];
              }
  return y;
}

const cases: Omit<Options, "kind">[] = [
  { x: [1, 3, 4, 2], kernel: [3, 3], stride: [2, 2], scheme: padding.same, outputs: 3, hasBias: true },
  { x: [1, 3, 4, 2], kernel: [3, 3], stride: [2, 2], scheme: padding.valid, outputs: 3 },
  { x: [2, 2, 3, 5], kernel: [2, 4], stride: [2, 3], scheme: padding.valid, outputs: 9, hasBias: true },
  { x: [1, 4, 4, 3], kernel: [5, 3], stride: [1, 1], scheme: padding.valid, outputs: 2 },
  { x: [1, 4, 4, 3], kernel: [1, 1], stride: [3, 2], scheme: padding.same, outputs: 2 },
  { x: [1, 1, 1, 17], kernel: [4, 4], stride: [4, 4], scheme: padding.valid, outputs: 8, hasBias: true },
];

describe("TRANSPOSE_CONV", () => {
  test.each(cases)("float32 $x by $kernel, stride $stride, scheme $scheme", (given) => {
    const options: Options = { ...given, kind: "float32" };
    const random = randomFrom(21);
    const w = drawValues(random, "float32", given.outputs * given.kernel[0] * given.kernel[1] * given.x[3]);
    const bias = drawValues(random, "float32", given.outputs);
    const x = drawValues(random, "float32", elementCount(given.x));
    const graph = load(model(options, w as Float32Array, bias as Float32Array));
    expectExact({ graph, inputs: [x] });
    const found = runReference(graph, [x]).get(graph.outputs[0])!;
    scattered(options, x as Float32Array, w as Float32Array, bias as Float32Array).forEach((value, i) => {
      expect(Math.abs(Number(found[i]) - value)).toBeLessThan(1e-4);
    });
  });

  test.each(cases)("int8 $x by $kernel, stride $stride, scheme $scheme", (given) => {
    const options: Options = { ...given, kind: "int8" };
    const random = randomFrom(22);
    const w = drawValues(random, "int8", given.outputs * given.kernel[0] * given.kernel[1] * given.x[3]);
    const bias = Array.from({ length: given.outputs }, () => random.int(-3000, 3000));
    const x = drawValues(random, "int8", elementCount(given.x)) as Int8Array;
    const graph = load(model(options, w as Int8Array, bias));
    expectExact({ graph, inputs: [x] });
    const found = runReference(graph, [x]).get(graph.outputs[0])!;
    const centered = Array.from(x, (q) => q + 7);
    scattered(options, centered, w as Int8Array, bias).forEach((sum, i) => {
      const real = Math.min(Math.max((sum * 0.0005) / 0.11 + 5, -128), 127);
      expect(Math.abs(Number(found[i]) - real)).toBeLessThan(0.501);
    });
  });

  test("a result that does not follow from the input is damage", () => {
    const spec = model({ ...cases[0], kind: "float32" }, new Float32Array(54), new Float32Array(3));
    spec.tensors[4].shape = [1, 7, 8, 3];
    expect(() => load(spec)).toThrow(/TRANSPOSE_CONV "y": a result of 7 does not follow from an input of 3/);
  });
});

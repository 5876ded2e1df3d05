import { describe, expect, test } from "vitest";
import {
  type Attributes,
  elementCount,
  noActivation,
  type Padding,
  type Rounding,
} from "../../src/graph/graph.ts";
import {
  activationTensor,
  caseOf,
  graphOf,
  type Kind,
  node,
  randomFrom,
  type Spread,
  unpadded,
} from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

const channelEdges = [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33];
let seed = 4000;

interface Options {
  op: "averagePool2d" | "maxPool2d";
  kind: Kind;
  rounding: Rounding;
  shape: [number, number, number, number];
  kernel: [number, number];
  stride?: [number, number];
  padding?: Padding;
  countIncludePad?: boolean;
  zeroPoint?: number;
  spread?: Spread;
}

function check(options: Options): void {
  const {
    op,
    kind,
    rounding,
    shape,
    kernel,
    stride = [1, 1],
    padding = unpadded,
    spread = "random",
  } = options;
  const random = randomFrom(seed++);
  const side = (axis: 0 | 1, pad: number): number =>
    Math.floor((shape[1 + axis]! + pad - kernel[axis]) / stride[axis]) + 1;
  const out = [
    shape[0],
    side(0, padding.top + padding.bottom),
    side(1, padding.left + padding.right),
    shape[3],
  ];
  const zeroPoint = (options.zeroPoint ?? random.int(0, 255)) - (kind === "uint8" ? 0 : 128);
  // In steps of 0.8 and of 4 the bound 6 lies half-way between two integers.
  const scale = random.pick([0.05, 0.8, 4]);
  const x = activationTensor("x", kind, shape, scale, zeroPoint);
  const y = activationTensor("y", kind, out, scale, zeroPoint);
  const activation = [noActivation, { min: 0, max: Infinity }, { min: 0, max: 6 }, { min: -1, max: 1 }][
    seed % 4
  ]!;
  const attributes: Attributes["averagePool2d"] = {
    kernel,
    stride,
    padding,
    activation,
    countIncludePad: options.countIncludePad ?? false,
  };
  expectExact(
    caseOf(random, graphOf([node(op, [x], y, attributes)], rounding), spread),
    JSON.stringify(options),
  );
}

describe.each(["averagePool2d", "maxPool2d"] as const)("%s", (op) => {
  describe.each(["int8", "uint8", "float32"] as Kind[])("of %s", (kind) => {
    const ways: Rounding[] = kind === "float32" ? ["single"] : ["single", "double"];

    test.each(ways)("every channel edge, windows, strides, padding, %s", (rounding) => {
      for (const [i, channels] of channelEdges.entries())
        for (const countIncludePad of op === "averagePool2d" ? [false, true] : [false]) {
          const kernel: [number, number] = [1 + (i % 4), 1 + ((i * 3) % 5)];
          const padding = { top: (i % 4) >> 1, left: i % kernel[1], bottom: i % 2, right: 0 };
          check({
            op,
            kind,
            rounding,
            shape: [2, 5, 6, channels],
            kernel,
            stride: [1 + (i % 3), 1 + (i % 2)],
            padding,
            countIncludePad,
          });
        }
    });

    test.each(ways)("the whole image, extremes, %s", (rounding) => {
      for (const zeroPoint of [0, 255, 128])
        for (const spread of ["extremes", "zeros", "random"] as const) {
          check({ op, kind, rounding, shape: [1, 7, 9, 17], kernel: [7, 9], zeroPoint, spread });
          check({
            op,
            kind,
            rounding,
            shape: [1, 3, 4, 9],
            kernel: [3, 3],
            padding: { top: 2, left: 1, bottom: 2, right: 1 },
            countIncludePad: true,
            zeroPoint,
            spread,
          });
        }
    });
  });

  test("float32 with infinities, NaN and signed zeros", () => {
    for (const channels of channelEdges)
      check({
        op,
        kind: "float32",
        rounding: "single",
        shape: [1, 4, 5, channels],
        kernel: [2, 3],
        spread: "special",
      });
  });
});

describe.each(["int8", "uint8", "float32"] as Kind[])("mean of %s", (kind) => {
  const ways: Rounding[] = kind === "float32" ? ["single"] : ["single", "double"];
  const means: [shape: number[], axes: number[], keepDims: boolean][] = [
    [[1, 7, 5, 33], [1, 2], true],
    [[2, 3, 4, 8], [1, 2], false],
    [[3, 17], [1], false],
    [[5, 9], [0], true],
    [[2, 3, 5, 7], [3], false],
    [[2, 3, 5, 7], [0, 1, 2, 3], false],
    [[4, 1, 6, 15], [0, 1, 2], true],
    [[31], [0], true],
    [[2, 300, 3], [1], false],
    [[1, 1, 1, 5], [1, 2], true],
  ];
  const run = (
    shape: number[],
    axes: number[],
    keepDims: boolean,
    rounding: Rounding,
    ratio: number,
    spread: Spread,
  ): void => {
    const random = randomFrom(seed++);
    const kept = shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
    const out = keepDims ? kept : shape.filter((_, axis) => !axes.includes(axis));
    const zero = () => random.int(0, 255) - (kind === "uint8" ? 0 : 128);
    const x = activationTensor("x", kind, shape, 0.05, zero());
    const y = activationTensor("y", kind, out, 0.05 / ratio, zero());
    const graph = graphOf([node("mean", [x], y, { axes, keepDims })], rounding);
    expect(elementCount(kept)).toBe(elementCount(out));
    expectExact(caseOf(random, graph, spread), JSON.stringify({ shape, axes, rounding, ratio }));
  };

  test.each(ways)("neighbouring axes, %s", (rounding) => {
    for (const mean of means)
      for (const ratio of [1, 0.3, 4.7])
        for (const spread of ["random", "extremes"] as const) run(...mean, rounding, ratio, spread);
  });
});

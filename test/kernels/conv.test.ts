import { describe, test } from "vitest";
import type { Rounding } from "../../src/graph/graph.ts";
import {
  type ConvOptions,
  caseOf,
  convGraph,
  type Kind,
  randomFrom,
  type Spread,
} from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

const edges = [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 67];
const pixels = [1, 2, 3, 4, 5, 7, 8, 9, 13];
const kinds: Kind[] = ["int8", "uint8", "float32"];
const roundings: Rounding[] = ["single", "double"];
let seed = 1;

function check(options: Partial<ConvOptions>, spread: Spread = "random"): void {
  const random = randomFrom(seed++);
  const graph = convGraph(random, options);
  expectExact(caseOf(random, graph, spread), JSON.stringify(options));
}

/** Every edge of n, k and m at least once with each value of another, without the whole product. */
function* edgeTriples(): Generator<[n: number, k: number, m: number]> {
  for (const [i, n] of edges.entries())
    for (const [j, k] of edges.entries()) yield [n, k, pixels[(i * 5 + j) % pixels.length]!];
}

describe.each(kinds)("conv2d of %s", (kind) => {
  const ways: Rounding[] = kind === "float32" ? ["single"] : roundings;

  test.each(ways)("1×1 at every tile edge, %s", (rounding) => {
    for (const [n, k, m] of edgeTriples())
      check({ kind, rounding, input: [1, 1, m, k], outputs: n, kernel: [1, 1], perChannel: n % 2 === 1 });
  });

  test.each(ways)("3×3 at every tile edge, %s", (rounding) => {
    for (const [i, n] of edges.entries()) {
      const channels = edges[(i * 3) % 10]!;
      const padding = { top: i % 3, left: (i + 1) % 3, bottom: (i + 2) % 2, right: i % 2 };
      check({ kind, rounding, input: [2, 4, 5, channels], outputs: n, padding, hasBias: n % 3 !== 0 });
    }
  });

  test.each(ways)("strides, dilations, kernels, one-sided padding, %s", (rounding) => {
    const random = randomFrom(77);
    for (let i = 0; i < 40; i++) {
      const kernel: [number, number] = [random.int(1, 5), random.int(1, 5)];
      const dilation: [number, number] = [random.int(1, 3), random.int(1, 3)];
      const reach = (axis: 0 | 1) => (kernel[axis] - 1) * dilation[axis];
      const padding = {
        top: random.int(0, 3),
        left: random.int(0, 3),
        bottom: random.int(0, 3),
        right: random.int(0, 3),
      };
      const input: [number, number, number, number] = [
        random.int(1, 2),
        Math.max(1, reach(0) + 1 - padding.top - padding.bottom + random.int(0, 4)),
        Math.max(1, reach(1) + 1 - padding.left - padding.right + random.int(0, 6)),
        random.pick([1, 2, 3, 4, 5, 8, 11, 16, 17]),
      ];
      check({
        kind,
        rounding,
        kernel,
        dilation,
        padding,
        input,
        stride: [random.int(1, 3), random.int(1, 3)],
        outputs: random.pick([1, 3, 8, 9, 17]),
        activation: random.pick([
          { min: -Infinity, max: Infinity },
          { min: 0, max: Infinity },
          { min: 0, max: 6 },
          { min: -1, max: 1 },
        ]),
      });
    }
  });

  test.each(ways)("groups, %s", (rounding) => {
    for (const [channels, outputs, groups] of [
      [4, 4, 2],
      [6, 9, 3],
      [8, 16, 2],
      [10, 34, 2],
      [16, 16, 16],
      [18, 27, 9],
    ] as const)
      check({
        kind,
        rounding,
        input: [2, 3, 4, channels],
        outputs,
        groups,
        kernel: [2, 3],
        padding: { top: 1, left: 0, bottom: 0, right: 2 },
      });
  });

  test.each(ways)("more pixels than one panel holds, %s", (rounding) => {
    check({
      kind,
      rounding,
      input: [1, 19, 17, 33],
      outputs: 9,
      padding: { top: 1, left: 1, bottom: 1, right: 1 },
    });
    check({ kind, rounding, input: [1, 4, 3, 130], outputs: 5, kernel: [4, 3] });
  });
});

/** Whole steps of 4 channels, and rows of pixels in whole tiles or long ones: windows of rows prepared once. */
describe.each(roundings)("conv2d of int8 row by row, %s", (rounding) => {
  const random = randomFrom(4242);

  test.each([4, 8, 12, 16, 17, 18, 19, 20, 23])("%i output pixels wide", (width) => {
    for (const channels of [4, 8, 12, 20, 36]) {
      const kernel: [number, number] = [random.int(1, 4), random.int(1, 4)];
      const stride: [number, number] = [random.int(1, 3), random.int(1, 3)];
      const padding = {
        top: random.int(0, 5),
        left: random.int(0, 5),
        bottom: random.int(0, 5),
        right: random.int(0, 3),
      };
      const seen = (width - 1) * stride[1] + kernel[1] + random.int(0, stride[1] - 1);
      check({
        rounding,
        kernel,
        stride,
        padding,
        input: [2, kernel[0] + 2, Math.max(1, seen - padding.left - padding.right), channels],
        outputs: random.pick([1, 7, 8, 9, 16, 17, 33]),
        activation: random.pick([
          { min: -Infinity, max: Infinity },
          { min: 0, max: 6 },
        ]),
      });
    }
  });

  test("extreme weights, inputs and zero points", () => {
    for (const weights of ["extremes", "zeros", "random"] as const)
      for (const zeroPoints of ["lowest", "highest"] as const)
        check(
          {
            rounding,
            weights,
            zeroPoints,
            input: [1, 3, 18, 12],
            outputs: 19,
            padding: { top: 1, left: 1, bottom: 1, right: 1 },
          },
          "extremes",
        );
  });

  test("rows that are too long to keep", () => {
    check({
      rounding,
      input: [1, 3, 304, 112],
      outputs: 3,
      padding: { top: 1, left: 1, bottom: 1, right: 1 },
    });
  });
});

describe.each(["int8", "uint8"] as const)("conv2d of %s at its limits", (kind) => {
  test.each(roundings)("extreme weights, inputs and zero points, %s", (rounding) => {
    for (const weights of ["extremes", "zeros", "random"] as const)
      for (const zeroPoints of ["lowest", "highest"] as const)
        for (const weightOffset of [-128, -3, 0, 5, 127])
          for (const perChannel of [false, true])
            check(
              {
                kind,
                rounding,
                weights,
                zeroPoints,
                weightOffset,
                perChannel,
                input: [1, 3, 5, 9],
                outputs: 11,
                padding: { top: 1, left: 1, bottom: 0, right: 1 },
              },
              "extremes",
            );
  });
});

test("conv2d of float32 with infinities, NaN, denormals and signed zeros", () => {
  for (let i = 0; i < 20; i++)
    check(
      {
        kind: "float32",
        input: [1, 4, 5, 1 + (i % 9)],
        outputs: 1 + (i % 10),
        padding: { top: i % 2, left: 1, bottom: 1, right: 0 },
        weights: i % 3 ? "special" : "zeros",
        hasBias: false,
        activation: i % 2 ? { min: 0, max: 6 } : { min: -Infinity, max: Infinity },
      },
      "special",
    );
});

import { describe, test } from "vitest";
import type { Rounding } from "../../src/graph/graph.ts";
import {
  type ConvOptions,
  caseOf,
  depthwiseGraph,
  type Kind,
  randomFrom,
  type Spread,
} from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

const channelEdges = [1, 7, 8, 9, 16, 17, 33];
let seed = 1000;

function check(options: Partial<ConvOptions> & { multiplier?: number }, spread: Spread = "random"): void {
  const random = randomFrom(seed++);
  const channels = options.input![3];
  const graph = depthwiseGraph(random, { ...options, outputs: channels * (options.multiplier ?? 1) });
  expectExact(caseOf(random, graph, spread), JSON.stringify(options));
}

describe.each(["int8", "uint8", "float32"] as Kind[])("depthwiseConv2d of %s", (kind) => {
  const ways: Rounding[] = kind === "float32" ? ["single"] : ["single", "double"];

  test.each(ways)("kernels 1×1 to 5×5 at every channel edge, %s", (rounding) => {
    for (let height = 1; height <= 5; height++)
      for (let width = 1; width <= 5; width++)
        for (const channels of [
          channelEdges[(height * 5 + width) % 7]!,
          channelEdges[(height + width * 3) % 7]!,
        ])
          check({
            kind,
            rounding,
            kernel: [height, width],
            input: [1 + (height % 2), 5, 6, channels],
            padding: { top: height >> 1, left: width >> 1, bottom: (height - 1) >> 1, right: 0 },
            perChannel: channels !== 9,
            hasBias: channels !== 17,
          });
  });

  test.each(ways)("strides and dilations, %s", (rounding) => {
    for (const channels of channelEdges)
      for (const [stride, dilation] of [
        [2, 1],
        [1, 2],
        [3, 1],
        [2, 3],
      ] as const)
        check({
          kind,
          rounding,
          input: [2, 7, 8, channels],
          stride: [stride, 3 - (stride % 3)],
          dilation: [dilation, 1],
          padding: { top: 1, left: 2, bottom: 2, right: 1 },
          activation: { min: 0, max: 6 },
        });
  });

  test.each(ways)("several filters a channel, %s", (rounding) => {
    for (const multiplier of [2, 8])
      for (const channels of [1, 3, 7, 8])
        check({
          kind,
          rounding,
          multiplier,
          input: [2, 4, 5, channels],
          padding: { top: 1, left: 1, bottom: 1, right: 1 },
        });
  });

  test.each(ways)("extremes, %s", (rounding) => {
    for (const weights of ["extremes", "zeros"] as const)
      for (const zeroPoints of ["lowest", "highest"] as const)
        for (const weightOffset of kind === "float32" ? [0] : [-128, 0, 9, 127])
          check(
            {
              kind,
              rounding,
              weights,
              zeroPoints,
              weightOffset,
              perChannel: weightOffset === 0,
              input: [1, 4, 4, 17],
              padding: { top: 1, left: 1, bottom: 1, right: 1 },
            },
            "extremes",
          );
  });
});

test("depthwiseConv2d of float32 with infinities, NaN, denormals and signed zeros", () => {
  for (let i = 0; i < 20; i++)
    check(
      {
        kind: "float32",
        input: [1, 4, 5, 1 + i],
        padding: { top: i % 2, left: 1, bottom: 1, right: 0 },
        weights: i % 3 ? "special" : "zeros",
        hasBias: false,
        activation: i % 2 ? { min: 0, max: 6 } : { min: -Infinity, max: Infinity },
      },
      "special",
    );
});

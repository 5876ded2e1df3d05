import { describe, test } from "vitest";
import { elementCount, noActivation, type Tensor } from "../../src/graph/graph.ts";
import {
  caseOf,
  drawValues,
  graphOf,
  node,
  type Random,
  randomFrom,
  type Spread,
} from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

interface Options {
  rows: number[];
  n: number;
  k: number;
  bits: 8 | 4 | 2;
  blockSize: number;
  hasZeroPoints?: boolean;
  hasCodebook?: boolean;
  extremes?: boolean;
  spread?: Spread;
  activation?: { min: number; max: number };
}

function graphFor(random: Random, options: Options) {
  const { rows, n, k, bits, blockSize, hasZeroPoints, hasCodebook, extremes } = options;
  const [low, high] = hasCodebook ? [0, 15] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const count = n * Math.ceil(k / blockSize);
  const x: Tensor = { name: "x", dtype: "float32", shape: [...rows, k] };
  const w: Tensor = {
    name: "w",
    dtype: "int8",
    shape: [n, k],
    data: Int8Array.from({ length: n * k }, () => (extremes ? high : random.int(low, high))),
    quantization: {
      scale: Float32Array.from({ length: count }, () => random.real(0.001, 0.1)),
      zeroPoint: Int32Array.from({ length: count }, () =>
        hasZeroPoints ? (extremes ? low : random.int(low, high)) : 0,
      ),
      axis: 0,
    },
  };
  const bias: Tensor = { name: "b", dtype: "float32", shape: [n], data: drawValues(random, "float32", n) };
  const y: Tensor = { name: "y", dtype: "float32", shape: [...rows, n] };
  const attributes = {
    activation: options.activation ?? noActivation,
    bits,
    blockSize,
    ...(hasCodebook && { codebook: Int8Array.from({ length: 16 }, () => random.int(-128, 127)) }),
  };
  return graphOf([node("dynamicFullyConnected", [x, w, bias], y, attributes)], "single");
}

let seed = 9100;
function check(options: Options): void {
  const random = randomFrom(seed++);
  expectExact(caseOf(random, graphFor(random, options), options.spread), JSON.stringify(options));
}

const schemes = [
  { bits: 8 },
  { bits: 4 },
  { bits: 2 },
  { bits: 4, hasCodebook: true },
  { bits: 8, hasZeroPoints: true },
  { bits: 4, hasZeroPoints: true },
  { bits: 2, hasZeroPoints: true },
] as const;

describe.each(schemes)("dynamic fully connected, %o", (scheme) => {
  test("every number of rows and columns around a tile's edge", () => {
    for (const m of [1, 2, 3, 4, 5, 8, 9])
      for (const n of [1, 7, 8, 9, 16, 17]) check({ rows: [m], n, k: 40, blockSize: 32, ...scheme });
  });

  test("every k around a block's edge", () => {
    for (const k of [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97])
      for (const blockSize of [8, 32, 128])
        for (const m of [1, 2, 5]) check({ rows: [m], n: 9, k, blockSize, ...scheme });
  });

  test("extremes", () => {
    for (const m of [1, 4])
      for (const spread of ["extremes", "special"] as Spread[])
        check({ rows: [m], n: 16, k: 300, blockSize: 304, extremes: true, spread, ...scheme });
  });

  test("rows of zeros, and bounds", () => {
    check({ rows: [2, 3], n: 5, k: 24, blockSize: 8, activation: { min: 0, max: 6 }, ...scheme });
    const random = randomFrom(seed++);
    const graph = graphFor(random, { rows: [6], n: 5, k: 24, blockSize: 8, ...scheme });
    expectExact({ graph, inputs: [new Float32Array(elementCount([6, 24]))] });
  });
});

import { describe, expect, test } from "vitest";
import { DOT_SATURATES, DOT_SIGNED, DOT_UNSIGNED } from "../../assembly/abi.ts";
import { type Graph, noActivation, type Tensor } from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import { startEngine } from "../../src/runtime/tiers.ts";
import { wasm } from "../../src/wasm.ts";
import {
  convGraph,
  depthwiseGraph,
  drawValues,
  fullyConnectedGraph,
  graphOf,
  node,
  randomFrom,
} from "../helpers/graphs.ts";
import { tiers } from "../helpers/tiers.ts";

const absent = !tiers.includes("relaxed");

interface Overridable {
  assume_dot_mode(mode: number): void;
}

/** The output bytes of a packed file in one tier; `mode` overrides what its probe found. */
function outputOf(file: Uint8Array, tier: "relaxed" | "simd", isFloat: boolean, mode?: number): Uint8Array {
  const { engine } = startEngine(wasm, tier);
  if (mode !== undefined) (engine as unknown as Overridable).assume_dot_mode(mode);
  const pointer = engine.reserve(file.length);
  new Uint8Array(engine.memory.buffer).set(file, pointer);
  expect(engine.load(pointer, file.length)).toBe(0);
  const random = randomFrom(7);
  const draw = (i: number): number => (i % 5 ? random.int(-128, 127) : random.pick([-128, 127]));
  const input = new Int8Array(engine.memory.buffer, engine.input_ptr(0), engine.input_bytes(0));
  if (isFloat) {
    const values = new Float32Array(input.buffer, input.byteOffset, input.length / 4);
    for (let i = 0; i < values.length; i++) values[i] = draw(i) / 32;
  } else for (let i = 0; i < input.length; i++) input[i] = draw(i);
  engine.invoke();
  return new Uint8Array(engine.memory.buffer, engine.output_ptr(0), engine.output_bytes(0)).slice();
}

/** Sums of two products with any activation then stay below 2¹⁵, so that engines that saturate are exact too. */
function halveWeights(graph: Graph): Graph {
  const weights = graph.nodes[0].inputs[1]!.data as Int8Array;
  for (let i = 0; i < weights.length; i++) weights[i] >>= 1;
  return graph;
}

type Sides = [top: number, left: number, bottom: number, right: number];

/** 3 × 3 windows: odd and even sizes, rows that are whole sixteens of bytes and others, padding on any side and on none. */
const depthwise: [height: number, width: number, channels: number, stride: [number, number], Sides][] = [
  [5, 8, 12, [1, 1], [1, 1, 1, 1]],
  [6, 7, 16, [1, 1], [1, 1, 1, 1]],
  [4, 6, 8, [1, 1], [0, 0, 0, 0]],
  [3, 4, 20, [1, 1], [2, 2, 2, 2]],
  [7, 5, 32, [1, 1], [0, 2, 3, 0]],
  [1, 1, 48, [1, 1], [1, 1, 1, 1]],
  [4, 4, 4, [1, 1], [5, 4, 4, 5]],
  [5, 5, 8, [1, 1], [1, 1, 1, 1]],
  [5, 8, 6, [1, 1], [1, 1, 1, 1]],
  [6, 8, 16, [2, 2], [0, 0, 1, 1]],
  [7, 7, 16, [1, 2], [1, 1, 1, 1]],
];

const graphs = (["single", "double"] as const).flatMap((rounding) =>
  [0, 3].flatMap((weightOffset) => {
    const options = { rounding, weightOffset };
    return [
      convGraph(randomFrom(1), { ...options, input: [2, 6, 5, 7], outputs: 13, kernel: [3, 2] }),
      convGraph(randomFrom(3), {
        ...options,
        input: [2, 5, 8, 8],
        outputs: 13,
        kernel: [3, 3],
        padding: { top: 1, left: 2, bottom: 1, right: 0 },
      }),
      convGraph(randomFrom(2), { ...options, input: [1, 5, 5, 12], outputs: 18, groups: 3 }),
      ...depthwise.map(([height, width, channels, stride, padding], seed) =>
        depthwiseGraph(randomFrom(seed), {
          ...options,
          input: [2, height, width, channels],
          outputs: channels,
          kernel: [3, 3],
          stride,
          padding: { top: padding[0], left: padding[1], bottom: padding[2], right: padding[3] },
          perChannel: seed % 3 > 0,
          hasBias: seed % 4 > 0,
          activation: seed % 2 ? { min: 0, max: 6 } : noActivation,
        }),
      ),
      ...[1, 2, 3, 4, 5, 9].map((rows) => fullyConnectedGraph(randomFrom(rows), [rows], 17, 35, options)),
    ];
  }),
);

interface Blocks {
  bits: 8 | 4 | 2;
  rows: number;
  k: number;
  blockSize: number;
  hasZeroPoints?: boolean;
  hasCodebook?: boolean;
}

/**
 * Float activations × weights in blocks. With their sign bit flipped weights of a whole byte are in 0…127 if they are negative,
 * and no sum of two products then passes 2¹⁵, whatever the mode: engines that saturate are exact too.
 */
function dynamicGraph(seed: number, options: Blocks): Graph {
  const { bits, rows, k, blockSize, hasZeroPoints, hasCodebook } = options;
  const random = randomFrom(seed);
  const n = 19;
  const [low, high] = hasCodebook
    ? [0, 15]
    : bits === 8
      ? [-128, -1]
      : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const count = n * Math.ceil(k / blockSize);
  const x: Tensor = { name: "x", dtype: "float32", shape: [rows, k] };
  const w: Tensor = {
    name: "w",
    dtype: "int8",
    shape: [n, k],
    data: Int8Array.from({ length: n * k }, () => random.int(low, high)),
    quantization: {
      scale: Float32Array.from({ length: count }, () => random.real(0.001, 0.1)),
      zeroPoint: Int32Array.from({ length: count }, () => (hasZeroPoints ? random.int(low, high) : 0)),
      axis: 0,
    },
  };
  const bias: Tensor = { name: "b", dtype: "float32", shape: [n], data: drawValues(random, "float32", n) };
  const y: Tensor = { name: "y", dtype: "float32", shape: [rows, n] };
  const attributes = {
    activation: noActivation,
    bits,
    blockSize,
    ...(hasCodebook && { codebook: Int8Array.from({ length: 16 }, () => random.int(-128, -1)) }),
  };
  return graphOf([node("dynamicFullyConnected", [x, w, bias], y, attributes)], "single");
}

const dynamicGraphs = (
  [
    { bits: 4 },
    { bits: 2 },
    { bits: 8 },
    { bits: 4, hasCodebook: true },
    { bits: 4, hasZeroPoints: true },
    { bits: 2, hasZeroPoints: true },
    { bits: 8, hasZeroPoints: true },
  ] as const
).flatMap((scheme) =>
  [1, 2, 3, 4, 5, 9].flatMap((rows) =>
    [8, 32, 40, 104].map((blockSize) => dynamicGraph(rows, { ...scheme, rows, k: 101, blockSize })),
  ),
);

describe.skipIf(absent)(`relaxed dot products${absent ? " (skipped: this engine has none)" : ""}`, () => {
  const found = absent ? DOT_SATURATES : startEngine(wasm, "relaxed").engine.dot_mode();

  test("the kernels that keep out of them give the same bytes", () => {
    for (const graph of graphs) {
      const { bytes } = pack(graph);
      expect(outputOf(bytes, "relaxed", false, DOT_SATURATES)).toEqual(outputOf(bytes, "simd", false));
    }
  });

  test("weights in blocks give the same bytes without them", () => {
    for (const graph of dynamicGraphs) {
      const { bytes } = pack(graph);
      expect(outputOf(bytes, "relaxed", true, DOT_SATURATES)).toEqual(outputOf(bytes, "simd", true));
    }
  });

  test("weights in blocks give the same bytes on them", () => {
    const mode = found === DOT_SIGNED ? DOT_SIGNED : DOT_UNSIGNED;
    for (const graph of dynamicGraphs) {
      const { bytes } = pack(graph);
      expect(outputOf(bytes, "relaxed", true, mode)).toEqual(outputOf(bytes, "simd", true));
    }
  });

  test(`the kernels on them give the same bytes (this engine was found to be in mode ${found})`, () => {
    for (const graph of graphs) {
      const { bytes } = pack(halveWeights(graph));
      const mode = found === DOT_SIGNED ? DOT_SIGNED : DOT_UNSIGNED;
      expect(outputOf(bytes, "relaxed", false, mode)).toEqual(outputOf(bytes, "simd", false));
    }
  });
});

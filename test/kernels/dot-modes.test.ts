import { describe, expect, test } from "vitest";
import { DOT_SATURATES, DOT_SIGNED, DOT_UNSIGNED } from "../../assembly/abi.ts";
import { type Graph, noActivation } from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import { startEngine } from "../../src/runtime/tiers.ts";
import { wasm } from "../../src/wasm.ts";
import { convGraph, depthwiseGraph, fullyConnectedGraph, randomFrom } from "../helpers/graphs.ts";
import { tiers } from "../helpers/tiers.ts";

const absent = !tiers.includes("relaxed");

interface Overridable {
  assume_dot_mode(mode: number): void;
}

/** The output bytes of a packed file in one tier; `mode` overrides what its probe found. */
function outputOf(file: Uint8Array, tier: "relaxed" | "simd", mode?: number): Uint8Array {
  const { engine } = startEngine(wasm, tier);
  if (mode !== undefined) (engine as unknown as Overridable).assume_dot_mode(mode);
  const pointer = engine.reserve(file.length);
  new Uint8Array(engine.memory.buffer).set(file, pointer);
  expect(engine.load(pointer, file.length)).toBe(0);
  const random = randomFrom(7);
  const input = new Int8Array(engine.memory.buffer, engine.input_ptr(0), engine.input_bytes(0));
  for (let i = 0; i < input.length; i++) input[i] = i % 5 ? random.int(-128, 127) : random.pick([-128, 127]);
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

describe.skipIf(absent)(`relaxed dot products${absent ? " (skipped: this engine has none)" : ""}`, () => {
  const found = absent ? DOT_SATURATES : startEngine(wasm, "relaxed").engine.dot_mode();

  test("the kernels that keep out of them give the same bytes", () => {
    for (const graph of graphs) {
      const { bytes } = pack(graph);
      expect(outputOf(bytes, "relaxed", DOT_SATURATES)).toEqual(outputOf(bytes, "simd"));
    }
  });

  test(`the kernels on them give the same bytes (this engine was found to be in mode ${found})`, () => {
    for (const graph of graphs) {
      const { bytes } = pack(halveWeights(graph));
      const mode = found === DOT_SIGNED ? DOT_SIGNED : DOT_UNSIGNED;
      expect(outputOf(bytes, "relaxed", mode)).toEqual(outputOf(bytes, "simd"));
    }
  });
});

/** OP_SPECTRUM and OP_MICRO_FEATURES against the reference, in every tier. */

import { describe, expect, test } from "vitest";
import { microFeatures } from "../../src/audio/micro.ts";
import type { Graph, MicroFeatures, SpectrumKind, Tensor, TensorData } from "../../src/graph/graph.ts";
import { makeNode } from "../../src/graph/passes/rewrite.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { randomFrom } from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

const plain = (name: string, dtype: Tensor["dtype"], shape: number[]): Tensor => ({ name, dtype, shape });

interface Case {
  kind: SpectrumKind;
  size: number;
  length: number;
  hop: number;
  frames: number;
  rows: number;
  int16?: boolean;
  /** Samples behind the last frame. */
  rest?: number;
}

function check(given: Case, fill?: (i: number) => number): void {
  const { kind, size, length, hop, frames, rows, int16 = false, rest = 0 } = given;
  const random = randomFrom(size + length + frames);
  const samples = (frames - 1) * hop + length + rest;
  const x = plain("x", int16 ? "int16" : "float32", [rows, samples]);
  const window: Tensor = {
    ...plain("window", "float32", [length]),
    data: Float32Array.from({ length }, () => random.real(-1, 1)),
  };
  const bins = kind === "complex" ? [size / 2 + 1, 2] : [size / 2 + 1];
  const y = plain("y", "float32", [rows, frames, ...bins]);
  const count = x.shape.reduce((n, d) => n * d, 1);
  const value = fill ?? (() => (int16 ? random.int(-32768, 32767) : random.real(-1, 1)));
  const data: TensorData = int16
    ? Int16Array.from({ length: count }, (_, i) => value(i))
    : Float32Array.from({ length: count }, (_, i) => value(i));
  const node = makeNode("spectrum", "s", [x, window], y, { kind, size, hop });
  const graph: Graph = { name: "s", nodes: [node], inputs: [x], outputs: [y], rounding: "single" };
  expectExact({ graph, inputs: [data] }, JSON.stringify(given));
}

const sizes = [4, 8, 16, 32, 64, 128, 512];

describe.each(["complex", "power"] as const)("spectrum, %s", (kind) => {
  test.each(sizes)("of %i points", (size) => {
    check({ kind, size, length: size, hop: 1, frames: 1, rows: 1 });
    check({ kind, size, length: size - 1, hop: 3, frames: 3, rows: 2, rest: 2 });
    check({ kind, size, length: 1, hop: 0, frames: 2, rows: 1 });
  });

  test("of silence, infinities and NaN", () => {
    const shape = { kind, size: 16, length: 16, hop: 1, frames: 1, rows: 1 };
    check(shape, () => 0);
    check(shape, () => -0);
    check(shape, (i) => (i === 3 ? Infinity : 1));
    check(shape, (i) => (i === 5 ? Number.NaN : 0));
    check(shape, (i) => (i % 2 ? 3e38 : -3e38));
    check(shape, () => 1e-45);
  });
});

test.each(["complex", "power"] as const)("spectrum of int16 samples, %s", (kind) => {
  check({ kind, size: 64, length: 48, hop: 17, frames: 3, rows: 2, int16: true, rest: 5 });
  check({ kind, size: 8, length: 8, hop: 8, frames: 2, rows: 1, int16: true }, (i) =>
    i % 2 ? -32768 : 32767,
  );
});

test.each([4, 8, 64, 512, 1024])("a spectrum of %i points is the discrete Fourier transform", (size) => {
  const samples = Float32Array.from({ length: size }, (_, n) => Math.sin(n * n * 0.37) + 0.2 * Math.cos(n));
  const x = plain("x", "float32", [size]);
  const window: Tensor = { ...plain("window", "float32", [size]), data: new Float32Array(size).fill(1) };
  const y = plain("y", "float32", [1, size / 2 + 1, 2]);
  const node = makeNode("spectrum", "s", [x, window], y, { kind: "complex", size, hop: 1 });
  const graph: Graph = { name: "s", nodes: [node], inputs: [x], outputs: [y], rounding: "single" };
  const model = createModel(wasm, pack(graph).bytes);
  model.input().set(samples as never);
  model.invoke();
  for (let k = 0; k <= size / 2; k++) {
    const sums = [0, 0];
    for (const [n, v] of samples.entries()) {
      sums[0]! += v * Math.cos((2 * Math.PI * k * n) / size);
      sums[1]! -= v * Math.sin((2 * Math.PI * k * n) / size);
    }
    // Computed in double precision, so off by no more than the last rounding.
    for (const [part, sum] of sums.entries())
      expect(Math.abs(Number(model.output()[2 * k + part]) - sum)).toBeLessThan(6e-8 * Math.abs(sum) + 1e-11);
  }
  model.dispose();
});

function checkMicro(
  settings: MicroFeatures,
  frames: number,
  sample: (i: number) => number,
  estimate: (i: number) => number,
): void {
  const { hop, window, bands } = settings;
  const x = plain("x", "int16", [(frames - 1) * hop + window.length]);
  const noise = plain("noise", "int32", [bands.length]);
  const y = plain("y", "int32", [frames, bands.length]);
  const next = plain("next", "int32", [bands.length]);
  const node = makeNode("microFeatures", "m", [x, noise], [y, next], settings);
  const graph: Graph = {
    name: "m",
    nodes: [node],
    inputs: [x, noise],
    outputs: [y, next],
    rounding: "single",
  };
  const inputs = [
    Int16Array.from({ length: x.shape[0] }, (_, i) => sample(i)),
    Int32Array.from({ length: bands.length }, (_, i) => estimate(i)),
  ];
  expectExact({ graph, inputs }, `${frames} frames`);
}

const speech = microFeatures({
  ...{ sampleRate: 16000, window: 480, hop: 160, channels: 40, lowest: 125, highest: 7500 },
  ...{ noise: { even: 0.025, odd: 0.06, leastSignal: 0.05 }, gain: { strength: 0.95, offset: 80 } },
});

describe("the integer front end", () => {
  const random = randomFrom(7);
  const loud = () => random.int(-32768, 32767);

  test("on noise of every loudness, silence and full scale", () => {
    for (const bits of [0, 1, 4, 8, 12, 15])
      checkMicro(
        speech,
        4,
        () => loud() >> bits,
        () => 0,
      );
    checkMicro(
      speech,
      2,
      () => 0,
      () => 0,
    );
    checkMicro(
      speech,
      2,
      () => -32768,
      () => random.int(-(2 ** 31), 2 ** 31 - 1),
    );
    checkMicro(
      speech,
      2,
      (i) => (i & 64 ? -32768 : 32767),
      () => -1,
    );
    checkMicro(
      speech,
      1,
      (i) => (i === 100 ? 1 : 0),
      (i) => 2 ** (i % 31),
    );
  });

  test("without its stages, one after the other", () => {
    const { noise, gain, ...base } = speech;
    for (const stages of [{}, { noise }, { gain }] as Partial<MicroFeatures>[])
      checkMicro({ ...base, ...stages }, 3, loud, () => 0);
    for (const log of [
      { scale: 1, correctionBits: 0 },
      { scale: 65535, correctionBits: 20 },
    ])
      checkMicro(
        { ...speech, log },
        3,
        () => loud() >> 9,
        (i) => i * 1e6,
      );
  });

  test("with other sizes, windows and bands", () => {
    for (const size of [4, 8, 32, 128, 256]) {
      const bins = size / 2 + 1;
      const window = Int16Array.from({ length: size - 1 }, () => random.int(-32768, 32767));
      const bands = Array.from({ length: 5 }, (_, c) => {
        const first = Math.min(c, bins - 1);
        return { first, weights: Int16Array.from({ length: bins - first }, () => random.int(0, 4096)) };
      });
      checkMicro({ ...speech, size, window, windowShift: 14, bands, hop: 3 }, 4, loud, loud);
      const none = [{ first: 0, weights: new Int16Array(0) }];
      checkMicro({ ...speech, size, window, windowShift: 15, bands: none, hop: 1 }, 2, loud, () => 0);
    }
  });

  test("overflows of the transform wrap", () => {
    const size = 64;
    const window = new Int16Array(size).fill(1);
    const bands = [{ first: 0, weights: new Int16Array(size / 2 + 1).fill(1) }];
    const { noise: _noise, gain: _gain, ...base } = speech;
    for (let k = 1; k < size / 2; k++) {
      const square = (i: number) => (Math.cos((2 * Math.PI * k * (i + 0.3)) / size) < 0 ? -32768 : 32767);
      checkMicro({ ...base, size, window, windowShift: 0, bands }, 1, square, () => 0);
    }
  });
});

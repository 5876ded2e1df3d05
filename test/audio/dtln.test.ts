/** Noise suppression from samples to samples: DTLN's two networks between a transform, its inverse and overlap-add. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { inverseSpectrum } from "../../src/audio/inverse-spectrum.ts";
import { type Graph, type Node, noActivation, type State, type Tensor } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { makeNode } from "../../src/graph/passes/rewrite.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel } from "../../src/runtime/model.ts";
import { readWav } from "../../src/samples/wav.ts";
import { wasm } from "../../src/wasm.ts";
import { dataFolder } from "../helpers/data.ts";
import { tiers } from "../helpers/tiers.ts";

const data = dataFolder();
const float = (name: string, shape: number[], values?: Float32Array): Tensor => ({
  name,
  dtype: "float32",
  shape,
  ...(values && { data: values }),
});

const size = 512;
const hop = 128;

test("the inverse of a spectrum gives back the samples", () => {
  for (const points of [8, 64, 512]) {
    const bins = points / 2 + 1;
    const x = float("x", [1, points]);
    const ones = float("ones", [points], new Float32Array(points).fill(1));
    const spectrum = float("spectrum", [1, 1, bins, 2]);
    const pairs = float("pairs", [1, bins, 2]);
    const nodes: Node[] = [
      makeNode("spectrum", "spectrum", [x, ones], spectrum, { kind: "complex", size: points, hop: points }),
      makeNode("reshape", "pairs", [spectrum], pairs, {}),
    ];
    const y = inverseSpectrum(nodes, pairs, "inverse");
    const graph: Graph = { name: "round trip", nodes, inputs: [x], outputs: [y], rounding: "single" };
    const samples = Float32Array.from({ length: points }, (_, n) => Math.sin(n * n * 0.7));
    for (const tier of tiers) {
      const model = createModel(wasm, pack(graph).bytes, { tier });
      model.input().set(samples as never);
      model.invoke();
      for (const [n, v] of samples.entries())
        expect(Math.abs(Number(model.output()[n]) - v)).toBeLessThan(1e-6);
      model.dispose();
    }
  }
});

const models = join(data ?? "", "models/onnx");

function network(name: string): Graph {
  const file = join(models, `${name}.onnx`);
  const graph = optimize(importOnnx(readFileSync(file), { file, inputShapes: {} }));
  // Both networks name their insides alike.
  for (const node of graph.nodes) {
    node.name = `${name}/${node.name}`;
    for (const t of [...node.inputs, ...node.outputs])
      if (t && !t.name.startsWith(name)) t.name = `${name}/${t.name}`;
  }
  return graph;
}

/** 128 samples in, 128 out, 384 later: everything between is the packed file's. */
function suppressor(): Graph {
  const [first, second] = [network("dtln_1_float"), network("dtln_2_float")];
  const bins = size / 2 + 1;
  const audio = float("audio", [1, hop]);
  const [kept, whole, next] = [
    float("kept", [1, size - hop]),
    float("whole", [1, size]),
    float("next", [1, size - hop]),
  ];
  const ones = float("ones", [size], new Float32Array(size).fill(1));
  const [complex, power] = [float("complex", [1, 1, bins, 2]), float("power", [1, 1, bins])];
  const mask = float("mask", [1, bins, 1]);
  const [pairs, masked] = [float("pairs", [1, bins, 2]), float("masked", [1, bins, 2])];
  const [sum, shifted, rest] = [
    float("sum", [1, size]),
    float("shifted", [1, size]),
    float("rest", [1, size - hop]),
  ];
  const nothing = float("nothing", [1, hop], new Float32Array(hop));
  const [tail, clean] = [float("tail", [1, size - hop]), float("clean", [1, hop])];
  const out = float("out", [1, size]);
  const activation = noActivation;
  const [magnitudes, firstState] = first.inputs;
  const [waves, secondState] = second.inputs;
  const back: Node[] = [];
  const samples = inverseSpectrum(back, masked, "inverse");
  const nodes: Node[] = [
    makeNode("concat", "whole", [kept, audio], whole, { axis: 1, activation }),
    makeNode("slice", "next", [whole], next, { begin: [0, hop], stride: [1, 1] }),
    makeNode("spectrum", "complex", [whole, ones], complex, { kind: "complex", size, hop }),
    makeNode("spectrum", "power", [whole, ones], power, { kind: "power", size, hop }),
    makeNode("unary", "magnitudes", [power], magnitudes!, { kind: "sqrt" }),
    ...first.nodes,
    makeNode("reshape", "mask", [first.outputs[0]!], mask, {}),
    makeNode("reshape", "pairs", [complex], pairs, {}),
    makeNode("mul", "masked", [pairs, mask], masked, { activation }),
    ...back,
    makeNode("reshape", "waves", [samples], waves!, {}),
    ...second.nodes,
    makeNode("reshape", "out", [second.outputs[0]!], out, {}),
    makeNode("concat", "shifted", [tail, nothing], shifted, { axis: 1, activation }),
    makeNode("add", "sum", [shifted, out], sum, { activation }),
    makeNode("slice", "clean", [sum], clean, { begin: [0, 0], stride: [1, 1] }),
    makeNode("slice", "rest", [sum], rest, { begin: [0, hop], stride: [1, 1] }),
  ];
  const states: State[] = [
    { name: "kept", value: kept, next },
    { name: "tail", value: tail, next: rest },
    { name: "first", value: firstState!, next: first.outputs[1]! },
    { name: "second", value: secondState!, next: second.outputs[1]! },
  ];
  return { name: "dtln", nodes, inputs: [audio], outputs: [clean], states, rounding: "single" };
}

describe.skipIf(!existsSync(join(models, "dtln_1_float.onnx")))(
  "DTLN from samples (skipped without data)",
  () => {
    const speech = () =>
      readWav(readFileSync(join(data!, "audio/silero_test.wav")), "clip", 16000).samples.slice(0, 80000);
    const energy = (values: ArrayLike<number>): number => Array.from(values).reduce((s, v) => s + v * v, 0);

    function clean(noisy: Float32Array): Float32Array {
      const model = createModel(wasm, pack(suppressor()).bytes);
      const y = new Float32Array(noisy.length);
      for (let at = 0; at + hop <= noisy.length; at += hop) {
        model.input().set(noisy.subarray(at, at + hop) as never);
        model.invoke();
        y.set(model.output() as Float32Array, at);
      }
      model.dispose();
      return y;
    }

    test("takes noise out of speech and leaves the speech", { timeout: 60_000 }, () => {
      const clip = speech();
      let seed = 1;
      const noise = clip.map(() => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return (seed / 2 ** 32 - 0.5) * 0.06;
      });
      // What comes out belongs to what came in 384 samples before.
      const late = size - hop;
      const after = (values: Float32Array) => values.subarray(late);
      const before = (values: Float32Array) => values.subarray(0, values.length - late);
      const ratio = (found: Float32Array): number =>
        10 * Math.log10(energy(before(clip)) / energy(after(found).map((v, i) => v - clip[i]!)));
      const delayed = new Float32Array(clip.length);
      delayed.set(before(clip.map((v, i) => v + noise[i]!)), late);
      const [noisy, cleaned] = [ratio(delayed), ratio(clean(clip.map((v, i) => v + noise[i]!)))];
      expect(cleaned).toBeGreaterThan(noisy + 5);
      // Noise alone becomes far quieter.
      expect(10 * Math.log10(energy(noise) / energy(after(clean(noise))))).toBeGreaterThan(15);
    });
  },
);

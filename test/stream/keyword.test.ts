import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createFeatures } from "../../src/audio/features.ts";
import { frontEnds, withFrontEnd } from "../../src/audio/front-end.ts";
import { elementCount, type Graph } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { importModel } from "../../src/import/index.ts";
import { inspect } from "../../src/inspect/inspect.ts";
import { pack } from "../../src/pack/pack.ts";
import { quantize } from "../../src/quantize/index.ts";
import { createExecutor } from "../../src/runtime/executor.ts";
import { openSamples } from "../../src/samples/read.ts";
import { readWav } from "../../src/samples/wav.ts";
import { streamWindows } from "../../src/stream/index.ts";
import { dataFolder } from "../helpers/data.ts";
import { randomFrom } from "../helpers/graphs.ts";
import { expectSame } from "./compare.ts";
import { netOf } from "./nets.ts";

const example = fileURLToPath(new URL("../../examples/keyword/", import.meta.url));
const float = optimize(importModel(readFileSync(`${example}model.onnx`), { file: "model.onnx" }));
const labels = readFileSync(`${example}labels.txt`, "utf8").trim().split("\n");
const clips = openSamples(`${example}clips`, float.inputs, { labels, audio: "log-mel" });
const int8 = quantize(float, clips, { makeExecutor: createExecutor }).graph;

/** All frames of a recording. */
function framesOf(samples: Float32Array): Float32Array {
  const { samples: _, ...frontEnd } = frontEnds["log-mel"];
  return createFeatures(frontEnd, [Math.floor((samples.length - 480) / 320) + 1, 40])(samples);
}

const spoken = readdirSync(`${example}clips`).sort();
const audio = Float32Array.from(
  spoken.flatMap((name) => [
    ...readWav(new Uint8Array(readFileSync(`${example}clips/${name}`)), name).samples,
  ]),
);
const words = framesOf(audio);

const macs = (graph: Graph): number => inspect(pack(graph).bytes, { file: "graph" }).macs;

describe("the keyword model as a stream", () => {
  it.each([2, 4, 6])("int8, %i frames a step, hears in the clips what it hears in whole windows", (hop) => {
    const { windows } = expectSame(int8, hop, words);
    expect(windows).toBeGreaterThan(90);
  });
  it("float32, 2 frames a step", () => {
    expect(expectSame(float, 2, words).windows).toBeGreaterThan(290);
  });

  const recording = join(dataFolder() ?? "", "audio/silero_test.wav");
  it.skipIf(!existsSync(recording))("int8, over a minute of speech (skipped without the data)", () => {
    const { samples } = readWav(new Uint8Array(readFileSync(recording)), recording, 16000);
    expect(expectSame(int8, 2, framesOf(samples)).windows).toBe(1475);
  });
  it("with its front end, from samples", () => {
    const { samples: _, ...frontEnd } = frontEnds["log-mel"];
    const { windows, stream } = expectSame(withFrontEnd(int8, frontEnd), 640, audio);
    expect(windows).toBeGreaterThan(290);
    expect(stream.graph.inputs[0].shape).toEqual([1, 640]);
  });
  it("says what its padding costs", () => {
    const { graph, whole } = streamWindows(int8, { hop: 2 });
    expect(whole).toEqual([
      {
        node: "/blocks/blocks.3/body/body.0/Conv",
        reason: "padding at the window's ends reaches too many of its columns",
      },
    ]);
    expect(macs(graph) / macs(int8)).toBeCloseTo(0.443, 3);
  });
});

/** The keyword model's layers without padding along time, as a model for streams is trained. */
function unpaddedKeyword(): Graph {
  const net = netOf(randomFrom(7), "int8", [1, 49, 1, 40]);
  const layer = (kernel: number, stride = 1): void => {
    const before = net.last;
    net
      .depthwise({ kernel: [kernel, 1], stride: [stride, 1] })
      .relu()
      .conv({ kernel: [1, 1], outputs: 96 });
    if (stride === 1) net.add(before, kernel >> 1).relu();
  };
  net.conv({ kernel: [5, 1], outputs: 96 }).relu();
  layer(9);
  layer(9, 2);
  for (let i = 0; i < 4; i++) layer(3);
  return net.mean().dense(12).graph();
}

it("without padding, a step costs less than a tenth of a window", () => {
  const graph = unpaddedKeyword();
  const frames = Int8Array.from({ length: 600 * elementCount([1, 40]) }, (_, i) => (i * 7919) % 251);
  const { stream, windows } = expectSame(graph, 2, frames);
  expect(windows).toBe(276);
  expect(stream.whole).toEqual([]);
  expect(macs(stream.graph) / macs(graph)).toBeLessThan(0.1);
});

import { expect } from "vitest";
import { elementCount, type Graph, type TensorData } from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel } from "../../src/runtime/model.ts";
import type { Tier } from "../../src/runtime/tiers.ts";
import { type Stream, streamWindows } from "../../src/stream/index.ts";
import { wasm } from "../../src/wasm.ts";
import { drawValues, type Kind, type Random } from "../helpers/graphs.ts";

const bitsOf = (values: TensorData): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();

/**
 * Runs the whole window at every step and the stream beside it; outputs have to be equal bit for bit from the first
 * whole window on. Time is dimension 1 of an input [1, T, …]. Answers how many windows were compared.
 */
export function expectSame(
  graph: Graph,
  hop: number,
  frames: TensorData,
  tier: Tier | "auto" = "auto",
): { stream: Stream; windows: number } {
  const stream = streamWindows(graph, { hop });
  const [, window, ...rest] = graph.inputs[0].shape;
  const column = elementCount(rest);
  const whole = createModel(wasm, pack(graph).bytes, { tier });
  const step = createModel(wasm, pack(stream.graph).bytes, { tier });
  expect(elementCount(step.inputs[0].shape)).toBe(hop * column);
  expect(step.outputs.map(({ name, dtype, shape }) => ({ name, dtype, shape }))).toEqual(
    whole.outputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
  );
  const part = (from: number, to: number) =>
    (frames as Float32Array).subarray(from * column, to * column) as never;
  const count = Math.floor(frames.length / column / hop);
  let windows = 0;
  for (let i = 1; i <= count; i++) {
    step.input().set(part((i - 1) * hop, i * hop));
    step.invoke();
    if (i <= stream.warmUp) continue;
    whole.input().set(part(i * hop - window, i * hop));
    whole.invoke();
    for (const { name } of whole.outputs) {
      if (!Buffer.from(bitsOf(step.output(name))).equals(bitsOf(whole.output(name))))
        expect(step.output(name), `step ${i} of ${count}, hop ${hop}, ${name}`).toEqual(whole.output(name));
    }
    windows++;
  }
  return { stream, windows };
}

export const randomFrames = (random: Random, graph: Graph, count: number): TensorData =>
  drawValues(random, graph.inputs[0].dtype as Kind, count * elementCount(graph.inputs[0].shape.slice(2)));

/** Both front ends, one with what it knows of the noise. */

import { microFeatures } from "../../src/audio/micro.ts";
import type { DType, Graph, Tensor } from "../../src/graph/graph.ts";
import { makeNode } from "../../src/graph/passes/rewrite.ts";

const plain = (name: string, dtype: DType, shape: number[]): Tensor => ({ name, dtype, shape });

/** A frame of 24 samples every 12, in a transform of 32 points. */
export function spectrumGraph(): Graph {
  const x = plain("x", "float32", [2, 48]);
  const window = {
    ...plain("window", "float32", [24]),
    data: Float32Array.from({ length: 24 }, (_, i) => i / 24),
  };
  const y = plain("y", "float32", [2, 3, 17]);
  const node = makeNode("spectrum", "spectrum", [x, window], y, { kind: "power", size: 32, hop: 12 });
  return { name: "spectrum", nodes: [node], inputs: [x], outputs: [y], rounding: "single" };
}

export function microGraph(): Graph {
  const settings = microFeatures({
    ...{ sampleRate: 1000, window: 60, hop: 20, channels: 4, lowest: 50, highest: 450 },
    ...{ noise: { even: 0.025, odd: 0.06, leastSignal: 0.05 }, gain: { strength: 0.95, offset: 80 } },
  });
  const x = plain("x", "int16", [1, 100]);
  const [value, next] = [plain("noise", "int32", [4]), plain("noise/next", "int32", [4])];
  const y = plain("y", "int32", [3, 4]);
  const node = makeNode("microFeatures", "micro", [x, value], [y, next], settings);
  const states = [{ name: "noise", value, next }];
  return { name: "micro", nodes: [node], inputs: [x], outputs: [y], states, rounding: "single" };
}

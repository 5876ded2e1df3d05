/** What the channels of tensors look like over samples: the last dimension numbers them. */

import type { Graph, Tensor } from "../../graph/graph.ts";
import { checkInputs, type Progress, type Samples } from "../calibrate.ts";
import type { MakeExecutor } from "../executor.ts";

export interface ChannelStatistics {
  low: Float64Array;
  high: Float64Array;
  /** The larger of |low| and |high|. */
  reach: Float64Array;
  meanSquare: Float64Array;
}

/** @param limit samples at most, the first ones */
export function channelStatistics(
  graph: Graph,
  tensors: readonly Tensor[],
  samples: Samples,
  makeExecutor: MakeExecutor,
  limit: number,
  onProgress?: Progress,
): Map<Tensor, ChannelStatistics> {
  const found = new Map(
    tensors.map((tensor) => {
      const channels = tensor.shape.at(-1) ?? 1;
      const [low, high] = [
        new Float64Array(channels).fill(Infinity),
        new Float64Array(channels).fill(-Infinity),
      ];
      return [
        tensor,
        { low, high, reach: new Float64Array(channels), meanSquare: new Float64Array(channels), count: 0 },
      ];
    }),
  );
  const executor = makeExecutor(graph);
  let done = 0;
  try {
    for (const sample of samples) {
      if (done >= limit) break;
      checkInputs(graph, sample);
      executor.run(sample.inputs);
      for (const [tensor, into] of found) {
        const values = executor.read(tensor) as Float32Array;
        const { low, high, meanSquare } = into;
        for (let i = 0; i < values.length; i++) {
          const [c, value] = [i % low.length, values[i]];
          low[c] = Math.min(low[c], value);
          high[c] = Math.max(high[c], value);
          meanSquare[c] += value * value;
        }
        into.count += values.length / low.length;
      }
      onProgress?.(++done, samples.length === undefined ? limit : Math.min(limit, samples.length));
    }
  } finally {
    executor.dispose();
  }
  for (const { low, high, reach, meanSquare, count } of found.values())
    for (let c = 0; c < reach.length; c++) {
      reach[c] = Math.max(Math.abs(low[c]), Math.abs(high[c]));
      meanSquare[c] /= count;
    }
  return found;
}

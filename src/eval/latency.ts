import type { TensorData } from "../graph/graph.ts";
import { uniform } from "../quantize/random.ts";
import type { Model } from "../runtime/model.ts";

/** Microseconds of one inference. */
export interface Latency {
  runs: number;
  min: number;
  low: number;
  median: number;
  high: number;
}

/** A clock reading costs and is only so fine, so that short runs are timed in batches of about this long. */
const batchMillis = 0.1;

/** Times `run`, copying the inputs included, after a quarter of the time to warm up; low and high enclose the middle half. */
export function measureLatency(model: Model, seconds: number): Latency {
  const inputs = Object.fromEntries(model.inputs.map(({ name }) => [name, noise(model.input(name))]));
  const batch = (count: number): number => {
    const start = performance.now();
    for (let i = 0; i < count; i++) model.run(inputs);
    return performance.now() - start;
  };
  const started = performance.now();
  let shortest = Infinity;
  do shortest = Math.min(shortest, batch(1));
  while (performance.now() - started < 250 * seconds);
  const count = Math.max(1, Math.round(batchMillis / Math.max(shortest, 1e-4)));
  const times: number[] = [];
  const start = performance.now();
  do times.push((1000 * batch(count)) / count);
  while (performance.now() - start < 750 * seconds);
  times.sort(ascending);
  return {
    runs: times.length * count,
    min: times[0]!,
    low: quantile(times, 0.25),
    median: quantile(times, 0.5),
    high: quantile(times, 0.75),
  };
}

export const ascending = (a: number, b: number): number => a - b;

export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.floor(share * (sorted.length - 1))]!;

/** Inputs that are the same on every run: bytes and floats (−1…1) without a pattern, zeros in other types. */
function noise(like: TensorData): TensorData {
  const values = like.slice();
  const next = uniform(12345);
  if (values instanceof Float32Array) for (let i = 0; i < values.length; i++) values[i] = 2 * next() - 1;
  else if (values instanceof Int8Array || values instanceof Uint8Array)
    for (let i = 0; i < values.length; i++) values[i] = Math.floor(256 * next());
  else values.fill(0 as never);
  return values;
}

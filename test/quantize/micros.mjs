import { loadModel } from "../../build/index.js";

/** Median microseconds of one inference of a packed model, after half a second of runs that don't count. */
export async function micros(bytes) {
  const model = await loadModel(bytes);
  const run = () => {
    const start = performance.now();
    model.invoke();
    return 1000 * (performance.now() - start);
  };
  const until = (seconds) => {
    const times = [];
    for (const end = performance.now() + 1000 * seconds; performance.now() < end; ) times.push(run());
    return times.sort((a, b) => a - b);
  };
  until(0.5);
  const times = until(1);
  model.dispose();
  return times[times.length >> 1];
}

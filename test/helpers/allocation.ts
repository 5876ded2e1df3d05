/**
 * A check of its own process: many inferences, and many models loaded and let go, leave every memory as it was. Run by
 * test/engine/memory.test.ts as `node --expose-gc <bundle> <tier> <model.nbl> <runs> <loads>`; prints JSON.
 */

import { readFileSync } from "node:fs";
import { createModel } from "../../src/runtime/model.ts";
import type { Tier } from "../../src/runtime/tiers.ts";
import { wasm } from "../../src/wasm.ts";

declare const gc: () => void;

const [tier, file, runs, loads] = process.argv.slice(2);
const bytes = new Uint8Array(readFileSync(file));
const load = () => createModel(wasm, bytes, { tier: tier as Tier });
const model = load();
const { name } = model.inputs[0];
const values = Float32Array.from(model.input() as Float32Array, (_, i) => Math.sin(i));
const inputs = { [name]: values };
const linear = model.input().buffer;

function heap(): number {
  gc();
  gc();
  return process.memoryUsage().heapUsed;
}

for (let i = 0; i < 20_000; i++) model.run(inputs);
const figures = { ...model.memory };
const before = heap();
const outputs = model.run(inputs);
for (let i = 0; i < Number(runs); i++) model.run(inputs);
const growth = heap() - before;

/** Linear memories and the heap, after a turn of the event loop, in which V8 lets go of memories. */
async function held(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  return heap() + process.memoryUsage().external;
}

/** One generation of short-lived models. */
async function loadMany(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const short = load();
    short.run(inputs);
    short.dispose();
    if (i % 50 === 0) await held();
  }
}

await loadMany(200);
const heldBefore = await held();
await loadMany(Number(loads));
const heldGrowth = (await held()) - heldBefore;
console.log(
  JSON.stringify({
    growth,
    heldGrowth,
    sameFigures: JSON.stringify(figures) === JSON.stringify(model.memory),
    sameBuffer: linear === model.input().buffer && linear.byteLength === figures.total,
    sameViews: Object.is(outputs, model.run(inputs)),
  }),
);

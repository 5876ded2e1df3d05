/**
 * A check of its own process: many inferences leave every memory as it was. Run by test/engine/memory.test.ts
 * as `node --expose-gc <bundle> <tier> <model.nbl> <runs>`; prints JSON.
 */

import { readFileSync } from "node:fs";
import { createModel } from "../../src/runtime/model.ts";
import type { Tier } from "../../src/runtime/tiers.ts";
import { wasm } from "../../src/wasm.ts";

declare const gc: () => void;

const [tier, file, runs] = process.argv.slice(2);
const model = createModel(wasm, new Uint8Array(readFileSync(file!)), { tier: tier as Tier });
const { name } = model.inputs[0]!;
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
console.log(
  JSON.stringify({
    growth,
    sameFigures: JSON.stringify(figures) === JSON.stringify(model.memory),
    sameBuffer: linear === model.input().buffer && linear.byteLength === figures.total,
    sameViews: Object.is(outputs, model.run(inputs)),
  }),
);

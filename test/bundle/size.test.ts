import { brotliCompressSync } from "node:zlib";
import { expect, it } from "vitest";
import { bundleTiers } from "../../src/bundle/bundle.ts";
import { decode } from "../../src/format/decode.ts";
import { createModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { tiers } from "../helpers/tiers.ts";
import { bundleOf, instantiate, runningTiers } from "./instance.ts";
import { keywordModel } from "./keyword.ts";

const ceiling = 25 * 1024;
/** Of the engine in the bundle: what the model does not use leaves nothing, so that other operators never raise these. */
const engineCeilings = { relaxed: 19_296, simd: 15_568, scalar: 12_577 };
const { file, features } = keywordModel();
const { weightsOffset, weightsBytes } = decode(file);
const brotli = (bytes: Uint8Array): number => brotliCompressSync(bytes).length;

it.each(bundleTiers)("the keyword bundle of tier %s stays under its ceiling", async (tier) => {
  const { bytes, engineBytes } = await bundleOf(file, tier);
  expect(engineBytes).toBeLessThanOrEqual(engineCeilings[tier]);
  const weights = file.subarray(weightsOffset, weightsOffset + weightsBytes);
  // Both ways of counting: less the weights' share of the download, and with the weights left out of it.
  expect(brotli(bytes) - brotli(weights)).toBeLessThan(ceiling);
  const from = engineBytes + weightsOffset;
  const without = Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + weightsBytes)]);
  expect(brotli(without)).toBeLessThan(ceiling);
});

it.each(runningTiers)("the keyword bundle of tier %s hears what the engine hears", async (tier) => {
  const it = await instantiate((await bundleOf(file, tier)).bytes);
  const model = createModel(wasm, file, { tier });
  expect(it.init()).toBe(0);
  const input = new Float32Array(it.memory.buffer, it.input_ptr(0), it.input_bytes(0) / 4);
  input.set(features);
  expect(it.invoke()).toBe(0);
  const { logits } = model.run({ features });
  const found = new Float32Array(it.memory.buffer, it.output_ptr(0), it.output_bytes(0) / 4);
  expect(new Uint32Array(found.slice().buffer)).toEqual(
    new Uint32Array((logits as Float32Array).slice().buffer),
  );
  expect(new Set(found).size).toBeGreaterThan(1);
});

it.each(tiers)("a fresh keyword model takes less than 512 KB of linear memory, tier %s", (tier) => {
  const model = createModel(wasm, file, { tier });
  expect(model.memory.total).toBe(model.input().buffer.byteLength);
  expect(model.memory.total).toBeLessThan(512 * 1024);
});

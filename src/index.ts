/** The default entry: browsers, Node, Deno, Bun. The engine is inlined; nothing else is fetched. */

import { loadBytes, loadFrom, type ModelSource } from "./runtime/load.ts";
import type { LoadOptions, Model } from "./runtime/model.ts";
import { wasm } from "./wasm.ts";

export { compileEngine } from "./runtime/compile.ts";
export { type HandedModules, type Tier, tiers, type WasmTier } from "./runtime/engine.ts";
export { NibbleError, type NibbleErrorCode } from "./runtime/errors.ts";
export type { ModelSource } from "./runtime/load.ts";
export type { LoadOptions, MemoryFigures, Model } from "./runtime/model.ts";
export type { TensorInfo } from "./runtime/tensor.ts";

/**
 * Loads a packed model (.nbl) from bytes, a Response, or a URL to fetch.
 * @throws NibbleError "bad-file" when the bytes are not a sound model, "unsupported-engine" when the tier asked for
 * does not run here, "io" when fetching fails.
 * @example
 * const model = await loadModel(await readFile("keyword.nbl"));
 * const { logits } = model.run({ features });
 */
export function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  return loadFrom(wasm, source, options);
}

/** As loadModel, from bytes that are at hand. */
export function loadModelSync(bytes: ArrayBuffer | Uint8Array, options: LoadOptions = {}): Model {
  return loadBytes(wasm, bytes, options);
}

/** The entry for Workers, where WebAssembly cannot be compiled from bytes: the engine's builds are imported as modules. */

import relaxed from "../build/relaxed.wasm";
import scalar from "../build/scalar.wasm";
import simd from "../build/simd.wasm";
import type { Builds } from "./runtime/engine.ts";
import { instantiate } from "./runtime/instantiate.ts";
import { loadBytes, loadFrom, type ModelSource } from "./runtime/load.ts";
import type { LoadOptions, Model } from "./runtime/model.ts";

export { compileEngine } from "./runtime/compile.ts";
export { type HandedModules, type Tier, tiers, type WasmTier } from "./runtime/engine.ts";
export { NibbleError, type NibbleErrorCode } from "./runtime/errors.ts";
export type { ModelSource } from "./runtime/load.ts";
export type { LoadOptions, MemoryFigures, Model } from "./runtime/model.ts";
export type { TensorInfo } from "./runtime/tensor.ts";

/** Here an import of a .wasm file gives a WebAssembly.Module. */
const builds = { relaxed, simd, scalar, instantiate } as unknown as Builds;

/** As the default entry's loadModel. */
export function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  return loadFrom(builds, source, options);
}

/** As loadModel, from bytes that are at hand. */
export function loadModelSync(bytes: ArrayBuffer | Uint8Array, options: LoadOptions = {}): Model {
  return loadBytes(builds, bytes, options);
}

/** The entry for engines without WebAssembly (React Native's Hermes, QuickJS): the script tier alone. */

import { loadBytes, loadFrom, type ModelSource } from "./runtime/load.ts";
import type { LoadOptions, Model } from "./runtime/model.ts";
import { createScriptEngine } from "./script/engine.ts";

export { compileEngine } from "./runtime/compile.ts";
export { type HandedModules, type Tier, tiers, type WasmTier } from "./runtime/engine.ts";
export { NibbleError, type NibbleErrorCode } from "./runtime/errors.ts";
export type { ModelSource } from "./runtime/load.ts";
export type { LoadOptions, MemoryFigures, Model } from "./runtime/model.ts";
export type { TensorInfo } from "./runtime/tensor.ts";

const builds = { script: createScriptEngine };

/** As the default entry's loadModel. */
export function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  return loadFrom(builds, source, options);
}

/** As loadModel, from bytes that are at hand. */
export function loadModelSync(bytes: ArrayBuffer | Uint8Array, options: LoadOptions = {}): Model {
  return loadBytes(builds, bytes, options);
}

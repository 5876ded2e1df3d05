import type { loadModelSync, Tier } from "nibblenet";
import type { Load } from "./check.ts";

/** A tier by name, from bytes; or the module handed in. */
export const loadWith =
  (load: typeof loadModelSync, module?: WebAssembly.Module): Load =>
  (bytes, name, tier) =>
    load(bytes, module ? { name, wasm: module } : { name, tier: tier as Tier });

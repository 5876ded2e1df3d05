import { decoder, relaxed, scalar, simd } from "../build/wasm-text.js";
import type { WasmTier } from "./runtime/engine.ts";
import { instantiate } from "./runtime/instantiate.ts";
import { createScriptEngine } from "./script/engine.ts";
import { decodeWith } from "./wasm-text/decode.ts";

/** The engine's WebAssembly builds as bytes, which are made anew at every access. */
export const wasmBytes: Readonly<Record<WasmTier, Uint8Array<ArrayBuffer>>> = {
  get relaxed() {
    return decodeWith(decoder, relaxed);
  },
  get simd() {
    return decodeWith(decoder, simd);
  },
  get scalar() {
    return decodeWith(decoder, scalar);
  },
};

/** All builds, and what starts them. */
export const wasm = {
  relaxed: () => wasmBytes.relaxed,
  simd: () => wasmBytes.simd,
  scalar: () => wasmBytes.scalar,
  script: createScriptEngine,
  instantiate,
};

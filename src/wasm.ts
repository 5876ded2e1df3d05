import relaxed from "../build/relaxed.wasm";
import scalar from "../build/scalar.wasm";
import simd from "../build/simd.wasm";
import { instantiate } from "./runtime/instantiate.ts";
import { createScriptEngine } from "./script/engine.ts";

/** The engine's WebAssembly builds, inlined by the bundler. */
export const wasmBytes = { relaxed, simd, scalar };

/** All builds, and what starts them. */
export const wasm = { ...wasmBytes, script: createScriptEngine, instantiate };

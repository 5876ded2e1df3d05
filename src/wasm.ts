import scalar from "../build/scalar.wasm";
import simd from "../build/simd.wasm";

/** The engine's builds, inlined by the bundler. */
export const wasm = { simd, scalar };

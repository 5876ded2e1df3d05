/** The type of `import engine from "nibblenet/simd.wasm"` where such an import gives a compiled module. */
declare const engine: WebAssembly.Module;
export default engine;

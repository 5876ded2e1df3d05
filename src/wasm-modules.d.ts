declare module "*.wasm" {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}

/** The script tier's engine, as binaryen's wasm2js writes it. */
declare module "*/wasm2js.js" {
  export function instantiate(imports: {
    kernels: Record<string, (...args: number[]) => void>;
    /** Told of the memory's buffer, and of each that replaces it. */
    follow(buffer: ArrayBuffer): void;
  }): import("./runtime/engine.ts").Engine;
}

/** The builds as texts of src/wasm-text/encode.ts, and the bytes of the module of assembly/text that decodes them. */
declare module "*/wasm-text.js" {
  export const decoder: readonly number[];
  export const relaxed: string;
  export const simd: string;
  export const scalar: string;
}

declare module "*.wasm" {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}

/** The script tier's engine, as binaryen's wasm2js writes it. */
declare module "*/wasm2js.js" {
  export function instantiate(imports: {
    kernels: Record<string, (...args: number[]) => void>;
  }): import("./runtime/engine.ts").Engine;
}

import { readFile } from "node:fs/promises";
import { defineConfig } from "vitest/config";

/** Loads .wasm as bytes, as the build does. */
const wasmBytes = {
  name: "wasm-bytes",
  enforce: "pre" as const,
  async load(id: string) {
    if (!id.endsWith(".wasm")) return null;
    const text = (await readFile(id)).toString("base64");
    return `export default Uint8Array.from(atob("${text}"), (c) => c.charCodeAt(0));`;
  },
};

export default defineConfig({
  plugins: [wasmBytes],
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "test/bench/**"],
    testTimeout: 120_000,
  },
});

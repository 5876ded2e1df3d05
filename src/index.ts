/** The default entry: browsers, Node, Deno, Bun. The engine is inlined; nothing else is fetched. */

import { NibbleError } from "./runtime/errors.ts";
import { createModel, type LoadOptions, type Model } from "./runtime/model.ts";
import { wasm } from "./wasm.ts";

export { NibbleError, type NibbleErrorCode } from "./runtime/errors.ts";
export type { LoadOptions, MemoryFigures, Model } from "./runtime/model.ts";
export type { TensorInfo } from "./runtime/tensor.ts";
export { type Tier, tiers } from "./runtime/tiers.ts";

export type ModelSource = ArrayBuffer | Uint8Array | Response | URL | string;

/**
 * Loads a packed model (.nbl) from bytes, a Response, or a URL to fetch.
 * @throws NibbleError "bad-file" when the bytes are not a sound model, "unsupported-engine" when no tier runs
 * here, "io" when fetching fails.
 * @example
 * const model = await loadModel(await readFile("keyword.nbl"));
 * const { logits } = model.run({ features });
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  const name = options.name ?? nameOf(source);
  return createModel(wasm, await bytesOf(source, name), { ...options, name });
}

/** As loadModel, from bytes that are at hand. */
export function loadModelSync(bytes: ArrayBuffer | Uint8Array, options: LoadOptions = {}): Model {
  return createModel(wasm, viewOf(bytes), options);
}

function nameOf(source: ModelSource): string {
  if (typeof source === "string") return source;
  if (typeof URL !== "undefined" && source instanceof URL) return source.href;
  if (typeof Response !== "undefined" && source instanceof Response) return source.url || "model";
  return "model";
}

const viewOf = (bytes: ArrayBuffer | Uint8Array): Uint8Array =>
  bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);

async function bytesOf(source: ModelSource, name: string): Promise<Uint8Array> {
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) return viewOf(source);
  try {
    const response = typeof source === "string" || source instanceof URL ? await fetch(source) : source;
    if (!response.ok)
      throw new NibbleError("io", `${name}: the server answered ${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    if (cause instanceof NibbleError) throw cause;
    throw new NibbleError(
      "io",
      `${name}: fetching it failed (${cause instanceof Error ? cause.message : cause})`,
      { cause },
    );
  }
}

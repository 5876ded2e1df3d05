import { decode } from "../format/decode.ts";
import { operatorName } from "../format/names.ts";
import { NibbleError } from "../runtime/errors.ts";
import { createModel } from "../runtime/model.ts";
import { wasm, wasmBytes } from "../wasm.ts";
import { fileAddress, specialise } from "./specialise.ts";
import { usesOf } from "./uses.ts";

/** The engine's builds, best first. */
export const bundleTiers = Object.keys(wasmBytes) as BundleTier[];
export type BundleTier = keyof typeof wasmBytes;

export interface BundleOptions {
  /** Which build of the engine: "simd" (the default) for JavaScript engines, "scalar" runs everywhere. */
  tier?: BundleTier;
  /** How errors call the file. */
  name?: string;
}

export interface Bundle {
  /** The .wasm: the engine's part, then the packed model, whole and unchanged. */
  bytes: Uint8Array;
  tier: BundleTier;
  engineBytes: number;
  /** Linear memory, fixed; only a relaxed bundle's `init` may add to it. */
  memoryBytes: number;
  /** Names of the operators that stayed. */
  operators: string[];
}

const pageBytes = 65536;

/**
 * Engine and packed model in one .wasm without imports, less every operator that the model does not use.
 * The same model and tier always give the same bytes.
 *
 * @throws NibbleError "bad-file" when the bytes are not a sound packed model, "unsupported" without binaryen.
 * @example
 * writeFileSync("model.wasm", (await bundle(readFileSync("model.nbl"))).bytes);
 */
export async function bundle(model: Uint8Array, options: BundleOptions = {}): Promise<Bundle> {
  const { tier = "simd", name = "model" } = options;
  const growable = tier === "relaxed";
  // The relaxed tier needs what the others need, and more where its dot products allow; Node may not run it.
  const { memory } = createModel(wasm, model, { name, tier: growable ? "scalar" : tier });
  const { codes, globals } = usesOf(decode(model, name));
  const binaryen = await importBinaryen();
  const engine = wasmBytes[tier];
  const bytes = specialise(binaryen, engine, {
    tier,
    globals,
    model,
    address: fileAddress(binaryen, engine, tier),
    pages: memory.total / pageBytes,
    growable,
  });
  const engineBytes = bytes.length - model.length;
  return { bytes, tier, engineBytes, memoryBytes: memory.total, operators: codes.map(operatorName) };
}

/** Only bundling needs it, and it is larger than all the rest: it is loaded here and nowhere else. */
async function importBinaryen(): Promise<typeof import("binaryen").default> {
  try {
    return (await import("binaryen")).default;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : cause;
    throw new NibbleError(
      "unsupported",
      `bundling needs the package binaryen, which does not load here (${why}); install it beside nibblenet`,
      { cause },
    );
  }
}

import { instantiateSync } from "@assemblyscript/loader";
import { ABI_VERSION, TIER_SIMD } from "../../assembly/format.ts";
import { NibbleError } from "./errors.ts";

/** Builds of the engine, best first. All give the same bits. */
export const tiers = ["simd", "scalar"] as const;
export type Tier = (typeof tiers)[number];

/** The engine's exports (docs/format.md, "Engine ABI"). */
export interface Engine {
  memory: WebAssembly.Memory;
  abi_version(): number;
  tier(): number;
  reserve(bytes: number): number;
  load(pointer: number, bytes: number): number;
  error_detail(): number;
  tensor_ptr(index: number): number;
  input_ptr(i: number): number;
  input_bytes(i: number): number;
  output_ptr(i: number): number;
  output_bytes(i: number): number;
  invoke(): number;
  reset(): void;
}

/** The .wasm of every tier. */
export type WasmBytes = Record<Tier, Uint8Array<ArrayBuffer>>;

const modules = new Map<Tier, WebAssembly.Module>();

/**
 * A fresh instance of the tier asked for, or of the best that the JavaScript engine accepts.
 * Modules are compiled once per process. A Module handed in is used as it is, where compiling is not allowed.
 * @throws NibbleError "unsupported-engine" naming what is missing.
 */
export function startEngine(
  wasm: WasmBytes,
  wanted: Tier | "auto",
  handed?: WebAssembly.Module,
): { engine: Engine; tier: Tier } {
  if (typeof WebAssembly === "undefined")
    throw new NibbleError(
      "unsupported-engine",
      "this JavaScript engine has no WebAssembly, which every tier of this version needs",
    );
  if (handed) {
    const engine = instantiate(handed);
    return { engine, tier: engine.tier() === TIER_SIMD ? "simd" : "scalar" };
  }
  const tier = wanted === "auto" ? bestTier(wasm) : wanted;
  let module = modules.get(tier);
  if (!module) {
    module = compile(wasm, tier);
    modules.set(tier, module);
  }
  return { engine: instantiate(module), tier };
}

function bestTier(wasm: WasmBytes): Tier {
  return tiers.find((tier) => modules.has(tier) || WebAssembly.validate(wasm[tier])) ?? "scalar";
}

function compile(wasm: WasmBytes, tier: Tier): WebAssembly.Module {
  try {
    return new WebAssembly.Module(wasm[tier]);
  } catch (cause) {
    throw new NibbleError(
      "unsupported-engine",
      `tier "${tier}" does not compile here (${cause instanceof Error ? cause.message : cause}); ` +
        "choose another tier, allow 'wasm-unsafe-eval' in the page's Content-Security-Policy, or hand in a WebAssembly.Module as `wasm`",
      { cause },
    );
  }
}

function instantiate(module: WebAssembly.Module): Engine {
  const engine = instantiateSync(module).instance.exports as unknown as Engine;
  const version = engine.abi_version?.();
  if (version !== ABI_VERSION)
    throw new NibbleError(
      "unsupported-engine",
      `expected an engine module of ABI version ${ABI_VERSION}, found ${version ?? "another module"}`,
    );
  return engine;
}

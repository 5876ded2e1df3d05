/** Builds of the engine, best first. All give the same bits. */
export const tiers = ["relaxed", "simd", "scalar", "script"] as const;
export type Tier = (typeof tiers)[number];

/** The tiers that are WebAssembly modules. */
export type WasmTier = Exclude<Tier, "script">;

/** Linear memory: a WebAssembly.Memory, or an ArrayBuffer that grows by being replaced. */
export interface EngineMemory {
  readonly buffer: ArrayBuffer;
}

/** The engine's exports (docs/format.md, "Engine ABI"). */
export interface Engine {
  memory: EngineMemory;
  abi_version(): number;
  tier(): number;
  dot_mode(): number;
  reserve(bytes: number): number;
  load(pointer: number, bytes: number): number;
  error_detail(): number;
  tensor_ptr(index: number): number;
  input_ptr(i: number): number;
  input_bytes(i: number): number;
  output_ptr(i: number): number;
  output_bytes(i: number): number;
  invoke(): number;
  invoke_range(first: number, end: number): number;
  reset(): void;
  state_ptr(): number;
  state_bytes(): number;
}

/** A compiled build, or its bytes once they are asked for. */
export type Build = WebAssembly.Module | (() => Uint8Array<ArrayBuffer>);

/** What an entry of the package brings along: each build, and what makes engines of them. */
export interface Builds {
  relaxed?: Build;
  simd?: Build;
  scalar?: Build;
  script?: () => Engine;
  instantiate?: (module: WebAssembly.Module) => Engine;
}

/** Compiled builds handed in by a program: one, several, or several by name. The best that runs here is taken. */
export type HandedModules =
  | WebAssembly.Module
  | readonly WebAssembly.Module[]
  | Readonly<Partial<Record<WasmTier, WebAssembly.Module>>>;

import { type Bundle, type BundleTier, bundle, bundleTiers } from "../../src/bundle/bundle.ts";
import { createModel, type InspectableModel } from "../../src/runtime/model.ts";
import { wasm, wasmBytes } from "../../src/wasm.ts";
import type { Random } from "../helpers/graphs.ts";

/** What a bundle exports (docs/format.md, "Bundles"). */
export interface Instance {
  memory: WebAssembly.Memory;
  abi_version(): number;
  init(): number;
  error_detail(): number;
  input_ptr(i: number): number;
  input_bytes(i: number): number;
  output_ptr(i: number): number;
  output_bytes(i: number): number;
  invoke(): number;
  reset(): void;
}

export async function instantiate(bytes: Uint8Array): Promise<Instance> {
  const { instance } = await WebAssembly.instantiate(bytes as BufferSource);
  return instance.exports as unknown as Instance;
}

/** Tiers whose engine runs here, and those that do not. */
export const runningTiers = bundleTiers.filter((tier) => WebAssembly.validate(wasmBytes[tier]));
export const otherTiers = bundleTiers.filter((tier) => !runningTiers.includes(tier));

/** The five words of error_detail(). */
export const detailOf = (it: Instance): number[] => [
  ...new Uint32Array(it.memory.buffer, it.error_detail(), 5),
];

const bytesAt = (it: Instance, pointer: number, bytes: number): Uint8Array =>
  new Uint8Array(it.memory.buffer, pointer, bytes);

const viewOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

/** One inference of both on the same random inputs: the outputs' bytes. */
export function runBoth(it: Instance, model: InspectableModel, random: Random): [Uint8Array[], Uint8Array[]] {
  model.inputs.forEach(({ name, dtype }, i) => {
    const input = model.input(name);
    for (let k = 0; k < input.length; k++) {
      if (input instanceof BigInt64Array) input[k] = BigInt(random.int(-4, 4));
      else input[k] = dtype === "float32" ? random.real(-4, 4) : random.int(-128, 255);
    }
    bytesAt(it, it.input_ptr(i), it.input_bytes(i)).set(viewOf(input));
  });
  model.invoke();
  if (it.invoke() !== 0) throw new Error("the bundle refused to run");
  return [
    model.outputs.map((_, i) => bytesAt(it, it.output_ptr(i), it.output_bytes(i)).slice()),
    model.outputs.map(({ name }) => viewOf(model.output(name)).slice()),
  ];
}

const made = new Map<string, WeakMap<Uint8Array, Promise<Bundle>>>();

/** As `bundle`, once for each file and tier. */
export function bundleOf(file: Uint8Array, tier: BundleTier): Promise<Bundle> {
  const ofTier = made.get(tier) ?? new WeakMap<Uint8Array, Promise<Bundle>>();
  made.set(tier, ofTier);
  const bundled = ofTier.get(file) ?? bundle(file, { tier });
  ofTier.set(file, bundled);
  return bundled;
}

export interface Pair {
  bundled: Bundle;
  it: Instance;
  model: InspectableModel;
}

/** The same model as a bundle and as a file in the engine. */
export async function pairOf(file: Uint8Array, tier: BundleTier): Promise<Pair> {
  const bundled = await bundleOf(file, tier);
  return { bundled, it: await instantiate(bundled.bytes), model: createModel(wasm, file, { tier }) };
}

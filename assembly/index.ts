/** The engine ABI (docs/format.md): everything the host may call. No imports, no exceptions, i32 only. */

import { errorDetail, inputIndex, isLoaded, notLoaded, outputIndex, reserveFile, resetState, statePointer, stateSize } from "./engine/load";
import { ABI_VERSION, DOT_SATURATES, TIER_RELAXED, TIER_SCALAR, TIER_SIMD } from "./abi";
import { bytesOf, dataOf, tensor, tensorCount } from "./engine/model";
import { runOperators } from "./engine/run";
import { assumeDotMode, dotMode } from "./simd/dot";

export function abi_version(): u32 {
  return ABI_VERSION;
}

/** Which build this is, for a host that was handed a compiled module. */
export function tier(): u32 {
  if (ASC_FEATURE_RELAXED_SIMD) return TIER_RELAXED;
  return ASC_FEATURE_SIMD ? TIER_SIMD : TIER_SCALAR;
}

/** How this engine's relaxed dot products behave: DOT_UNSIGNED … DOT_BROKEN; DOT_SATURATES in the other tiers. */
export function dot_mode(): u32 {
  return ASC_FEATURE_RELAXED_SIMD ? dotMode() : DOT_SATURATES;
}

/** Makes the next load() and all later runs take this mode for found. */
export function assume_dot_mode(mode: u32): void {
  if (ASC_FEATURE_RELAXED_SIMD) assumeDotMode(mode);
}

/** An address for `bytes` bytes of file, or 0 when memory cannot grow. */
export function reserve(bytes: u32): usize {
  return reserveFile(bytes);
}

/** load(pointer, bytes): 0, or −code; error_detail() then says what was refused. */
export { loadFile as load } from "./engine/load";

/** Five u32: code, culprit kind, index, expected, found. */
export function error_detail(): usize {
  return errorDetail();
}

/** Address of any tensor by its index in the file, or 0. */
export function tensor_ptr(i: u32): usize {
  return isLoaded() && i < tensorCount ? dataOf(tensor(i)) : 0;
}

export function input_ptr(i: u32): usize {
  return tensor_ptr(inputIndex(i));
}

export function input_bytes(i: u32): u32 {
  const index = inputIndex(i);
  return index < 0 ? 0 : bytesOf(tensor(index));
}

export function output_ptr(i: u32): usize {
  return tensor_ptr(outputIndex(i));
}

export function output_bytes(i: u32): u32 {
  const index = outputIndex(i);
  return index < 0 ? 0 : bytesOf(tensor(index));
}

/** Runs the model once, inputs to outputs. 0, or −code when nothing is loaded. */
export function invoke(): i32 {
  return invoke_range(0, u32.MAX_VALUE);
}

/** Operators first … end − 1 of the file alone, as a profile wants them. */
export function invoke_range(first: u32, end: u32): i32 {
  if (!isLoaded()) return notLoaded();
  runOperators(first, end);
  return 0;
}

/** State as it was after load. */
export function reset(): void {
  resetState();
}

/** The state as bytes, to be saved and written back between inferences of the same file; its content is the file's own. */
export function state_ptr(): usize {
  return statePointer();
}

export function state_bytes(): u32 {
  return stateSize();
}

/** For `nibblenet bundle` alone, which makes them constants. */
export { kept_0, kept_1, kept_roundings, kept_stored } from "./engine/kept";

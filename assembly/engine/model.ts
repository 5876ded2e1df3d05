/** The loaded model: where its regions lie, and how an operator reads its record. */

import {
  FIRST_WIDE,
  NONE,
  O_CODE,
  O_INPUT,
  O_INPUT2,
  O_INPUT3,
  O_OUTPUT,
  O_VARIABLE,
  O_VARIABLE2,
  REGION_ARENA,
  TENSOR_BYTES,
  T_DIMS,
  T_DTYPE,
  T_POINTER,
  T_RANK,
  T_REGION,
  T_SIZE,
  T_ZERO_POINT,
} from "../format";
import { keepsAny } from "./kept";

export let tensors: usize = 0;
export let tensorCount: u32 = 0;
export let operators: usize = 0;
export let operatorCount: u32 = 0;
export let weights: usize = 0;
export let weightsBytes: u32 = 0;
export let arena: usize = 0;
export let arenaBytes: u32 = 0;

/** Scratch of the SIMD tiers: activation rows as simd/rows.ts has them. */
export let preparedRows: usize = 0;

export function setPreparedRows(pointer: usize): void {
  preparedRows = pointer;
}

/** Scratch of convolutions: input rows with their padding (ops/window-rows.ts). */
export let windowRows: usize = 0;

export function setWindowRows(pointer: usize): void {
  windowRows = pointer;
}

export function setTensors(pointer: usize, count: u32): void {
  tensors = pointer;
  tensorCount = count;
}

export function setOperators(pointer: usize, count: u32): void {
  operators = pointer;
  operatorCount = count;
}

export function setWeights(pointer: usize, bytes: u32): void {
  weights = pointer;
  weightsBytes = bytes;
}

export function setArena(pointer: usize, bytes: u32): void {
  arena = pointer;
  arenaBytes = bytes;
}

// Fields of operator records.

// @ts-ignore: decorator
@inline
export function u32At(record: usize, field: usize): u32 {
  return load<u32>(record + field);
}

// @ts-ignore: decorator
@inline
export function i32At(record: usize, field: usize): i32 {
  return load<i32>(record + field);
}

// @ts-ignore: decorator
@inline
export function f32At(record: usize, field: usize): f32 {
  return load<f32>(record + field);
}

/** The tensor record of index `i`, which has been verified. */
// @ts-ignore: decorator
@inline
export function tensor(i: u32): usize {
  return tensors + <usize>i * TENSOR_BYTES;
}

export function inputOf(record: usize): usize {
  return tensor(load<u32>(record + O_INPUT));
}

export function input2Of(record: usize): usize {
  return tensor(load<u32>(record + O_INPUT2));
}

export function input3Of(record: usize): usize {
  return tensor(load<u32>(record + O_INPUT3));
}

export function variableOf(record: usize): usize {
  return tensor(load<u32>(record + O_VARIABLE));
}

export function variable2Of(record: usize): usize {
  return tensor(load<u32>(record + O_VARIABLE2));
}

/** The tensor that `field` of the record names, or 0 where it names none. */
export function namedBy(record: usize, field: usize): usize {
  const index = load<u32>(record + field);
  return index == NONE ? 0 : tensor(index);
}

/** The record has the longer head; a bundle without such operators drops what this guards. */
// @ts-ignore: decorator
@inline
export function isWide(record: usize): bool {
  return keepsAny(FIRST_WIDE, 63) && load<u32>(record + O_CODE) >= FIRST_WIDE;
}

export function outputOf(record: usize): usize {
  return tensor(load<u32>(record + O_OUTPUT));
}

/** Where the tensor's bytes are. */
// @ts-ignore: decorator
@inline
export function dataOf(t: usize): usize {
  return load<u32>(t + T_POINTER);
}

// @ts-ignore: decorator
@inline
export function bytesOf(t: usize): u32 {
  return load<u32>(t + T_SIZE);
}

// @ts-ignore: decorator
@inline
export function dtypeOf(t: usize): u32 {
  return load<u8>(t + T_DTYPE);
}

// @ts-ignore: decorator
@inline
export function rankOf(t: usize): u32 {
  return load<u8>(t + T_RANK);
}

// @ts-ignore: decorator
@inline
export function dimOf(t: usize, axis: u32): u32 {
  return load<u32>(t + T_DIMS + (<usize>axis << 2));
}

// @ts-ignore: decorator
@inline
export function zeroPointOf(t: usize): i32 {
  return load<i32>(t + T_ZERO_POINT);
}

// @ts-ignore: decorator
@inline
export function inArena(t: usize): bool {
  return load<u8>(t + T_REGION) == REGION_ARENA;
}

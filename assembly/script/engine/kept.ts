/** The script build's engine/kept: every operator and rounding, always; no bundle is made of it. */

// @ts-ignore: decorator
@inline
export function keepsState(): bool {
  return true;
}

// @ts-ignore: decorator
@inline
export function keeps(code: u32): bool {
  return true;
}

// @ts-ignore: decorator
@inline
export function keepsAny(first: u32, last: u32): bool {
  return true;
}

// @ts-ignore: decorator
@inline
export function isKept(code: u32, operator: u32): bool {
  return code == operator;
}

// @ts-ignore: decorator
@inline
export function roundingAt(record: usize, field: usize): u32 {
  return load<u32>(record + field);
}

export const kept_roundings: u32 = 1;
export const kept_stored: u32 = 1;
export const kept_0: u32 = 0;
export const kept_1: u32 = 0;

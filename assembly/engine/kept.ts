/**
 * What this module keeps: every operator and rounding in the engine as built. `nibblenet bundle` narrows the initial
 * values to what one model uses and takes the exports away; what they guard is then dead, and the optimizer drops it.
 */

/** Bit c is the operator of code c: 0…31, then 32…63. */
export let kept_0: u32 = 0xffffffff;
export let kept_1: u32 = 0xffffffff;
/** The bits that ROUNDING_ values have. All are literals, so that no start function sets them. */
export let kept_roundings: u32 = 1;
/** 1: weights may be stored narrower than they run. */
export let kept_stored: u32 = 1;

/** No operator has code 0: its bit is that of models that have state. */
// @ts-ignore: decorator
@inline
export function keepsState(): bool {
  return (kept_0 & 1) != 0;
}

// @ts-ignore: decorator
@inline
export function keeps(code: u32): bool {
  return (((code < 32 ? kept_0 : kept_1) >> (code & 31)) & 1) != 0;
}

/** Any of the codes `first` to `last`, both literals. */
// @ts-ignore: decorator
@inline
export function keepsAny(first: u32, last: u32): bool {
  const bits = (<u64>2 << last) - (<u64>1 << first);
  return ((kept_0 & <u32>bits) | (kept_1 & <u32>(bits >> 32))) != 0;
}

/** The record's code is this one, which a literal names. */
// @ts-ignore: decorator
@inline
export function isKept(code: u32, operator: u32): bool {
  return keeps(operator) && code == operator;
}

/** A verified record's rounding. */
// @ts-ignore: decorator
@inline
export function roundingAt(record: usize, field: usize): u32 {
  return load<u32>(record + field) & kept_roundings;
}

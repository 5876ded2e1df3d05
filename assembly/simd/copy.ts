/** Copies and fills; the first two are for the short lengths that panels are made of. */

/** Copies n bytes; may write up to 15 bytes past them, and read as many. Regions don't overlap. */
// @ts-ignore: decorator
@inline
export function copyOver(to: usize, from: usize, n: usize): void {
  if (ASC_FEATURE_SIMD) {
    for (let i: usize = 0; i < n; i += 16) v128.store(to + i, v128.load(from + i));
  } else {
    for (let i: usize = 0; i < n; i += 4) store<u32>(to + i, load<u32>(from + i));
  }
}

/** Fills n bytes with a repeated 32-bit pattern; may write up to 15 bytes past them. */
// @ts-ignore: decorator
@inline
export function fillOver(to: usize, pattern: u32, n: usize): void {
  if (ASC_FEATURE_SIMD) {
    const v = i32x4.splat(pattern);
    for (let i: usize = 0; i < n; i += 16) v128.store(to + i, v);
  } else {
    for (let i: usize = 0; i < n; i += 4) store<u32>(to + i, pattern);
  }
}

/** Copies exactly n bytes of regions that may overlap. */
export function copyBytes(to: usize, from: usize, n: usize): void {
  memory.copy(to, from, n);
}

/** Fills exactly n bytes. */
export function fillBytes(to: usize, value: u8, n: usize): void {
  memory.fill(to, value, n);
}

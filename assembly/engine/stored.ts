/**
 * Weights stored narrower than they run: a stream of parts, each widened to bytes when the model is loaded. A part is
 * { kind, bytes it becomes }, then with STORED_CODEBOOK its 16 values, with STORED_SPARSE a bit per element (1: not
 * zero), then the elements, lowest bits first, and zeros up to a multiple of 4.
 */

import {
  STORED_BYTES,
  STORED_CODEBOOK,
  STORED_CRUMBS,
  STORED_HALVES,
  STORED_NIBBLES,
  STORED_SPARSE,
} from "../format";

/** No section becomes more than so many times its own bytes: a bit of a mask may be four bytes. */
const GROWTH: u32 = 32;

/** What the section's first word says, or 0 where that cannot be. */
export function widenedBytes(section: usize, size: u32): u32 {
  if (size < 4) return 0;
  const bytes = load<u32>(section);
  return <f64>bytes <= <f64>size * GROWTH ? bytes : 0;
}

function elementBits(kind: u32): u32 {
  if (kind == STORED_CRUMBS) return 2;
  if (kind == STORED_NIBBLES || kind == STORED_CODEBOOK) return 4;
  return kind == STORED_HALVES ? 16 : 8;
}

/** The float32 that a float16 stands for. */
function widenHalf(half: u32): u32 {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent == 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent != 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  return sign | reinterpret<u32>(<f32>fraction * reinterpret<f32>(0x33800000));
}

/** Element `i` of those that lie at `at`. */
function elementAt(kind: u32, at: usize, i: u32, values: usize): u32 {
  if (kind == STORED_HALVES) {
    const half = at + (<usize>i << 1);
    return widenHalf(<u32>load<u8>(half) | (<u32>load<u8>(half, 1) << 8));
  }
  if (kind == STORED_BYTES) return load<u8>(at + i);
  if (kind == STORED_CRUMBS) {
    const crumb = (<u32>load<u8>(at + (i >> 2)) >> ((i & 3) << 1)) & 3;
    return (crumb ^ 2) - 2;
  }
  const nibble = (<u32>load<u8>(at + (i >> 1)) >> ((i & 1) << 2)) & 15;
  return kind == STORED_CODEBOOK ? load<u8>(values + nibble) : (nibble ^ 8) - 8;
}

/** Widens the parts to `to`, `bytes` in all. False where the section is damaged; it reads and writes inside either way. */
export function widen(section: usize, size: u32, to: usize, bytes: u32): bool {
  let at = section + 4;
  const end = section + size;
  const stop = to + bytes;
  while (to < stop) {
    if (at + 8 > end) return false;
    const word = load<u32>(at);
    const length = load<u32>(at, 4);
    at += 8;
    const kind = word & ~STORED_SPARSE;
    const isSparse = (word & STORED_SPARSE) != 0;
    if (kind > STORED_HALVES || length == 0 || (length & 3) != 0 || length > <u32>(stop - to)) return false;
    const shift: u32 = kind == STORED_HALVES ? 2 : 0;
    const count = length >> shift;
    const values = at;
    if (kind == STORED_CODEBOOK) at += 16;
    const mask = at;
    if (isSparse) at += (<usize>count + 7) >> 3;
    if (at > end) return false;
    let stored = count;
    if (isSparse) {
      stored = 0;
      for (let i: u32 = 0; i < count; i++) stored += (<u32>load<u8>(mask + (i >> 3)) >> (i & 7)) & 1;
    }
    const used = <usize>ceil((<f64>stored * elementBits(kind)) / 8);
    if (used > end - at) return false;
    let next: u32 = 0;
    for (let i: u32 = 0; i < count; i++) {
      const isStored = !isSparse || ((<u32>load<u8>(mask + (i >> 3)) >> (i & 7)) & 1) != 0;
      const value = isStored ? elementAt(kind, at, next++, values) : 0;
      if (shift != 0) store<u32>(to + (<usize>i << 2), value);
      else store<u8>(to + i, <u8>value);
    }
    to += length;
    at += used;
    at = section + ((at - section + 3) & ~3);
  }
  return at == end;
}

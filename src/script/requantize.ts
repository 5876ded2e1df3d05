/** 1.5 · 2⁵²: adding and subtracting it rounds to the nearest integer, halves to even. */
export const MAGIC = 6755399441055744;

/** gemmlowp's two roundings, as requantizeDouble of assembly/simd/requantize.ts, without 64-bit integers. */
export function requantizeDouble(acc: number, multiplier: number, shift: number): number {
  const x = acc << (shift > 0 ? shift : 0);
  const right = shift > 0 ? 0 : -shift;
  // x · multiplier + 2³⁰ in two halves of the multiplier, then >> 31.
  const low = Math.floor((x * (multiplier & 0xffff) + 0x40000000) / 0x10000);
  const high = Math.floor((x * (multiplier >> 16) + low) / 0x8000) | 0;
  const mask = (1 << right) - 1;
  const threshold = (mask >> 1) + (high < 0 ? 1 : 0);
  return (high >> right) + ((high & mask) > threshold ? 1 : 0);
}

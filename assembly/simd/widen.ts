/** int8 products on the 2-way int16 dot product: even and odd elements apart, so that no shuffle is needed. */

/** The even bytes of each 16-bit pair as i16; with the odd ones these feed dot_i16x8 four columns at a time. */
// @ts-ignore: decorator
@inline
export function evens(v: v128): v128 {
  return i16x8.shr_s(i16x8.shl(v, 8), 8);
}

/** The odd bytes of each pair. */
// @ts-ignore: decorator
@inline
export function odds(v: v128): v128 {
  return i16x8.shr_s(v, 8);
}

/** sum + the dot products of four columns' even and odd halves with a row's. */
// @ts-ignore: decorator
@inline
export function accumulate(sum: v128, we: v128, wo: v128, xe: v128, xo: v128): v128 {
  return i32x4.add(i32x4.add(sum, i32x4.dot_i16x8_s(we, xe)), i32x4.dot_i16x8_s(wo, xo));
}

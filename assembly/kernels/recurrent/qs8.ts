/** int8 LSTM pieces: a dot product, and logistic and tanh by one table (docs/numerics.md, "LSTM"). */

/** Σ a[i] · w[i] over k int8 values. Reads nothing beyond them. */
export function s8_dot(a: usize, w: usize, k: usize): i32 {
  let sum: i32 = 0;
  let i: usize = 0;
  if (ASC_FEATURE_SIMD) {
    let acc = i32x4.splat(0);
    for (; i + 8 <= k; i += 8)
      acc = i32x4.add(acc, i32x4.dot_i16x8_s(v128.load8x8_s(a + i), v128.load8x8_s(w + i)));
    sum =
      i32x4.extract_lane(acc, 0) + i32x4.extract_lane(acc, 1) + i32x4.extract_lane(acc, 2) + i32x4.extract_lane(acc, 3);
  }
  for (; i < k; i++) sum += <i32>load<i8>(a + i) * <i32>load<i8>(w + i);
  return sum;
}

/**
 * The table's value at |x| · 2^−bits, between two entries, in units of 2^−bits, and the last one beyond. `last` is what
 * saturation gives in those units.
 */
// @ts-ignore: decorator
@inline
function interpolate(table: usize, x: u32, bits: u32, last: i32): i32 {
  const index: usize = x >> bits;
  if (index >= 255) return last;
  const low = <i32>load<u16>(table + (index << 1));
  const high = <i32>load<u16>(table + (index << 1), 2);
  return (low << bits) + <i32>(x & ((1 << bits) - 1)) * (high - low);
}

/** x · multiplier · 2^−shift, rounded: what the table is indexed by. */
// @ts-ignore: decorator
@inline
function tableInput(x: i32, multiplier: i32, shift: i32): i32 {
  return (x * multiplier + (shift > 0 ? 1 << (shift - 1) : 0)) >> shift;
}

/** Logistic of x, whose scale times 3 · 2¹² is multiplier · 2^−shift; Q0.15 results. */
export function logistic16(table: usize, x: i32, multiplier: i32, shift: i32): i32 {
  const input = tableInput(x, multiplier, shift);
  const value = interpolate(table, <u32>abs(input), 9, 0x7fff << 10);
  return (input >= 0 ? value + (1 << 9) : (1 << 25) - value + (1 << 9) - 1) >> 10;
}

/** Its hyperbolic tangent. */
export function tanh16(table: usize, x: i32, multiplier: i32, shift: i32): i32 {
  const input = tableInput(x, multiplier, shift);
  const value = interpolate(table, <u32>abs(input), 8, 0xffff << 8);
  return (input >= 0 ? value - (1 << 23) + (1 << 7) : -value + (1 << 23) + (1 << 7) - 1) >> 8;
}

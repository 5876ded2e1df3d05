/** Dot products of small integers. */

/**
 * Σ x[i] · w[i] over n int16 x and w of type T (int16 or int8), as int32 wraps. Reads nothing past n.
 */
// @ts-ignore: decorator
@inline
export function s16_dot<T>(x: usize, w: usize, n: usize): i32 {
  let i: usize = 0;
  let sum: i32 = 0;
  if (ASC_FEATURE_SIMD) {
    let lanes = i32x4.splat(0);
    for (; i + 8 <= n; i += 8) {
      const taps = sizeof<T>() == 1 ? v128.load_ext<i8>(w + i) : v128.load(w + (i << 1));
      lanes = i32x4.add(lanes, i32x4.dot_i16x8_s(v128.load(x + (i << 1)), taps));
    }
    sum =
      i32x4.extract_lane(lanes, 0) + i32x4.extract_lane(lanes, 1) + i32x4.extract_lane(lanes, 2) +
      i32x4.extract_lane(lanes, 3);
  }
  for (; i < n; i++) {
    const a: i32 = load<i16>(x + (i << 1));
    const b: i32 = load<T>(w + (sizeof<T>() == 1 ? i : i << 1));
    sum += a * b;
  }
  return sum;
}

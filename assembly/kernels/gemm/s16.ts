/** Sums of products of int16 with int8 or int16. */

// @ts-ignore: decorator
@inline
function load8<T>(p: usize, i: usize): v128 {
  return sizeof<T>() == 1 ? v128.load8x8_s(p + i) : v128.load(p + (i << 1));
}

/**
 * to[j] = Σₖ x[k] · w[j][k], as int32 wraps, of up to four rows of w, int8 or int16 (T), `stride` bytes apart; writes all
 * four. x is int16 with zeros behind k up to a multiple of 8. Reads up to 14 bytes past each row of w.
 */
export function s16_dot4<T>(x: usize, w: usize, stride: usize, rows: usize, k: usize, to: usize): void {
  if (ASC_FEATURE_SIMD) {
    const w1 = w + (rows > 1 ? stride : 0);
    const w2 = w1 + (rows > 2 ? stride : 0);
    const w3 = w2 + (rows > 3 ? stride : 0);
    let a = i32x4.splat(0);
    let b = a;
    let c = a;
    let d = a;
    for (let i: usize = 0; i < k; i += 8) {
      const v = v128.load(x + (i << 1));
      a = i32x4.add(a, i32x4.dot_i16x8_s(v, load8<T>(w, i)));
      b = i32x4.add(b, i32x4.dot_i16x8_s(v, load8<T>(w1, i)));
      c = i32x4.add(c, i32x4.dot_i16x8_s(v, load8<T>(w2, i)));
      d = i32x4.add(d, i32x4.dot_i16x8_s(v, load8<T>(w3, i)));
    }
    const ab = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
    const cd = i32x4.add(v128.shuffle<i32>(c, d, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 2, 6, 3, 7));
    v128.store(to, i32x4.add(v128.shuffle<i32>(ab, cd, 0, 1, 4, 5), v128.shuffle<i32>(ab, cd, 2, 3, 6, 7)));
    return;
  }
  for (let j: usize = 0; j < rows; j++) {
    let sum: i32 = 0;
    for (let i: usize = 0; i < k; i++) {
      const a: i32 = load<i16>(x + (i << 1));
      const b: i32 = load<T>(w + (sizeof<T>() == 1 ? i : i << 1));
      sum += a * b;
    }
    store<i32>(to + (j << 2), sum);
    w += stride;
  }
}

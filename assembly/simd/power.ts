/** x^y through logarithm and exponential in float64 operations; the same steps as src/numerics/power.ts. */

const LN2: f64 = 0.6931471805599453;
const LOG2E: f64 = 1.4426950408889634;

// @ts-ignore: decorator
@inline
function powerOfTwo(n: i32): f64 {
  return reinterpret<f32>((n + 127) << 23);
}

/** ln x of a finite x above zero: 2·artanh((m − 1) / (m + 1)) + e·ln 2, m in [√½, √2). */
// @ts-ignore: decorator
@inline
function ln(x: f32): f64 {
  const isSmall = x < 1.1754943508222875e-38;
  const shifted = reinterpret<i32>(isSmall ? x * 8388608 : x) - 0x3f3504f3;
  const exponent = (shifted >> 23) - (isSmall ? 23 : 0);
  const m = <f64>reinterpret<f32>((shifted & 0x7fffff) + 0x3f3504f3);
  const s = (m - 1) / (m + 1);
  let p: f64 = 0;
  for (let k: f64 = 11; k > 0; k -= 2) p = p * (s * s) + 1 / k;
  return p * (s + s) + <f64>exponent * LN2;
}

/** e^t, rounded to float32 once. */
// @ts-ignore: decorator
@inline
function exp(t: f64): f32 {
  const bounded = min(max(t, -110.0), 90.0);
  const n = nearest(bounded * LOG2E);
  const r = bounded - n * LN2;
  let p: f64 = 1;
  for (let k: f64 = 8; k > 0; k--) p = (p * r) / k + 1;
  const half = <i32>n >> 1;
  return <f32>(p * powerOfTwo(half) * powerOfTwo(<i32>n - half));
}

/** C's rules for zeros, ones, infinities and NaN. */
export function powf(x: f32, y: f32): f32 {
  if (y == 0 || x == 1) return 1;
  if (x != x || y != y) return NaN;
  const magnitude = abs(x);
  const isWhole = floor(y) == y;
  if (x < 0 && !isWhole && magnitude != Infinity) return NaN;
  let r: f32 = 1;
  if (magnitude == 0 || magnitude == Infinity) r = (magnitude == 0) == y > 0 ? 0 : Infinity;
  else if (magnitude != 1) r = exp(<f64>y * ln(magnitude));
  // From 2²⁴ on every float32 is even.
  const isOdd = isWhole && abs(y) < 16777216 && (<i32>y & 1) != 0;
  return isOdd && reinterpret<i32>(x) < 0 ? -r : r;
}

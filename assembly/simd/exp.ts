/** e^x in float32 operations only, so that every tier gives the same bits. The same steps as src/numerics/exp.ts. */

/** Beyond these the result is 0 or +∞. */
const LOWEST: f32 = -104;
const HIGHEST: f32 = 89;
const LOG2E: f32 = 1.44269504088896341;
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.12194440054690583e-4;
/** 1.5 · 2²³: adding it leaves the nearest integer in the low bits of the sum. */
const MAGIC: f32 = 12582912;
const MAGIC_BITS: i32 = 0x4b400000;

// @ts-ignore: decorator
@inline
function powerOfTwo(n: i32): f32 {
  return reinterpret<f32>((n + 127) << 23);
}

/** NaN stays NaN; the clamps let it through. */
export function expf(value: f32): f32 {
  let x = value < LOWEST ? LOWEST : value;
  x = HIGHEST < x ? HIGHEST : x;
  const shifted = x * LOG2E + MAGIC;
  const n = reinterpret<i32>(shifted) - MAGIC_BITS;
  const whole = shifted - MAGIC;
  const r = x - whole * LN2_HIGH - whole * LN2_LOW;
  let p: f32 = 1.9875691500e-4;
  p = p * r + <f32>1.3981999507e-3;
  p = p * r + <f32>8.3334519073e-3;
  p = p * r + <f32>4.1665795894e-2;
  p = p * r + <f32>1.6666665459e-1;
  p = p * r + <f32>5.0000001201e-1;
  const y = p * (r * r) + r + 1;
  const half = n >> 1;
  return y * powerOfTwo(half) * powerOfTwo(n - half);
}

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

/** NaN stays NaN; the clamps let it through. What underflows leaves early: processors are slow at denormals. */
export function expf(value: f32): f32 {
  if (value <= LOWEST) return 0;
  const x = HIGHEST < value ? HIGHEST : value;
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

// @ts-ignore: decorator
@inline
function step(p: v128, r: v128, coefficient: f32): v128 {
  return f32x4.add(f32x4.mul(p, r), f32x4.splat(coefficient));
}

// @ts-ignore: decorator
@inline
function powersOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/** expf of four values, by the same steps. */
export function expf4(value: v128): v128 {
  const vanishes = f32x4.le(value, f32x4.splat(LOWEST));
  const x = f32x4.pmin(v128.andnot(value, vanishes), f32x4.splat(HIGHEST));
  const shifted = f32x4.add(f32x4.mul(x, f32x4.splat(LOG2E)), f32x4.splat(MAGIC));
  const n = i32x4.sub(shifted, i32x4.splat(MAGIC_BITS));
  const whole = f32x4.sub(shifted, f32x4.splat(MAGIC));
  const high = f32x4.sub(x, f32x4.mul(whole, f32x4.splat(LN2_HIGH)));
  const r = f32x4.sub(high, f32x4.mul(whole, f32x4.splat(LN2_LOW)));
  let p = f32x4.splat(1.9875691500e-4);
  p = step(p, r, 1.3981999507e-3);
  p = step(p, r, 8.3334519073e-3);
  p = step(p, r, 4.1665795894e-2);
  p = step(p, r, 1.6666665459e-1);
  p = step(p, r, 5.0000001201e-1);
  const y = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  const half = i32x4.shr_s(n, 1);
  const scaled = f32x4.mul(f32x4.mul(y, powersOfTwo(half)), powersOfTwo(i32x4.sub(n, half)));
  return v128.andnot(scaled, vanishes);
}

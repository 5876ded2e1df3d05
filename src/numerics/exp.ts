/**
 * e^x in float32 arithmetic only: every operation below is one rounded float32 operation, none is fused,
 * so SIMD lanes, scalar code and this function give the same bits.
 */

const f = Math.fround;
const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** Beyond these the result is 0 or +∞ after rounding. */
const expMin = -104;
const expMax = 89;
const log2e = f(Math.LOG2E);
/** ln 2 in two parts; the first has 9 significant bits, so n · ln2High is exact for |n| < 2¹⁵. */
export const ln2High = 0.693359375;
export const ln2Low = f(-2.121944400546906e-4);
/** 1.5 · 2²³: adding it leaves the nearest integer, halves to even, in the low bits of the sum. */
const roundingMagic = 12582912;
const roundingMagicBits = 0x4b400000;
/** e^r ≈ 1 + r + r²·p(r) for |r| ≤ ½ ln 2; p's coefficients, highest power first. */
const expCoefficients = [
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
].map(f);

/** 2^n for −126 ≤ n ≤ 127. */
function powerOfTwo(n: number): number {
  bits[0] = (n + 127) << 23;
  return float[0];
}

/**
 * Relative error against e^x below 1.1e-7 where the result is a normal number; denormal results are rounded
 * once more. x ≥ 88.73 gives +∞, x ≤ −103.98 gives 0, NaN gives NaN.
 */
export function expf(value: number): number {
  const x = Math.min(Math.max(f(value), expMin), expMax);
  const shifted = f(f(x * log2e) + roundingMagic);
  float[0] = shifted;
  const n = bits[0] - roundingMagicBits;
  const whole = f(shifted - roundingMagic);
  const r = f(f(x - f(whole * ln2High)) - f(whole * ln2Low));
  let p = expCoefficients[0];
  for (let i = 1; i < expCoefficients.length; i++) p = f(f(p * r) + expCoefficients[i]);
  const y = f(f(f(p * f(r * r)) + r) + 1);
  const half = n >> 1;
  return f(f(y * powerOfTwo(half)) * powerOfTwo(n - half));
}

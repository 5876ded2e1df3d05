import { ln2High, ln2Low } from "./exp.ts";

const f = Math.fround;
const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

const smallestNormal = 2 ** -126;
const sqrtHalfBits = 0x3f3504f3;
/** ln(1 + t) ≈ t − t²/2 + t³·p(t), √½ ≤ 1 + t < √2; p's coefficients, highest power first. */
const logCoefficients = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
].map(f);

/** ln x in float32 operations. ln 0 = −∞, ln of a negative number is NaN, ln ∞ = ∞. */
export function logf(value: number): number {
  const x = f(value);
  const isSmall = x < smallestNormal;
  float[0] = isSmall ? f(x * 2 ** 23) : x;
  const shifted = (bits[0] - sqrtHalfBits) | 0;
  const exponent = (shifted >> 23) - (isSmall ? 23 : 0);
  bits[0] = (shifted & 0x7fffff) + sqrtHalfBits;
  const t = f(float[0] - 1);
  const z = f(t * t);
  let p = logCoefficients[0];
  for (let i = 1; i < logCoefficients.length; i++) p = f(f(p * t) + logCoefficients[i]);
  let y = f(f(p * t) * z);
  y = f(y + f(exponent * ln2Low));
  y = f(y - f(0.5 * z));
  const result = f(f(t + y) + f(exponent * ln2High));
  if (x === 0) return -Infinity;
  if (x === Infinity) return Infinity;
  return x > 0 ? result : Number.NaN;
}

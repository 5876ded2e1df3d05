import { roundHalfEven } from "./rounding.ts";

const ln2 = Math.LN2;
const log2e = Math.LOG2E;
const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** ln x of a finite float32 x above zero: 2·artanh((m − 1) / (m + 1)) + e·ln 2, m in [√½, √2). */
function ln(x: number): number {
  const isSmall = x < 1.1754943508222875e-38;
  float[0] = isSmall ? x * 8388608 : x;
  const shifted = bits[0] - 0x3f3504f3;
  const exponent = (shifted >> 23) - (isSmall ? 23 : 0);
  bits[0] = (shifted & 0x7fffff) + 0x3f3504f3;
  const m = float[0];
  const s = (m - 1) / (m + 1);
  let p = 0;
  for (let k = 11; k > 0; k -= 2) p = p * (s * s) + 1 / k;
  return p * (s + s) + exponent * ln2;
}

/** e^t, rounded to float32 once. */
function exp(t: number): number {
  const bounded = Math.min(Math.max(t, -110), 90);
  const n = roundHalfEven(bounded * log2e);
  const r = bounded - n * ln2;
  let p = 1;
  for (let k = 8; k > 0; k--) p = (p * r) / k + 1;
  return Math.fround(p * 2 ** n);
}

/** x^y of float32 numbers in float64 operations; zeros, ones, infinities and NaN by the rules of C. */
export function powf(x: number, y: number): number {
  if (y === 0 || x === 1) return 1;
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  const magnitude = Math.abs(x);
  const isWhole = Math.floor(y) === y;
  if (x < 0 && !isWhole && magnitude !== Infinity) return Number.NaN;
  const isOdd = isWhole && Math.abs(y) < 2 ** 24 && y % 2 !== 0;
  const sign = isOdd && (x < 0 || Object.is(x, -0)) ? -1 : 1;
  if (magnitude === 1) return sign;
  if (magnitude === 0 || magnitude === Infinity) return sign * ((magnitude === 0) === y > 0 ? 0 : Infinity);
  return sign * exp(y * ln(magnitude));
}

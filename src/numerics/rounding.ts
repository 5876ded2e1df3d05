/** The roundings that every rule in docs/numerics.md is built from. */

const scratch = new DataView(new ArrayBuffer(8));

/** To the nearest integer, halves to even: `rint`, wasm's `nearest`. Exact for every double. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** To the nearest integer, halves away from zero: C's `round`. */
export function roundHalfAway(x: number): number {
  const magnitude = Math.abs(x);
  const floor = Math.floor(magnitude);
  const rounded = magnitude - floor >= 0.5 ? floor + 1 : floor;
  return x < 0 ? -rounded : rounded;
}

/** By comparisons, as the kernels do it: NaN passes, and −0 stays −0 at a bound of 0. */
export function clamp(x: number, min: number, max: number): number {
  // Math.max makes +0 of −0
  const raised = x < min ? min : x;
  // Math.min makes −0 of +0
  return max < raised ? max : raised;
}

/** x = fraction · 2^exponent with ½ ≤ fraction < 1, for finite x > 0. */
export function splitExponent(x: number): { fraction: number; exponent: number } {
  if (x < 2 ** -1022) {
    const { fraction, exponent } = splitExponent(x * 2 ** 64);
    return { fraction, exponent: exponent - 64 };
  }
  scratch.setFloat64(0, x);
  const exponent = ((scratch.getUint16(0) >> 4) & 0x7ff) - 1022;
  scratch.setUint16(0, (scratch.getUint16(0) & 0x800f) | (1022 << 4));
  return { fraction: scratch.getFloat64(0), exponent };
}

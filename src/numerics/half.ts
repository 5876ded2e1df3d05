const bits = new DataView(new ArrayBuffer(4));

/** The float16 that equals `value`, as its bits; undefined where there is none. NaN has none. */
export function halfOf(value: number): number | undefined {
  bits.setFloat32(0, value);
  const word = bits.getUint32(0);
  const sign = (word >>> 16) & 0x8000;
  const exponent = ((word >>> 23) & 255) - 112;
  const fraction = word & 0x7fffff;
  if ((word & 0x7fffffff) === 0) return sign;
  if (exponent === 143 && fraction === 0) return sign | 0x7c00;
  if (exponent >= 1 && exponent <= 30)
    return fraction & 0x1fff ? undefined : sign | (exponent << 10) | (fraction >>> 13);
  // Subnormal float16: a whole number of 2⁻²⁴.
  const steps = Math.abs(value) * 2 ** 24;
  return Number.isInteger(steps) && steps < 1024 ? sign | steps : undefined;
}

import type { Minifloat } from "../../src/graph/graph.ts";

/** Bits of the fraction, exponent bias, first unsigned code that is no finite number. */
const layouts: Record<Minifloat, { half: number; fraction: number; bias: number; open: number }> = {
  float8e4m3fn: { half: 128, fraction: 3, bias: 7, open: 0x7f },
  float8e5m2: { half: 128, fraction: 2, bias: 15, open: 0x7c },
  float4e2m1: { half: 8, fraction: 1, bias: 1, open: 8 },
};

const word = new DataView(new ArrayBuffer(4));

/** The finite number whose float32 has the same exponent and fraction bits, but for the bias. */
function finite(type: Minifloat, unsigned: number): number {
  const { fraction, bias } = layouts[type];
  word.setUint32(0, unsigned << (23 - fraction));
  return word.getFloat32(0) * 2 ** (127 - bias);
}

/** What each code stands for, in order. */
export function minifloatMeanings(type: Minifloat): number[] {
  const { half, open } = layouts[type];
  return Array.from({ length: 2 * half }, (_, code) => {
    const unsigned = code % half;
    const above = type === "float8e5m2" && unsigned === open ? Infinity : NaN;
    return (code < half ? 1 : -1) * (unsigned < open ? finite(type, unsigned) : above);
  });
}

/** The code nearest to x, found by trying all; the even one of two as near. As float4, −0 is +0. */
export function nearestMinifloat(x: number, type: Minifloat, saturates: boolean): number {
  const { half, open } = layouts[type];
  if (Number.isNaN(x)) return half - 1;
  // Without saturation the code that follows the largest stands where the next number would.
  const last = open - (saturates || type === "float4e2m1" ? 1 : 0);
  const size = Math.min(Math.abs(x), finite(type, last));
  let best = 0;
  for (let code = 1; code <= last; code++) {
    const [old, now] = [Math.abs(size - finite(type, best)), Math.abs(size - finite(type, code))];
    if (now < old || (now === old && code % 2 === 0)) best = code;
  }
  return best + (x < 0 || (type !== "float4e2m1" && Object.is(x, -0)) ? half : 0);
}

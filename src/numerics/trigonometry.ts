import { roundHalfEven } from "./rounding.ts";

/** π/2 in two parts; the first has 33 significant bits. */
const halfPiHigh = 1.5707963267341256;
const halfPiLow = 6.077100506506192e-11;
const twoOverPi = 0.6366197723675814;
/** Beyond it too little of the argument's period is known. */
const furthest = 2 ** 30;

/** sin(x + quarter · π/2) in float64 operations, rounded to float32 at the end; NaN beyond 2³⁰. */
function sine(value: number, quarter: number): number {
  const x = Math.fround(value);
  if (!(Math.abs(x) <= furthest)) return Number.NaN;
  const turns = roundHalfEven(x * twoOverPi);
  const r = x - turns * halfPiHigh - turns * halfPiLow;
  const z = r * r;
  const n = turns + quarter;
  const isCosine = (n & 1) === 1;
  // The series up to r⁹ of sine or r¹⁰ of cosine, each term from the one before.
  let y = 1;
  for (let k = isCosine ? 10 : 9; k > 1; k -= 2) y = 1 - (y * z) / (k * (k - 1));
  if (!isCosine) y *= r;
  return Math.fround(n & 2 ? -y : y);
}

export const sinf = (x: number): number => sine(x, 0);

export const cosf = (x: number): number => sine(x, 1);

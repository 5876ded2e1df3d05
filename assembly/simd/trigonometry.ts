/** Sine and cosine in float64 operations, rounded to float32 at the end; the same steps as src/numerics/trigonometry.ts. */

const TWO_OVER_PI: f64 = 0.6366197723675814;
/** π/2 in two parts; the first has 33 significant bits. */
const HALF_PI_HIGH: f64 = 1.5707963267341256;
const HALF_PI_LOW: f64 = 6.077100506506192e-11;
/** Beyond it too little of the argument's period is known. */
const FURTHEST: f64 = 1073741824;

/** sin(x + quarter · π/2) */
export function sinOf(value: f32, quarter: i32): f32 {
  const x = <f64>value;
  if (!(abs(x) <= FURTHEST)) return NaN;
  const turns = nearest(x * TWO_OVER_PI);
  const r = x - turns * HALF_PI_HIGH - turns * HALF_PI_LOW;
  const z = r * r;
  const n = <i32>turns + quarter;
  // The series up to r⁹ of sine or r¹⁰ of cosine, each term from the one before.
  let y: f64 = 1;
  for (let k: f64 = n & 1 ? 10 : 9; k > 1; k -= 2) y = 1 - (y * z) / (k * (k - 1));
  if (!(n & 1)) y *= r;
  return <f32>(n & 2 ? -y : y);
}

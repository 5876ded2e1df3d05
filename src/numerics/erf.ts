import { expf } from "./exp.ts";

const f = Math.fround;

/** erf(z) ≈ 1 − t·p(t)·e^(−z²), t = 1 / (1 + erfSlope·z), z ≥ 0; p's coefficients, highest power first. */
const erfSlope = f(0.3275911);
const erfCoefficients = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592].map(f);

/** erf in float32 operations, absolute error below 5e-7. */
export function erff(value: number): number {
  const x = f(value);
  const z = Math.abs(x);
  const t = f(1 / f(1 + f(erfSlope * z)));
  let p = erfCoefficients[0];
  for (let i = 1; i < erfCoefficients.length; i++) p = f(f(p * t) + erfCoefficients[i]);
  const y = f(1 - f(f(p * t) * expf(-f(z * z))));
  return x < 0 ? -y : y;
}

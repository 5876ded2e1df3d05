import { expf } from "./exp.ts";

const f = Math.fround;

/** Below this magnitude the polynomial is used, above it the exponential. */
const tanhSwitch = 0.625;
/** tanh(x) ≈ x + x·x²·p(x²); p's coefficients, highest power first. */
const tanhCoefficients = [
  -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1,
].map(f);

/** tanh in float32 operations; SIMD code evaluates both branches and selects by |x| < 0.625. */
export function tanhf(value: number): number {
  const x = f(value);
  const magnitude = Math.abs(x);
  if (magnitude < tanhSwitch) {
    const z = f(x * x);
    let p = tanhCoefficients[0];
    for (let i = 1; i < tanhCoefficients.length; i++) p = f(f(p * z) + tanhCoefficients[i]);
    return f(f(f(p * z) * x) + x);
  }
  const y = f(1 - f(2 / f(expf(f(magnitude + magnitude)) + 1)));
  return x < 0 ? -y : y;
}

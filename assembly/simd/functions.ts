/** float32 functions in float32 operations only; the same steps as the files of src/numerics that they name. */

import { expf } from "./exp";

/** src/numerics/log.ts */
export function logf(x: f32): f32 {
  const isSmall = x < 1.1754943508222875e-38;
  const shifted = reinterpret<i32>(isSmall ? x * 8388608 : x) - 0x3f3504f3;
  const exponent = <f32>((shifted >> 23) - (isSmall ? 23 : 0));
  const t = reinterpret<f32>((shifted & 0x7fffff) + 0x3f3504f3) - 1;
  const z = t * t;
  let p: f32 = 7.0376836292e-2;
  p = p * t + <f32>-1.151461031e-1;
  p = p * t + <f32>1.167699874e-1;
  p = p * t + <f32>-1.2420140846e-1;
  p = p * t + <f32>1.4249322787e-1;
  p = p * t + <f32>-1.6668057665e-1;
  p = p * t + <f32>2.0000714765e-1;
  p = p * t + <f32>-2.4999993993e-1;
  p = p * t + <f32>3.3333331174e-1;
  let y: f32 = p * t * z;
  y = y + exponent * <f32>-2.12194440054690583e-4;
  y = y - <f32>0.5 * z;
  const result: f32 = t + y + exponent * <f32>0.693359375;
  if (x == 0) return -Infinity;
  if (x == Infinity) return Infinity;
  return x > 0 ? result : NaN;
}

/** src/numerics/tanh.ts */
export function tanhf(x: f32): f32 {
  const magnitude = abs(x);
  if (magnitude < 0.625) {
    const z = x * x;
    let p: f32 = -5.70498872745e-3;
    p = p * z + <f32>2.06390887954e-2;
    p = p * z + <f32>-5.37397155531e-2;
    p = p * z + <f32>1.33314422036e-1;
    p = p * z + <f32>-3.33332819422e-1;
    return p * z * x + x;
  }
  const y: f32 = <f32>1 - <f32>2 / (expf(magnitude + magnitude) + 1);
  return x < 0 ? -y : y;
}

/** src/numerics/erf.ts */
export function erff(x: f32): f32 {
  const z = abs(x);
  const t: f32 = <f32>1 / (<f32>0.3275911 * z + 1);
  let p: f32 = 1.061405429;
  p = p * t + <f32>-1.453152027;
  p = p * t + <f32>1.421413741;
  p = p * t + <f32>-0.284496736;
  p = p * t + <f32>0.254829592;
  const y: f32 = <f32>1 - p * t * expf(-(z * z));
  return x < 0 ? -y : y;
}

export function geluf(x: f32, approximate: bool): f32 {
  const gate = approximate
    ? tanhf(<f32>0.7978845608028654 * (x + <f32>0.044715 * (x * (x * x))))
    : erff(x * <f32>0.7071067811865476);
  return <f32>0.5 * x * (<f32>1 + gate);
}

export function logisticf(x: f32): f32 {
  return <f32>1 / (<f32>1 + expf(-x));
}

/** A later comparison that is false lets NaN through. */
export function clampf(x: f32, lo: f32, hi: f32): f32 {
  x = x < lo ? lo : x;
  return hi < x ? hi : x;
}

/** Normalisation of rows. */

import { NORM_CENTERED, NORM_FLOOR, NORM_SUM } from "../../codes";
import { N_EPSILON, N_KIND } from "../../records";
import { f32At, u32At } from "../../engine/model";

/**
 * Σ (x[i] − shift), or of the squares of that. Sum j of four takes the elements of i ≡ j (mod 4) in order, from +0;
 * the result is (s₀ + s₁) + (s₂ + s₃).
 */
function sumOf(x: usize, depth: usize, shift: f32, squared: bool): f32 {
  let s0: f32 = 0;
  let s1: f32 = 0;
  let s2: f32 = 0;
  let s3: f32 = 0;
  let i: usize = 0;
  if (ASC_FEATURE_SIMD) {
    let v = f32x4.splat(0);
    const m = f32x4.splat(shift);
    for (; i + 4 <= depth; i += 4) {
      let t = f32x4.sub(v128.load(x + (i << 2)), m);
      if (squared) t = f32x4.mul(t, t);
      v = f32x4.add(v, t);
    }
    s0 = f32x4.extract_lane(v, 0);
    s1 = f32x4.extract_lane(v, 1);
    s2 = f32x4.extract_lane(v, 2);
    s3 = f32x4.extract_lane(v, 3);
  }
  for (; i < depth; i++) {
    let t = load<f32>(x + (i << 2)) - shift;
    if (squared) t = t * t;
    const j = i & 3;
    if (j == 0) s0 += t;
    else if (j == 1) s1 += t;
    else if (j == 2) s2 += t;
    else s3 += t;
  }
  return s0 + s1 + (s2 + s3);
}

/**
 * y = (x − m) · r · scale + bias with r = 1 / √(s + epsilon), as docs/numerics.md says; scale and bias may be 0 for
 * none. Equals test/reference/normalize.ts bit for bit.
 */
export function f32_norm(record: usize, x: usize, depth: usize, scale: usize, bias: usize, y: usize): void {
  const kind = u32At(record, N_KIND);
  const epsilon = f32At(record, N_EPSILON);
  const n = <f32>depth;
  const mean: f32 = kind & NORM_CENTERED ? sumOf(x, depth, 0, false) / n : 0;
  let s = sumOf(x, depth, mean, true);
  if (!(kind & NORM_SUM)) s = s / n;
  if (kind & NORM_FLOOR) s = s < epsilon ? epsilon : s;
  else s = s + epsilon;
  const r: f32 = <f32>1 / sqrt<f32>(s);
  let i: usize = 0;
  if (ASC_FEATURE_SIMD) {
    for (; i + 4 <= depth; i += 4) {
      const at = i << 2;
      let v = f32x4.mul(f32x4.sub(v128.load(x + at), f32x4.splat(mean)), f32x4.splat(r));
      if (scale) v = f32x4.mul(v, v128.load(scale + at));
      if (bias) v = f32x4.add(v, v128.load(bias + at));
      v128.store(y + at, v);
    }
  }
  for (; i < depth; i++) {
    const at = i << 2;
    let v = (load<f32>(x + at) - mean) * r;
    if (scale) v = v * load<f32>(scale + at);
    if (bias) v = v + load<f32>(bias + at);
    store<f32>(y + at, v);
  }
}

/**
 * How this engine's relaxed 4-way dot product reads its second operand, found by running it. Inside 0…127
 * every engine agrees; outside it is one of three things, and a kernel may rely on what it found.
 */

import { DOT_BROKEN, DOT_SATURATES, DOT_SIGNED, DOT_UNSIGNED } from "../abi";

/** Operands of the probe, in memory so that no compiler knows them. */
const operands: usize = memory.data(32, 16);

let found: u32 = 0;
let known: bool = false;

/** The four products of `a` with `b`, summed onto `sum`, in one lane of the relaxed dot product. */
function dot(a: i8, b: i8, sum: i32): i32 {
  if (!ASC_FEATURE_RELAXED_SIMD) return 0;
  v128.store(operands, i8x16.splat(a));
  v128.store(operands, i8x16.splat(b), 16);
  const lane = i32x4.relaxed_dot_i8x16_i7x16_add_s(
    v128.load(operands), v128.load(operands, 16), i32x4.splat(sum)
  );
  return i32x4.extract_lane(lane, 0);
}

function probe(): u32 {
  if (dot(-128, 127, 7) != 7 - 4 * 128 * 127 || dot(127, 127, -7) != 4 * 127 * 127 - 7) return DOT_BROKEN;
  const high = dot(127, -1, 0);
  const low = dot(-128, -128, 0);
  if (high == 4 * 127 * 255 && low == -4 * 128 * 128) return DOT_UNSIGNED;
  if (high == -4 * 127 && low == 4 * 128 * 128) return DOT_SIGNED;
  return DOT_SATURATES;
}

/** DOT_UNSIGNED … DOT_BROKEN; asked once. */
export function dotMode(): u32 {
  if (!known) {
    found = probe();
    known = true;
  }
  return found;
}

/** The int8 matrix kernels use the 4-way dot product. */
// @ts-ignore: decorator
@inline
export function usesDot(): bool {
  return ASC_FEATURE_RELAXED_SIMD && dotMode() < DOT_SATURATES;
}

/** What their activations are xored with then: an engine that reads them as unsigned gets them + 128. */
// @ts-ignore: decorator
@inline
export function dotFlip(): i8 {
  return dotMode() == DOT_UNSIGNED ? -128 : 0;
}

/** Makes the kernels take `mode` for found: for tests on engines that do not have it. */
export function assumeDotMode(mode: u32): void {
  found = mode;
  known = true;
}

/** Sliding windows over NHWC images: what convolutions and pools check and compute alike. */

import { CHECK_FIELD, CHECK_SHAPE } from "../abi";
import { W_DILATION_H, W_DILATION_W, W_KERNEL_H, W_KERNEL_W, W_PAD_LEFT, W_PAD_TOP, W_STRIDE_H, W_STRIDE_W } from "../records";
import { within } from "../engine/check";
import { dimOf, rankOf } from "../engine/model";

/** No field of a window may exceed this, so that positions stay within 31 bits. */
const LIMIT: u32 = 1 << 14;

/** x and y are NHWC with one batch size and no side over 2²⁴; the window's fields are in range. */
export function verifyWindow(record: usize, x: usize, y: usize): i32 {
  if (rankOf(x) != 4 || rankOf(y) != 4 || dimOf(x, 0) != dimOf(y, 0)) return CHECK_SHAPE;
  for (let i: u32 = 0; i < 4; i++) if (dimOf(x, i) > 1 << 24 || dimOf(y, i) > 1 << 16) return CHECK_SHAPE;
  if (!within(record, W_KERNEL_H, 1, LIMIT) || !within(record, W_KERNEL_W, 1, LIMIT)) return CHECK_FIELD;
  if (!within(record, W_STRIDE_H, 1, LIMIT) || !within(record, W_STRIDE_W, 1, LIMIT)) return CHECK_FIELD;
  if (!within(record, W_DILATION_H, 1, LIMIT) || !within(record, W_DILATION_W, 1, LIMIT)) return CHECK_FIELD;
  if (!within(record, W_PAD_TOP, 0, LIMIT) || !within(record, W_PAD_LEFT, 0, LIMIT)) return CHECK_FIELD;
  return 0;
}

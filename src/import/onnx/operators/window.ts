import type { Padding, Tensor } from "../../../graph/graph.ts";
import { reshape, type Scope, transpose } from "../scope.ts";

/** A sliding window over H × W; a 1-D operator slides over 1 × W. */
export interface SlidingWindow {
  kernel: [number, number];
  stride: [number, number];
  dilation: [number, number];
  padding: Padding;
  /** Height and width of the result. */
  size: [number, number];
  /** Whether ceil_mode lets windows reach past the declared padding. */
  overhangs: boolean;
}

/** Enough for any real kernel, stride, dilation or padding, and small enough that products stay exact. */
const maxExtent = 2 ** 20;

/** A list of `count` integers from the attributes, none below `least`. */
export function extents(
  scope: Scope,
  name: string,
  count: number,
  otherwise: number,
  least: number,
): number[] {
  const values = scope.intsAttribute(name);
  if (!values || values.length === 0) return new Array<number>(count).fill(otherwise);
  if (values.length !== count || values.some((v) => Math.abs(v) > maxExtent)) {
    throw scope.bad(`expected ${count} values in ${name}, found [${values.join(", ")}]`);
  }
  const low = values.find((v) => v < least);
  if (low === undefined) return values;
  if (name === "pads") throw scope.unsupported("negative pads");
  throw scope.bad(`expected ${name} of ${least} or more, found ${low}`);
}

interface Axis {
  begin: number;
  end: number;
  size: number;
  overhangs: boolean;
}

/** Padding is reported as what the windows reach, so a rest that no window covers is dropped. */
function slide(
  scope: Scope,
  input: number,
  reach: number,
  stride: number,
  pads: [number, number],
  rounding: "floor" | "ceil",
): Axis {
  const auto = scope.stringAttribute("auto_pad", "NOTSET");
  let [begin, end] = pads;
  let size: number;
  if (auto === "SAME_UPPER" || auto === "SAME_LOWER") {
    size = Math.ceil(input / stride);
    const total = Math.max(0, (size - 1) * stride + reach - input);
    begin = auto === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2);
    end = total - begin;
  } else if (auto === "NOTSET" || auto === "VALID") {
    if (auto === "VALID") [begin, end] = [0, 0];
    size = Math[rounding]((input + begin + end - reach) / stride) + 1;
    if (rounding === "ceil" && (size - 1) * stride >= input + begin) size--;
  } else {
    throw scope.bad(`expected auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER, found ${auto}`);
  }
  if (size < 1) {
    throw scope.bad(`expected a window of at most ${input + begin + end}, found one of ${reach}`);
  }
  const needed = Math.max(0, (size - 1) * stride + reach - input - begin);
  return { begin, end: needed, size, overhangs: needed > end };
}

/** The window of a convolution or pool over `spatial` (one or two sizes), from the node's attributes. */
export function slidingWindow(
  scope: Scope,
  spatial: number[],
  kernel: number[],
  canCeil: boolean,
): SlidingWindow {
  const rank = spatial.length;
  const stride = extents(scope, "strides", rank, 1, 1);
  const dilation = extents(scope, "dilations", rank, 1, 1);
  const pads = extents(scope, "pads", 2 * rank, 0, 0);
  const rounding = canCeil && scope.intAttribute("ceil_mode", 0) !== 0 ? "ceil" : "floor";
  const axes = spatial.map((input, i) => {
    const reach = (kernel[i] - 1) * dilation[i] + 1;
    return slide(scope, input, reach, stride[i], [pads[i], pads[rank + i]], rounding);
  });
  const [h, w] = rank === 1 ? [{ begin: 0, end: 0, size: 1, overhangs: false }, axes[0]] : axes;
  const pair = (values: number[]): [number, number] => (rank === 1 ? [1, values[0]] : [values[0], values[1]]);
  return {
    kernel: pair(kernel),
    stride: pair(stride),
    dilation: pair(dilation),
    padding: { top: h.begin, left: w.begin, bottom: h.end, right: w.end },
    size: [h.size, w.size],
    overhangs: h.overhangs || w.overhangs,
  };
}

/** kernel_shape, checked against `rank`. */
export function kernelShape(scope: Scope, rank: number): number[] {
  const kernel = extents(scope, "kernel_shape", rank, 0, 1);
  if (kernel[0] === 0) throw scope.bad("expected kernel_shape, found none");
  return kernel;
}

/** The sizes after batch and channels; one or two of them. */
export function spatialOf(scope: Scope, x: Tensor): number[] {
  if (x.shape.length === 3 || x.shape.length === 4) return x.shape.slice(2);
  throw scope.unsupported(`${x.shape.length}-dimensional operand (3 or 4 dimensions work)`);
}

/** [N, C, H, W] or [N, C, W] → [N, H, W, C]. */
export function toNhwc(scope: Scope, x: Tensor): Tensor {
  if (x.shape.length === 4) return transpose(scope, x, [0, 2, 3, 1]);
  const [n, c, w] = x.shape;
  return reshape(scope, transpose(scope, x, [0, 2, 1]), [n, 1, w, c]);
}

/** [N, H, W, C] → [N, C, H, W], or [N, C, W] when `rank` is 3. */
export function fromNhwc(scope: Scope, x: Tensor, rank: number): Tensor {
  if (rank === 4) return transpose(scope, x, [0, 3, 1, 2]);
  const [n, , w, c] = x.shape;
  return transpose(scope, reshape(scope, x, [n, w, c]), [0, 2, 1]);
}

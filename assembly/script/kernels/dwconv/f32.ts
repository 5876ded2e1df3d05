/** The script build's kernels/dwconv/f32: supplied by src/script/dwconv-f32.ts. */

// @ts-ignore: decorator
@external("kernels", "f32_dwconv")
export declare function f32_dwconv(
  record: usize, pixels: usize, step: usize, channels: usize, taps: usize, count: usize, w: usize, bias: usize, y: usize
): void;

/** The script build's kernels/dwconv/qs8: supplied by src/script/dwconv-qs8.ts. */

// @ts-ignore: decorator
@external("kernels", "qs8_qc8w_dwconv")
export declare function qs8_qc8w_dwconv(
  record: usize, pixels: usize, step: usize, channels: usize, taps: usize, pairs: usize, w: usize, bias: usize,
  requant: usize, shiftsAfter: usize, y: usize
): void;

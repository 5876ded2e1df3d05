/** The script build's kernels/gemm/f32: supplied by src/script/gemm-f32.ts. */

// @ts-ignore: decorator
@external("kernels", "f32_gemm")
export declare function f32_gemm(
  record: usize, m: usize, n: usize, k: usize, a: usize, aStride: usize, w: usize, bias: usize,
  y: usize, yStride: usize
): void;

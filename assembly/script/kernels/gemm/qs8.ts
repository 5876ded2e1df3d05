/** The script build's kernels/gemm/qs8: supplied by src/script/gemm-qs8.ts. */

// @ts-ignore: decorator
@external("kernels", "qs8_qc8w_gemm")
export declare function qs8_qc8w_gemm(
  record: usize, m: usize, n: usize, k: usize, a: usize, aStride: usize, w: usize, bias: usize,
  requant: usize, shiftsAfter: usize, y: usize, yStride: usize
): void;

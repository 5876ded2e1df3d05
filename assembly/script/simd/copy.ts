/**
 * The script build's simd/copy: supplied by src/script/copy.ts. Words are no use here, because wasm2js turns an
 * address that is no multiple of 4 into one that is.
 */

// @ts-ignore: decorator
@external("kernels", "copyOver")
export declare function copyOver(to: usize, from: usize, n: usize): void;

// @ts-ignore: decorator
@external("kernels", "fillOver")
export declare function fillOver(to: usize, pattern: u32, n: usize): void;

// @ts-ignore: decorator
@external("kernels", "copyBytes")
export declare function copyBytes(to: usize, from: usize, n: usize): void;

// @ts-ignore: decorator
@external("kernels", "fillBytes")
export declare function fillBytes(to: usize, value: u8, n: usize): void;

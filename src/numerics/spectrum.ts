/** Tables of the Fourier transform and of the integer front end. */

/** Whether the engine has a transform of `size` points. */
export const hasTransform = (size: number): boolean =>
  size >= 4 && size <= 65536 && Number.isInteger(Math.log2(size));

/** cos(2π · j / size) for j < size; −sin is a quarter further on. */
export const cosines = (size: number): Float64Array =>
  Float64Array.from({ length: size }, (_, j) => Math.cos((2 * Math.PI * j) / size));

/** The same in fixed point: times 32767, halves up. */
export const fixedCosines = (size: number): Float64Array =>
  cosines(size).map((v) => Math.floor(0.5 + 32767 * v));

/** By what log₂(1 + i / 128) exceeds i / 128, times 2¹⁶; the entry behind the last is read and not used. */
export const logTable = (): Int16Array =>
  Int16Array.from({ length: 130 }, (_, i) =>
    i < 128 ? Math.round(65536 * (Math.log2(1 + i / 128) - i / 128)) : 0,
  );

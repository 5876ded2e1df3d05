/** Weighted sums over a grid of pixels. Tables have entries { u32 index, weight }. */

/**
 * Σᵣ row[r] · (Σ꜀ column[c] · x[r][c]), products and sums in order, each rounded; the first product begins each sum. int8: exact in int32, then
 * divided by 2^shift to the nearest integer, halves up, or away from zero with `isDouble`.
 * Equals test/reference/resize.ts bit for bit.
 */
// @ts-ignore: decorator
@inline
export function resizeElement<T, S>(
  x: usize, width: usize, pixel: usize, rows: usize, rowTaps: usize, columns: usize, columnTaps: usize,
  shift: i32, isDouble: bool
): T {
  let sum: S = <S>0;
  for (let r: usize = 0; r < rowTaps; r++) {
    const row = x + <usize>load<u32>(rows + (r << 3)) * width * pixel;
    let part: S = <S>0;
    for (let c: usize = 0; c < columnTaps; c++) {
      const entry = columns + (c << 3);
      const term: S = load<S>(entry, 4) * <S>load<T>(row + <usize>load<u32>(entry) * pixel);
      part = c == 0 ? term : part + term;
    }
    const term: S = load<S>(rows + (r << 3), 4) * part;
    sum = r == 0 ? term : sum + term;
  }
  if (isFloat<T>()) return <T>sum;
  const half: i32 = 1 << (shift - 1);
  if (!isDouble) return <T>((<i32>sum + half) >> shift);
  return <T>((<i32>sum + (<i32>sum > 0 ? half : -half)) / (1 << shift));
}

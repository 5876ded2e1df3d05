import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRealFft } from "../../src/audio/fft.ts";

function naiveDft(frame: Float64Array) {
  const bins = frame.length / 2 + 1;
  const re = new Float64Array(bins);
  const im = new Float64Array(bins);
  for (let k = 0; k < bins; k++) {
    for (let n = 0; n < frame.length; n++) {
      const angle = (-2 * Math.PI * ((k * n) % frame.length)) / frame.length;
      re[k]! += frame[n]! * Math.cos(angle);
      im[k]! += frame[n]! * Math.sin(angle);
    }
  }
  return { re, im };
}

describe("real FFT", () => {
  it.each([4, 8, 16, 64, 512])("equals the naive transform at %i points", (size) => {
    const transform = createRealFft(size);
    const re = new Float64Array(size / 2 + 1).fill(Number.NaN);
    const im = new Float64Array(size / 2 + 1).fill(Number.NaN);
    const sample = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
      minLength: size,
      maxLength: size,
    });
    fc.assert(
      fc.property(sample, (values) => {
        const frame = Float64Array.from(values);
        transform(frame, re, im);
        const expected = naiveDft(frame);
        for (let k = 0; k <= size / 2; k++) {
          expect(Math.abs(re[k]! - expected.re[k]!)).toBeLessThan(1e-11);
          expect(Math.abs(im[k]! - expected.im[k]!)).toBeLessThan(1e-11);
        }
      }),
      { numRuns: size > 64 ? 4 : 20 },
    );
  });

  it("puts a pure cosine in its own bin", () => {
    const size = 32;
    const frame = Float64Array.from({ length: size }, (_, n) => Math.cos((2 * Math.PI * 5 * n) / size));
    const re = new Float64Array(17);
    const im = new Float64Array(17);
    createRealFft(size)(frame, re, im);
    for (let k = 0; k < 17; k++) expect(re[k]).toBeCloseTo(k === 5 ? 16 : 0, 12);
    for (const value of im) expect(value).toBeCloseTo(0, 12);
  });

  it("refuses sizes that are not powers of two", () => {
    expect(() => createRealFft(480)).toThrow(/power of two.*480/);
    expect(() => createRealFft(2)).toThrow(RangeError);
  });
});

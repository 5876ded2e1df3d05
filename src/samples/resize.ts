/** Pictures at the size a model takes them. */

/** Brightness from 0 to 255, row by row, the channels of a pixel next to each other. */
export interface Picture {
  width: number;
  height: number;
  channels: number;
  data: Float32Array;
}

/** What happens to another aspect: the middle is cut out, the picture is distorted, or black is added around it. */
export const fits = ["crop", "stretch", "pad"] as const;
export type Fit = (typeof fits)[number];

/** Where output pixels lie along one side of a picture, in its pixels. */
interface Axis {
  start: number;
  length: number;
  count: number;
}

/**
 * `picture` at another size, by the triangle filter that Pillow and torchvision call bilinear: between pixels where it
 * grows, over all that a pixel covers where it shrinks.
 *
 * @param share of the shorter side that `crop` leaves: 0.875 for the middle 224 of 256
 */
export function resize(picture: Picture, width: number, height: number, fit: Fit, share = 1): Picture {
  const { channels } = picture;
  const wide = width / picture.width;
  const high = height / picture.height;
  if (fit === "pad") {
    const scale = Math.min(wide, high);
    const inner = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)));
    const [w, h] = [Math.min(width, inner[0]), Math.min(height, inner[1])];
    const small = resize(picture, w, h, "stretch");
    const data = new Float32Array(width * height * channels);
    const [left, top] = [(width - w) >> 1, (height - h) >> 1];
    for (let y = 0; y < h; y++) {
      const row = small.data.subarray(y * w * channels, (y + 1) * w * channels);
      data.set(row, ((top + y) * width + left) * channels);
    }
    return { width, height, channels, data };
  }
  const scale = Math.max(wide, high);
  const lengthOf = (side: number, count: number): number =>
    fit === "stretch" ? side : (count / scale) * share;
  const axis = (side: number, count: number): Axis => {
    const length = lengthOf(side, count);
    return { start: (side - length) / 2, length, count };
  };
  const across = along(picture.data, [picture.height, picture.width, channels], axis(picture.width, width));
  const data = along(across, [1, picture.height, width * channels], axis(picture.height, height));
  return { width, height, channels, data };
}

/** Resamples the middle one of three dimensions. */
function along(
  data: Float32Array,
  [outer, side, inner]: [number, number, number],
  { start, length, count }: Axis,
): Float32Array {
  const step = length / count;
  const reach = Math.max(1, step);
  const result = new Float32Array(outer * count * inner);
  for (let i = 0; i < count; i++) {
    const middle = start + (i + 0.5) * step;
    const first = Math.max(0, Math.floor(middle - reach));
    const last = Math.min(side - 1, Math.ceil(middle + reach));
    const weights: number[] = [];
    for (let j = first; j <= last; j++) weights.push(Math.max(0, 1 - Math.abs(j + 0.5 - middle) / reach));
    const total = weights.reduce((sum, w) => sum + w, 0);
    for (let o = 0; o < outer; o++)
      for (let c = 0; c < inner; c++) {
        let sum = 0;
        for (let j = first; j <= last; j++) sum += weights[j - first] * data[(o * side + j) * inner + c];
        result[(o * count + i) * inner + c] = sum / total;
      }
  }
  return result;
}

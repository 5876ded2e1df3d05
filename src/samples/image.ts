/** From a picture to what an image model takes. */

import type { TensorData } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { fromArray, fromReal, type InputSpec } from "./convert.ts";
import { readPicture } from "./picture.ts";
import { type Fit, type Picture, resize } from "./resize.ts";

export const channelOrders = ["rgb", "bgr"] as const;
export const layouts = ["nhwc", "nchw"] as const;

export interface ImageOptions {
  /** How pictures of another aspect fit; "crop" by default. */
  resize?: Fit;
  /** Share of the shorter side that a crop leaves; 1 by default. */
  crop?: number;
  /** Order of three channels; "rgb" by default. */
  channels?: (typeof channelOrders)[number];
  /** What full brightness is before mean and std; 1 by default, 255 for integers without a scale. */
  range?: number;
  /** Subtracted, one value or one per channel in the model's order; 0 by default. */
  mean?: readonly number[];
  /** What is left is divided by; 1 by default. */
  std?: readonly number[];
  /** Where the channels are; by default last, where the last dimension is 1 or 3, else first. */
  layout?: (typeof layouts)[number];
}

interface Place {
  width: number;
  height: number;
  channels: number;
  isPlanar: boolean;
}

/**
 * What `input` takes of a PNG or JPEG file: (value · range / 255 − mean) / std. One channel is made of three by
 * 0.299 R + 0.587 G + 0.114 B, and three of one by repeating it.
 *
 * @throws NibbleError "bad-input" naming `file`, and what about the input is none of an image.
 */
export function fromImage(
  bytes: Uint8Array,
  input: InputSpec,
  file: string,
  options: ImageOptions = {},
): TensorData {
  const place = placeOf(input, file, options);
  const { width, height, channels, isPlanar } = place;
  const isInteger = input.dtype !== "float32";
  const isRaw = isInteger && !input.quantization;
  const { range = isRaw ? 255 : 1, channels: order = "rgb" } = options;
  const mean = perChannel("mean", options.mean, 0, channels, file);
  const std = perChannel("std", options.std, 1, channels, file);
  const picture = withChannels(readPicture(bytes, file), channels);
  const { data } = resize(picture, width, height, options.resize ?? "crop", options.crop);
  const values = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const [pixel, channel] = [Math.floor(i / channels), i % channels];
    const c = order === "bgr" ? channels - 1 - channel : channel;
    const at = isPlanar ? c * width * height + pixel : pixel * channels + c;
    values[at] = ((data[i] * range) / 255 - mean[c]) / std[c];
  }
  if (!isRaw) return fromReal(values, input, file);
  return fromArray(
    { dtype: "int32", shape: [...input.shape], data: Int32Array.from(values, Math.round) },
    input,
    file,
  );
}

/** One value for each channel. */
function perChannel(
  name: string,
  given: readonly number[] | undefined,
  otherwise: number,
  channels: number,
  file: string,
): number[] {
  const values = given ?? [otherwise];
  if (values.length === channels) return [...values];
  if (values.length === 1) return new Array(channels).fill(values[0]);
  throw new NibbleError(
    "bad-input",
    `${file}: ${name} expected one value or ${channels}, one per channel of the input, found ${values.length}`,
  );
}

/** @throws NibbleError "bad-input" for inputs that hold no picture of one or three channels. */
function placeOf(input: InputSpec, file: string, { layout }: ImageOptions): Place {
  const { name, shape } = input;
  const dims = shape.length === 4 && shape[0] === 1 ? shape.slice(1) : shape;
  const isColor = (count: number | undefined): boolean => count === 1 || count === 3;
  const isPlanar = layout === undefined ? !isColor(dims[2]) : layout === "nchw";
  const [height, width, channels] =
    dims.length === 2 ? [...dims, 1] : isPlanar ? [dims[1], dims[2], dims[0]] : dims;
  // One row is rather a batch of one vector.
  const isPicture = dims.length === 3 || (dims.length === 2 && dims[0] > 1);
  if (isPicture && isColor(channels))
    return { width: width!, height: height!, channels: channels!, isPlanar };
  throw new NibbleError(
    "bad-input",
    `${file}: a picture fits inputs of height × width with 1 or 3 channels, ${layout ?? "last or first"}; input "${name}" is [${shape}]; make arrays (.npy) of the pictures`,
  );
}

function withChannels({ width, height, channels, data }: Picture, wanted: number): Picture {
  if (channels === wanted) return { width, height, channels, data };
  const values = new Float32Array(width * height * wanted);
  for (let i = 0; i < width * height; i++)
    if (wanted === 3) values.fill(data[i], 3 * i, 3 * i + 3);
    else values[i] = 0.299 * data[3 * i] + 0.587 * data[3 * i + 1] + 0.114 * data[3 * i + 2];
  return { width, height, channels: wanted, data: values };
}

/** How pictures become values: one option of every command that reads samples, kept in the packed file. */

import { InvalidArgumentError, Option } from "commander";
import { channelOrders, type ImageOptions, layouts } from "../samples/image.ts";
import { fits } from "../samples/resize.ts";

const isOneOf =
  (list: readonly string[]) =>
  (value: unknown): boolean =>
    list.includes(value as string);
const isPositive = (value: unknown): boolean => typeof value === "number" && value > 0 && value < Infinity;
const areNumbers = (value: unknown): boolean =>
  Array.isArray(value) && (value.length === 1 || value.length === 3) && value.every(Number.isFinite);

/** What each field may be, in words and as a test. */
const known: Record<keyof ImageOptions, { expected: string; fits: (value: unknown) => boolean }> = {
  resize: { expected: fits.join(", "), fits: isOneOf(fits) },
  crop: {
    expected: "a share above 0, up to 1",
    fits: (value) => isPositive(value) && (value as number) <= 1,
  },
  channels: { expected: channelOrders.join(", "), fits: isOneOf(channelOrders) },
  range: { expected: "a number above 0, such as 255", fits: isPositive },
  mean: { expected: "one number or three, such as 104,117,123", fits: areNumbers },
  std: {
    expected: "one number or three above 0",
    fits: (value) => areNumbers(value) && (value as number[]).every(isPositive),
  },
  layout: { expected: layouts.join(", "), fits: isOneOf(layouts) },
};

export const imageOption = () =>
  new Option(
    "--image <field=value/…>",
    "what PNG and JPEG files become: resize=crop, stretch or pad; crop=0.875; channels=rgb or bgr; range=255; mean=…; std=…; layout=nhwc or nchw",
  ).argParser(parseImage);

/** The settings that are known and fit; @throws Error naming the first that isn't */
export function checkedImage(given: Record<string, unknown>): ImageOptions {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(known, name))
      throw new Error(`"${name}" is unknown; there are ${Object.keys(known).join(", ")}`);
    const { expected, fits } = known[name as keyof ImageOptions];
    if (!fits(value)) throw new Error(`${name} expected ${expected}, found ${JSON.stringify(value)}`);
  }
  return given;
}

/** Collects "range=255/mean=104,117,123" of every use. */
function parseImage(text: string, before: ImageOptions = {}): ImageOptions {
  const given: Record<string, unknown> = {};
  for (const part of text.split("/")) {
    const [, name, value] = /^([^=]+)=(.+)$/.exec(part) ?? [];
    if (!name || !value) throw new InvalidArgumentError(`Expected field=value, found "${part}".`);
    const numbers = value.split(",").map((item) => (item.trim() === "" ? Number.NaN : Number(item)));
    if (name === "mean" || name === "std") given[name] = numbers;
    else given[name] = name === "crop" || name === "range" ? numbers[0] : value;
  }
  try {
    return { ...before, ...checkedImage(given) };
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

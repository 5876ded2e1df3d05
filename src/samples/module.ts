/** Samples that a JavaScript module yields. */

import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { elementCount, type TensorData } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { fromArray, type InputSpec } from "./convert.ts";
import type { SampleFile } from "./list.ts";
import type { NpyArray } from "./npy.ts";
import type { Sample } from "./sample.ts";

export const isModule = (path: string): boolean => /^\.[mc]?js$/i.test(extname(path));

export interface ModuleOptions {
  /** Given to the module's function. */
  labels?: readonly string[] | undefined;
  /** The class of a label's text. */
  labelOf: (entry: SampleFile) => number | undefined;
  /** At most so many samples, the first ones. */
  limit?: number;
}

/**
 * What the default export of a module, or else its export `samples`, yields: an iterable, synchronous or not, or a
 * function that returns one or a promise of one, called with `{ inputs, labels }`. Each sample is an array for a model
 * with one input, an object of arrays by the inputs' names, or `{ inputs, label, name }` with either of these as
 * `inputs` and a label's text or number. Arrays are typed ones, lists of numbers, or `{ data, shape }`.
 *
 * @throws NibbleError "io" for a module that can't be loaded, "bad-input" naming the module and the sample.
 */
export async function readModule(
  path: string,
  inputs: readonly InputSpec[],
  { labels, labelOf, limit = Infinity }: ModuleOptions,
): Promise<Sample[]> {
  const exported = await load(path);
  const source = exported.default ?? exported.samples;
  if (source === undefined)
    throw new NibbleError(
      "bad-input",
      `${path}: expected a default export, or one named "samples", found ${Object.keys(exported).join(", ") || "no exports"}`,
    );
  const samples: Sample[] = [];
  const shapes = inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape: [...shape] }));
  try {
    const made: unknown = await (typeof source === "function" ? source({ inputs: shapes, labels }) : source);
    if (!isIterable(made))
      throw new NibbleError(
        "bad-input",
        `${path}: expected samples one after another, found ${kindOf(made)}`,
      );
    for await (const item of made) {
      samples.push(sampleOf(item, inputs, `${path}[${samples.length}]`, labelOf));
      if (samples.length >= limit) break;
    }
  } catch (cause) {
    if (cause instanceof NibbleError) throw cause;
    const place = `${path}[${samples.length}]`;
    throw new NibbleError("bad-input", `${place}: the module threw: ${messageOf(cause)}`, { cause });
  }
  if (samples.length > 0) return samples;
  throw new NibbleError("bad-input", `${path}: expected samples, found none`);
}

async function load(path: string): Promise<Record<string, unknown>> {
  try {
    return await import(/* @vite-ignore */ pathToFileURL(resolve(path)).href);
  } catch (cause) {
    throw new NibbleError("io", `${path}: cannot be loaded as a module: ${messageOf(cause)}`, { cause });
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);

const isIterable = (value: unknown): value is Iterable<unknown> | AsyncIterable<unknown> =>
  typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);

const kindOf = (value: unknown): string =>
  value === null || typeof value !== "object"
    ? String(value)
    : `an object of ${Object.keys(value).join(", ")}`;

function sampleOf(
  item: unknown,
  inputs: readonly InputSpec[],
  place: string,
  labelOf: ModuleOptions["labelOf"],
): Sample {
  const isByName =
    isObject(item) && Object.keys(item).every((key) => inputs.some(({ name }) => name === key));
  const isWhole = isObject(item) && !isByName && "inputs" in item;
  const { label, name = place } = isWhole ? item : {};
  const values = isWhole ? item.inputs : item;
  const tensors = inputs.map((input) => {
    if (isObject(values) && values[input.name] !== undefined)
      return tensorOf(values[input.name], input, place);
    if (inputs.length === 1) return tensorOf(values, input, place);
    const names = inputs.map((one) => `"${one.name}"`).join(", ");
    throw new NibbleError(
      "bad-input",
      `${place}: expected an object with an array for each of ${names}, found ${kindOf(values)}`,
    );
  });
  if (label === undefined) return { name: String(name), inputs: tensors };
  const found =
    typeof label === "number" && Number.isInteger(label) && label >= 0
      ? label
      : labelOf({ file: place, label: String(label) });
  return { name: String(name), inputs: tensors, ...(found !== undefined && { label: found }) };
}

function tensorOf(value: unknown, input: InputSpec, place: string): TensorData {
  const { data, shape } = isObject(value) ? value : { data: value, shape: undefined };
  const array = arrayOf(data, input);
  if (!array)
    throw new NibbleError(
      "bad-input",
      `${place}: input "${input.name}" expected an array of numbers, found ${kindOf(data)}`,
    );
  const dims = Array.isArray(shape) && shape.every(Number.isInteger) ? (shape as number[]) : input.shape;
  if (array.data.length !== elementCount(dims))
    throw new NibbleError(
      "bad-input",
      `${place}: input "${input.name}" expected ${elementCount(dims)} values ([${dims}]), found ${array.data.length}`,
    );
  return fromArray({ ...array, shape: [...dims] }, input, place);
}

/** Typed arrays as what they are; lists of numbers and float64 as what the input holds, or float32. */
function arrayOf(data: unknown, { dtype }: InputSpec): Pick<NpyArray, "dtype" | "data"> | undefined {
  if (data instanceof Float32Array) return { dtype: "float32", data: data.slice() };
  if (data instanceof Int8Array) return { dtype: "int8", data: data.slice() };
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray)
    return { dtype: "uint8", data: Uint8Array.from(data) };
  if (data instanceof Int16Array) return { dtype: "int16", data: data.slice() };
  if (data instanceof Int32Array) return { dtype: "int32", data: data.slice() };
  if (data instanceof BigInt64Array) return { dtype: "int64", data: data.slice() };
  if (!(data instanceof Float64Array) && !(Array.isArray(data) && data.every((v) => typeof v === "number")))
    return undefined;
  const isWhole = dtype !== "float32" && data.every((v) => Number.isInteger(v) && Math.abs(v) < 2 ** 31);
  return isWhole
    ? { dtype: "int32", data: Int32Array.from(data) }
    : { dtype: "float32", data: Float32Array.from(data) };
}

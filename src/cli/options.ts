import { InvalidArgumentError, Option } from "commander";
import { tiers } from "../runtime/tiers.ts";
import { frontends } from "./metadata.ts";

/** What `--data` may be. */
export const samplePlaces =
  "folders, .npy, .npz, .bin, .wav, .png and .jpg files, or a module that yields them (.mjs)";

export const jsonOption = () => new Option("--json", "print one JSON object and nothing else");
export const outputOption = () =>
  new Option("-o, --output <file>", "packed model to write").makeOptionMandatory();
export const labelsOption = () => new Option("--labels <file>", "class names, one per line");
export const roundingOption = () =>
  new Option("--rounding <mode>", "single: as LiteRT and ONNX; double: as TFLite Micro").choices([
    "single",
    "double",
  ]);
export const frontendOption = () =>
  new Option("--frontend <name>", "what WAV files become before they enter the model").choices(frontends);
export const tierOption = (extra: readonly string[] = []) =>
  new Option("--tier <tier>", "build of the engine; by default the fastest that runs here").choices([
    ...tiers,
    ...extra,
  ]);
export const inputShapeOption = () =>
  new Option(
    "--input-shape <name=shape>",
    "ONNX: whole shape of an input that the file leaves open, such as x=1x49x40",
  ).argParser(parseShape);

export const stateOption = () =>
  new Option(
    "--state <input=output>",
    "keep an output for the input of the next run, such as h=hn; may be repeated",
  ).argParser(parseState);

export const setOption = () =>
  new Option(
    "--set <name=value>",
    "ONNX: make an input a constant, such as sr=16000; may be repeated",
  ).argParser(parseValue);

export const signatureOption = () =>
  new Option("--signature <name>", "TFLite: the signature to take; its names are used");

/** Collects "name=16000" or "name=1,2,3" of every use. */
function parseValue(text: string, known: Record<string, number | number[]> = {}) {
  const [, name, list] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  const values = list?.split(",").map((item) => (item.trim() === "" ? Number.NaN : Number(item))) ?? [];
  if (!name || values.length === 0 || values.some(Number.isNaN))
    throw new InvalidArgumentError("Expected a name and one number or several, such as sr=16000.");
  return { ...known, [name]: values.length === 1 ? values[0] : values };
}

/** Collects "input=output" of every use. */
function parseState(text: string, known: Record<string, string> = {}): Record<string, string> {
  const [, input, output] = /^([^=]+)=([^=]+)$/.exec(text) ?? [];
  if (!input || !output)
    throw new InvalidArgumentError("Expected the names of an input and an output, such as h=hn.");
  return { ...known, [input]: output };
}

/** Collects "name=1x49x40" of every use. */
function parseShape(text: string, known: Record<string, number[]> = {}): Record<string, number[]> {
  const [, name, dims] = /^(.+)=(\d+(?:[x,]\d+)*)$/.exec(text) ?? [];
  const shape = dims?.split(/[x,]/).map(Number) ?? [];
  if (!name || shape.some((d) => d < 1))
    throw new InvalidArgumentError("Expected a name and a shape, such as x=1x49x40.");
  return { ...known, [name]: shape };
}

/** A parser of whole numbers from 1 up. */
export function positiveInteger(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number from 1 up.");
}

/** A parser of numbers in (low, high]. */
export const numberIn =
  (low: number, high: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && value > low && value <= high) return value;
    throw new InvalidArgumentError(`Expected a number above ${low}, up to ${high}.`);
  };

/** The examples at the end of a command's help. */
export const examples = (...lines: string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ nibblenet ${line}`).join("\n")}`;

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { TensorData } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import type { Model } from "../runtime/model.ts";
import type { TensorInfo } from "../runtime/tensor.ts";
import type { Tier } from "../runtime/tiers.ts";
import type { ImageOptions } from "../samples/image.ts";
import { writeNpy } from "../samples/npy.ts";
import { createReader, type ReadOptions } from "../samples/read.ts";
import { usageError } from "./errors.ts";
import { ioError, type Output, readLabels, writeFiles } from "./files.ts";
import { imageOption } from "./image.ts";
import type { Io } from "./io.ts";
import { type Frontend, fittingLabels, readMetadata } from "./metadata.ts";
import { inputSpecs, loadModel, readModel } from "./model.ts";
import {
  examples,
  frontendOption,
  inputShapeOption,
  jsonOption,
  labelsOption,
  tierOption,
} from "./options.ts";
import { fields, printResult, real, shapeText, table } from "./output.ts";

interface Options {
  input: string[];
  output?: string;
  format: "npy" | "bin";
  tier?: Tier;
  labels?: string;
  frontend?: Frontend;
  image?: ImageOptions;
  inputShape?: Record<string, number[]>;
  json?: boolean;
}

export function registerRun(program: Command, io: Io): void {
  program
    .command("run")
    .summary("run a model once")
    .description("Run a model once on the given inputs")
    .argument("<model>", "packed, TFLite or ONNX file")
    .requiredOption(
      "--input <[name=]file...>",
      "a .npy, .npz, .bin, .wav, .png or .jpg file per input; the name may be left out for one input",
    )
    .option("--output <folder>", "write each output into this folder")
    .addOption(
      new Option("--format <type>", "of the outputs; bin: raw, little-endian, in the tensor's own type")
        .choices(["npy", "bin"])
        .default("npy"),
    )
    .addOption(tierOption())
    .addOption(labelsOption())
    .addOption(frontendOption())
    .addOption(imageOption())
    .addOption(inputShapeOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "run keyword.nbl --input yes.wav",
        "run model.tflite --input image=cat.npy --output results --format bin",
      ),
    )
    .action((file: string, options: Options) => run(file, options, io));
}

function run(file: string, options: Options, io: Io): void {
  const model = loadModel(readModel(file, options.inputShape), options.tier);
  const stored = readMetadata(model.metadata, file);
  const frontend = options.frontend ?? stored.frontend;
  const reading = { ...(frontend && { audio: frontend }), image: { ...stored.image, ...options.image } };
  const labels =
    options.labels === undefined
      ? stored.labels
      : fittingLabels(readLabels(options.labels), options.labels, model.outputs[0]!);

  const results = model.run(readInputs(model, options.input, reading, file));
  const outputs = model.outputs.map((info) => ({ info, data: results[info.name]! }));
  const files = options.output === undefined ? [] : outputFiles(outputs, options.output, options.format);
  if (options.output !== undefined) makeFolder(options.output);
  writeFiles(files);

  const summaries = outputs.map(({ info, data }, i) => ({
    ...summarize(info, data, i === 0 ? labels : undefined),
    ...(files[i] && { file: files[i].path }),
  }));
  printResult(io, options.json ?? false, { file, tier: model.tier, outputs: summaries }, ({ bold }) =>
    summaries.map((summary) => summaryText(summary, bold)).join("\n\n"),
  );
}

/** Each input's values, in its own type or as floats that the model quantizes. */
function readInputs(
  model: Model,
  given: readonly string[],
  reading: ReadOptions,
  file: string,
): Record<string, TensorData> {
  const specs = inputSpecs(model.inputs);
  const values: Record<string, TensorData> = {};
  for (const text of given) {
    const at = text.indexOf("=");
    const named = at < 0 ? undefined : specs.find(({ name }) => name === text.slice(0, at));
    if (named) {
      if (Object.hasOwn(values, named.name)) throw usageError(`input "${named.name}" is given twice`);
      values[named.name] = createReader([named], reading)(text.slice(at + 1))[0]!;
    } else if (given.length === 1 && (at < 0 || specs.length === 1)) {
      // One .npz may hold all inputs; the reader refuses what it can't spread over them.
      createReader(
        specs,
        reading,
      )(text).forEach((data, i) => {
        values[specs[i]!.name] = data;
      });
    } else {
      throw new NibbleError(
        "bad-input",
        `${file}: expected --input name=file with a name among ${quoted(specs)}, found "${text}"`,
      );
    }
  }
  const missing = specs.filter(({ name }) => !Object.hasOwn(values, name));
  if (missing.length > 0)
    throw new NibbleError(
      "bad-input",
      `${file}: no values for ${quoted(missing)}; give --input name=file for each`,
    );
  return values;
}

const quoted = (tensors: readonly { name: string }[]): string =>
  tensors.map(({ name }) => `"${name}"`).join(", ");

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw ioError(path, "cannot be made a folder", cause);
  }
}

interface Result {
  info: TensorInfo;
  data: TensorData;
}

function outputFiles(outputs: readonly Result[], folder: string, format: "npy" | "bin"): Output[] {
  const taken = new Set<string>();
  return outputs.map(({ info, data }) => {
    const safe = info.name.replace(/[^\w.-]+/g, "_").replace(/^\.+/, "_") || "output";
    let name = safe;
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${safe}_${n}`;
    taken.add(name.toLowerCase());
    const bytes =
      format === "npy"
        ? writeNpy({ dtype: info.dtype, shape: [...info.shape], data })
        : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return { path: join(folder, `${name}.${format}`), bytes };
  });
}

const topCount = 5;

/** Figures in real units. */
function summarize(
  { name, dtype, shape, scale, zeroPoint }: TensorInfo,
  data: TensorData,
  labels?: readonly string[],
) {
  const values = Array.from(data as ArrayLike<number>, (q) =>
    scale ? scale * (Number(q) - zeroPoint) : Number(q),
  );
  let [min, max, sum] = [Infinity, -Infinity, 0];
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
  }
  const isVector = values.length > 1 && shape.filter((d) => d !== 1).length === 1;
  const order = isVector ? values.map((_, i) => i).sort((a, b) => values[b]! - values[a]! || a - b) : [];
  const top = order.slice(0, topCount).map((index) => ({
    index,
    ...(labels?.[index] !== undefined && { label: labels[index] }),
    value: values[index]!,
  }));
  return { name, dtype, shape, min, max, mean: sum / values.length, ...(isVector && { top }) };
}

function summaryText(
  summary: ReturnType<typeof summarize> & { file?: string },
  bold: (text: string) => string,
): string {
  const { name, dtype, shape, min, max, mean, top, file } = summary;
  const range = min === max ? real(min) : `${real(min)} … ${real(max)}, mean ${real(mean)}`;
  return [
    `${bold(name)}  ${dtype} ${shapeText(shape)}`,
    ...fields([["  values", range], file !== undefined && ["  written to", file]]),
    ...table((top ?? []).map(({ index, label, value }) => [`  ${label ?? `#${index}`}`, value.toFixed(4)])),
  ].join("\n");
}

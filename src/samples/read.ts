import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { createFeatures, type Features } from "../audio/features.ts";
import { type FrontEnd, frontEnds } from "../audio/front-end.ts";
import { elementCount, type TensorData } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { fromArray, fromBin, fromReal, type InputSpec } from "./convert.ts";
import { fromImage, type ImageOptions } from "./image.ts";
import { classOf, listSamples, sampleExtensions } from "./list.ts";
import { type NpyArray, readNpy } from "./npy.ts";
import { readNpz } from "./npz.ts";
import type { SampleSet } from "./sample.ts";
import { openStack } from "./stack.ts";
import { readWav } from "./wav.ts";

export interface ReadOptions {
  /**
   * What a WAV file becomes: its samples, 49×40 log-mel features, or those of a front end. By default log-mel
   * features where the input has 1960 elements, else samples.
   */
  audio?: "samples" | "log-mel" | FrontEnd;
  /** Hertz a WAV file must have; 16000 by default. */
  sampleRate?: number;
  /** Clips are zero-padded at the end or cut to what is needed; false refuses other lengths. */
  fit?: boolean;
  /** How PNG and JPEG files become values. */
  image?: ImageOptions;
}

/** Reads one file into the tensors of `inputs`. */
export type SampleReader = (file: string) => TensorData[];

/**
 * A reader of sample files for a graph with these `inputs`: .npy and .bin for graphs with one input, .npz
 * with one array per input name (or a single array), .wav through the audio options, .png and .jpg through those for images.
 *
 * @throws NibbleError "io" or "bad-input" (from the reader) naming the file, what was expected and found.
 */
export function createReader(inputs: readonly InputSpec[], options: ReadOptions = {}): SampleReader {
  const { audio, sampleRate = 16000, fit = true, image } = options;
  let computed: Features | undefined;

  function fromWav(bytes: Uint8Array, input: InputSpec, file: string): TensorData {
    const count = elementCount(input.shape);
    const isLogMel = audio === "log-mel" || (audio === undefined && count === 49 * 40);
    const frontEnd: ReadOptions["audio"] = isLogMel ? frontEnds["log-mel"] : audio;
    if (typeof frontEnd !== "object") {
      const { samples } = readWav(bytes, file, sampleRate);
      return fromSamples(fitted(samples, count, fit, file), input, file);
    }
    if (isLogMel && count !== 49 * 40) {
      throw new NibbleError(
        "bad-input",
        `${file}: log-mel features are 49×40 values, input "${input.name}" expects [${input.shape}]`,
      );
    }
    computed ??= createFeatures(frontEnd, input.shape);
    const { samples } = readWav(bytes, file, frontEnd.sampleRate);
    return fromReal(computed(fitted(samples, frontEnd.samples ?? samples.length, fit, file)), input, file);
  }

  function only(file: string): InputSpec {
    if (inputs.length === 1) return inputs[0];
    const names = inputs.map((input) => `"${input.name}"`).join(", ");
    throw new NibbleError(
      "bad-input",
      `${file}: holds one array, the model has ${inputs.length} inputs (${names}); put one array per input in a .npz`,
    );
  }

  return (file) => {
    const bytes = readBytes(file);
    switch (extname(file).toLowerCase()) {
      case ".npy":
        return [fromArray(readNpy(bytes, file), only(file), file)];
      case ".npz":
        return fromNpz(bytes, inputs, file);
      case ".bin":
        return [fromBin(bytes, only(file), file)];
      case ".wav":
        return [fromWav(bytes, only(file), file)];
      case ".png":
      case ".jpg":
      case ".jpeg":
        return [fromImage(bytes, only(file), file, image)];
      default:
        throw new NibbleError(
          "bad-input",
          `${file}: expected a file ending in ${sampleExtensions.join(", ")}`,
        );
    }
  };
}

/**
 * The samples of a file or folder (see `listSamples`), read one at a time and again on every walk.
 * `labels` turns label texts into class numbers. A single .npy or .npz may also hold many samples along a
 * dimension in front of the input's own, with class numbers in an array "labels".
 */
export function openSamples(
  path: string,
  inputs: readonly InputSpec[],
  options: ReadOptions & { labels?: readonly string[] } = {},
): SampleSet {
  const entries = listSamples(path);
  const isFile = entries[0].file === path;
  const stack = isFile && openStack(path, readArrays(path), inputs);
  if (stack) return stack;
  const files = entries.map((entry) => ({ file: entry.file, label: classOf(entry, options.labels) }));
  const read = createReader(inputs, options);
  return {
    length: files.length,
    *[Symbol.iterator]() {
      for (const { file, label } of files) {
        yield { name: file, inputs: read(file), ...(label !== undefined && { label }) };
      }
    },
  };
}

/** The named arrays of a .npy or .npz; none of other files. */
function readArrays(file: string): Map<string, NpyArray> {
  const extension = extname(file).toLowerCase();
  if (extension === ".npz") return readNpz(readBytes(file), file);
  return new Map(extension === ".npy" ? [["", readNpy(readBytes(file), file)]] : []);
}

function fromNpz(bytes: Uint8Array, inputs: readonly InputSpec[], file: string): TensorData[] {
  const arrays = readNpz(bytes, file);
  if (inputs.length === 1 && arrays.size === 1) {
    return [fromArray([...arrays.values()][0], inputs[0], file)];
  }
  return inputs.map((input) => {
    const found = arrays.get(input.name);
    if (found) return fromArray(found, input, file);
    const names = [...arrays.keys()].map((name) => `"${name}"`).join(", ");
    throw new NibbleError("bad-input", `${file}: no array for input "${input.name}"; found ${names}`);
  });
}

/** Samples from −1 to 1; int16 without a scale has them as they were recorded. */
function fromSamples(clip: Float32Array, input: InputSpec, file: string): TensorData {
  if (input.dtype !== "int16" || input.quantization) return fromReal(clip, input, file);
  return Int16Array.from(clip, (v) => Math.max(-32768, Math.min(32767, Math.round(v * 32768))));
}

function fitted(clip: Float32Array, count: number, fit: boolean, file: string): Float32Array {
  if (clip.length === count) return clip;
  if (!fit) throw new NibbleError("bad-input", `${file}: expected ${count} samples, found ${clip.length}`);
  const result = new Float32Array(count);
  result.set(clip.subarray(0, count));
  return result;
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new NibbleError("io", `${file}: cannot be read (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    });
  }
}

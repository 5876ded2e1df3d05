import type { Graph } from "../graph/graph.ts";
import { optimize } from "../graph/passes/index.ts";
import { type FileFormat, type ImportOptions, importModel, requireFormat } from "../import/index.ts";
import { type PackOptions, pack } from "../pack/pack.ts";
import { NibbleError } from "../runtime/errors.ts";
import { createModel, type InspectableModel } from "../runtime/model.ts";
import type { TensorInfo } from "../runtime/tensor.ts";
import type { Tier } from "../runtime/tiers.ts";
import type { InputSpec } from "../samples/convert.ts";
import { wasm } from "../wasm.ts";
import { readFile } from "./files.ts";

export interface Source {
  file: string;
  bytes: Uint8Array;
}

/** A graph ready to be quantized or packed. */
export function importSource(source: Source, options: Omit<ImportOptions, "file"> = {}): Graph {
  const graph = withHint(() => importModel(source.bytes, { file: source.file, ...options }));
  return naming(source.file, () => optimize(graph));
}

/** The importer's remedy for open shapes is its option; on the command line it has another name. */
function withHint<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof NibbleError) || !error.message.includes("inputShapes")) throw error;
    throw new NibbleError(error.code, `${error.message} (here: --input-shape name=1x49x40)`, {
      cause: error,
    });
  }
}

/** Packs, and has the engine verify the result: nothing is written that would not load. */
export function packSource(
  source: Source,
  graph: Graph,
  options: PackOptions = {},
): { bytes: Uint8Array; model: InspectableModel } {
  const { bytes } = naming(source.file, () => pack(graph, options));
  return { bytes, model: createModel(wasm, bytes, { name: source.file }) };
}

/** Errors about operators and tensors name the file too. */
export function naming<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof NibbleError) || error.message.startsWith(file)) throw error;
    throw new NibbleError(error.code, `${file}: ${error.message}`, { cause: error });
  }
}

/** A model of any format as a packed file. */
export interface PackedFile extends Source {
  format: FileFormat;
  packed: Uint8Array;
}

/** Reads a model; TFLite and ONNX are converted in memory. */
export function readModel(file: string, inputShapes?: Record<string, number[]>): PackedFile {
  const bytes = readFile(file);
  const format = requireFormat(bytes, file);
  if (format === "nbl") return { file, format, bytes, packed: bytes };
  const graph = importSource({ file, bytes }, inputShapes && { inputShapes });
  return { file, format, bytes, packed: naming(file, () => pack(graph)).bytes };
}

export const loadModel = ({ file, packed }: PackedFile, tier: Tier | "auto" = "auto"): InspectableModel =>
  createModel(wasm, packed, { name: file, tier });

/** What the sample readers have to know of a model's inputs. */
export const inputSpecs = (inputs: readonly TensorInfo[]): InputSpec[] =>
  inputs.map(({ name, dtype, shape, scale, zeroPoint }) => ({
    name,
    dtype,
    shape: [...shape],
    ...(scale !== 0 && {
      quantization: { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zeroPoint), axis: 0 },
    }),
  }));

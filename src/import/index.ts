import type { Graph, Rounding } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { bindStates } from "./bind-states.ts";
import { isCheckpoint } from "./llama2c/checkpoint.ts";
import { importLlama2c } from "./llama2c/index.ts";
import { importOnnx } from "./onnx/index.ts";
import { importTflite } from "./tflite/index.ts";

export type FileFormat = "nbl" | "tflite" | "onnx" | "llama2c";

/** What people call a model of each format. */
export const formatNames: Record<FileFormat, string> = {
  nbl: "packed",
  tflite: "TFLite",
  onnx: "ONNX",
  llama2c: "llama2.c",
};

export interface ImportOptions {
  /** What messages call the file; its extension decides where the content does not. */
  file: string;
  /** Overrides the rounding of the source's own runtime, which is "single" for both formats. */
  rounding?: Rounding;
  /** ONNX: whole shapes of inputs whose dimensions the file leaves open, by input name. */
  inputShapes?: Record<string, number[]>;
  /**
   * Inputs that are, at every inference, what an output was at the one before: the output's name by the input's.
   * Both become state, which the model keeps itself.
   */
  states?: Record<string, string>;
  /** ONNX: inputs that are to be constants, such as a sampling rate, by input name. */
  inputValues?: Record<string, number | number[]>;
  /** TFLite: the signature to import, whose names inputs and outputs then have. */
  signature?: string;
}

const startsWith = (bytes: Uint8Array, at: number, text: string): boolean =>
  bytes.length >= at + text.length && [...text].every((c, i) => bytes[at + i] === c.charCodeAt(0));

/** ONNX has no magic number; its files begin with the field ir_version, then one of the model's other fields. */
const looksLikeOnnx = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x08 &&
  bytes[1]! > 0 &&
  bytes[1]! < 0x40 &&
  [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].includes(bytes[2]!);

/** The format of a model by its content, then by the extension of `file`; undefined where neither tells. */
export function fileFormat(bytes: Uint8Array, file: string): FileFormat | undefined {
  if (startsWith(bytes, 0, "NBL")) return "nbl";
  if (startsWith(bytes, 4, "TFL3")) return "tflite";
  if (looksLikeOnnx(bytes)) return "onnx";
  if (isCheckpoint(bytes)) return "llama2c";
  const extension = /\.([^./\\]+)$/.exec(file)?.[1]?.toLowerCase();
  return extension === "nbl" || extension === "tflite" || extension === "onnx" ? extension : undefined;
}

/** @throws NibbleError "bad-file" where the file is none of ours, saying what was expected. */
export function requireFormat(bytes: Uint8Array, file: string): FileFormat {
  if (bytes.length === 0) throw new NibbleError("bad-file", `${file}: the file is empty`);
  const format = fileFormat(bytes, file);
  if (format) return format;
  const start = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  throw new NibbleError(
    "bad-file",
    `${file}: expected a TFLite, ONNX or packed model (.nbl), found a file that starts with ${start}; ` +
      "export the model to TFLite or ONNX",
  );
}

/**
 * The graph of a TFLite or ONNX model, told apart by content. Give it to `optimize` before anything else.
 *
 * @throws NibbleError "bad-file", "unsupported" or "bad-input", naming the file and the operator or tensor.
 * @example
 * const graph = optimize(importModel(readFileSync("model.tflite"), { file: "model.tflite" }));
 */
export function importModel(bytes: Uint8Array, options: ImportOptions): Graph {
  const graph = importFile(bytes, options);
  const { file, states } = options;
  if (!states) return graph;
  try {
    return bindStates(graph, states);
  } catch (error) {
    if (!(error instanceof NibbleError)) throw error;
    throw new NibbleError(error.code, `${file}: ${error.message}`, { cause: error });
  }
}

function importFile(bytes: Uint8Array, options: ImportOptions): Graph {
  const { file, rounding, inputShapes, inputValues, signature } = options;
  const format = requireFormat(bytes, file);
  if (format === "nbl")
    throw new NibbleError(
      "bad-input",
      `${file}: expected a TFLite or ONNX model, found one that is packed already`,
    );
  if (format === "llama2c") {
    const graph = importLlama2c(bytes, { file });
    return rounding ? { ...graph, rounding } : graph;
  }
  if (format === "onnx") {
    if (signature !== undefined)
      throw new NibbleError("bad-input", `${file}: a signature can only be chosen of TFLite files`);
    const graph = importOnnx(bytes, {
      file,
      ...(inputShapes && { inputShapes }),
      ...(inputValues && { inputValues }),
    });
    return rounding ? { ...graph, rounding } : graph;
  }
  if (inputShapes && Object.keys(inputShapes).length > 0)
    throw new NibbleError(
      "bad-input",
      `${file}: input shapes can only be given for ONNX; TFLite files fix theirs`,
    );
  if (inputValues && Object.keys(inputValues).length > 0)
    throw new NibbleError("bad-input", `${file}: input values can only be given for ONNX`);
  return importTflite(bytes, {
    file,
    ...(rounding && { rounding }),
    ...(signature !== undefined && { signature }),
  });
}

import { createHash } from "node:crypto";
import { basename } from "node:path";
import { elementCount, type Graph } from "../graph/graph.ts";
import type { ListeningHints } from "../listen/model.ts";
import { NibbleError } from "../runtime/errors.ts";
import type { TensorInfo } from "../runtime/tensor.ts";
import type { ImageOptions } from "../samples/image.ts";
import { readLabels } from "./files.ts";
import { checkedImage } from "./image.ts";
import { readListening } from "./listen.ts";

export const frontends = ["log-mel"] as const;
export type Frontend = (typeof frontends)[number];

/** What convert and quantize store in the file, and run and eval look for. */
export interface Metadata {
  frontend?: Frontend;
  /** How pictures become values. */
  image?: ImageOptions;
  labels?: string[];
  /** How to listen with it. */
  listen?: ListeningHints;
  /** Columns that a run takes and a window has, and runs after a reset that see less than a window. */
  stream?: { hop: number; window: number; warmUp: number };
  /** The file it was made from: its name without folders, and its digest. */
  source?: { file: string; sha256: string };
}

type Shaped = Pick<TensorInfo, "name" | "shape">;

/** @throws NibbleError "bad-input" where a label file does not fit the output, or the front end the input. */
export function makeMetadata(
  graph: Graph,
  source: { file: string; bytes: Uint8Array },
  options: { labels?: string; frontend?: Frontend; image?: ImageOptions; listen?: string },
): Metadata {
  const { labels: path, frontend, image } = options;
  if (frontend) checkFrontend(graph.inputs, source.file);
  const labels = path === undefined ? undefined : fittingLabels(readLabels(path), path, graph.outputs[0]!);
  return {
    ...(frontend && { frontend }),
    ...(image && { image }),
    ...(labels && { labels }),
    ...(options.listen !== undefined && { listen: readListening(options.listen) }),
    source: { file: basename(source.file), sha256: createHash("sha256").update(source.bytes).digest("hex") },
  };
}

/** @throws NibbleError "bad-input" unless there is one label per value of `output`. */
export function fittingLabels(labels: string[], path: string, { name, shape }: Shaped): string[] {
  const count = elementCount(shape);
  if (labels.length === count) return labels;
  throw new NibbleError(
    "bad-input",
    `${path}: expected ${count} labels, one per value of output "${name}", found ${labels.length}`,
  );
}

/** The front end makes 49×40 values for a single input. */
function checkFrontend(inputs: readonly Shaped[], file: string): void {
  const [input] = inputs;
  if (inputs.length === 1 && elementCount(input!.shape) === 49 * 40) return;
  const found = inputs.map(({ name, shape }) => `"${name}" [${shape.join(", ")}]`).join(", ");
  throw new NibbleError(
    "bad-input",
    `${file}: front end "log-mel" expected one input of 49×40 values, found ${found}; leave --frontend out`,
  );
}

/** What a file's metadata says that concerns us; the rest is left alone. */
export function readMetadata(stored: unknown, file: string): Metadata {
  if (typeof stored !== "object" || stored === null) return {};
  const { frontend, image, labels } = stored as Record<string, unknown>;
  if (frontend !== undefined && !frontends.includes(frontend as Frontend))
    throw new NibbleError(
      "unsupported",
      `${file}: its front end is ${JSON.stringify(frontend)}, expected ${frontends.map((name) => `"${name}"`).join(", ")}; use a newer nibblenet`,
    );
  const isLabels = Array.isArray(labels) && labels.every((label) => typeof label === "string");
  return {
    ...(frontend !== undefined && { frontend: frontend as Frontend }),
    ...(image !== undefined && { image: storedImage(image, file) }),
    ...(isLabels && { labels }),
  };
}

function storedImage(image: unknown, file: string): ImageOptions {
  try {
    return checkedImage(Object(image));
  } catch (cause) {
    throw new NibbleError(
      "unsupported",
      `${file}: how it takes pictures is not understood: ${(cause as Error).message}; use a newer nibblenet`,
      { cause },
    );
  }
}

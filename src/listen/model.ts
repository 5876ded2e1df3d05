import { elementCount } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import type { Model } from "../runtime/model.ts";

/** The part of a loaded model that a listener uses; `loadModel` gives it. */
export type ListeningModel = Pick<
  Model,
  "inputs" | "outputs" | "metadata" | "memory" | "input" | "output" | "invoke" | "reset"
>;

/** What a packed file says about listening with it, under `listen` in its metadata. Options go before it. */
export interface ListeningHints {
  /** How people call it. */
  title?: string;
  /** Hertz of the samples that the model takes; 16000 when absent. */
  sampleRate?: number;
  /** Samples from one inference to the next; as many as it takes when absent. */
  hop?: number;
  /** Inferences after a reset whose scores mean nothing yet. */
  warmUp?: number;
  /** Whether the outputs are probabilities already, or become such by softmax or the logistic function. */
  scores?: "probabilities" | "softmax" | "logistic";
  /** Score, 0…1, from which on a label counts as heard. */
  threshold?: number;
  /** Inferences whose scores are averaged. */
  smoothing?: number;
  /** Inferences in a row with one label the likeliest after which half of its threshold will do; never when absent. */
  steady?: number;
  /** Milliseconds after a detection without another. */
  cooldown?: number;
  /** Labels that are never reported. */
  ignore?: readonly string[];
}

interface Stored {
  labels?: readonly string[];
  listen?: ListeningHints;
  /** What the streaming transform left. */
  stream?: { warmUp: number };
}

/** @throws NibbleError "unsupported" where the model does not take samples. */
export function readHints(model: ListeningModel): Omit<Stored, "stream"> & { window: number } {
  const [input] = model.inputs;
  const window = elementCount(input.shape);
  if (model.inputs.length !== 1 || (input.dtype !== "float32" && input.dtype !== "int16")) {
    const found = model.inputs.map(({ name, dtype, shape }) => `"${name}" ${dtype}[${shape}]`).join(", ");
    throw new NibbleError(
      "unsupported",
      `listening: expected a model with one input of samples, float32 or int16, found ${found}; ` +
        "pack the model together with its audio front end",
    );
  }
  const stored = (model.metadata ?? {}) as Stored;
  const { labels, listen, stream } = stored;
  const hints = stream ? { warmUp: stream.warmUp, ...listen } : listen;
  return { window, ...(labels && { labels }), ...(hints && { listen: hints }) };
}

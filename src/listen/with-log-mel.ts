import { createLogMel, keywordLogMel } from "../audio/log-mel.ts";
import { elementCount } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import type { ListeningModel } from "./model.ts";

const { window, hop, melCount } = keywordLogMel;

/** A model whose file says that it takes log-mel features, as one of samples; others as they are. */
export function withFrontend(model: ListeningModel): ListeningModel {
  const isLogMel = (model.metadata as { frontend?: string } | undefined)?.frontend === "log-mel";
  return isLogMel ? withLogMel(model) : model;
}

function withLogMel(model: ListeningModel): ListeningModel {
  const [input] = model.inputs;
  const frames = elementCount(input.shape) / melCount;
  const features = model.input();
  if (!Number.isInteger(frames) || !(features instanceof Float32Array))
    throw new NibbleError(
      "unsupported",
      `listening: front end "log-mel" expected an input of float32 [frames, ${melCount}], found "${input.name}" ` +
        `${input.dtype}[${input.shape}]; pack the model with --io float32`,
    );
  const sampleCount = window + (frames - 1) * hop;
  const samples = new Float32Array(sampleCount);
  const compute = createLogMel({ sampleCount });
  return {
    ...model,
    inputs: [{ ...input, name: "samples", shape: [1, sampleCount] }],
    input: () => samples,
    invoke() {
      compute(samples, features);
      model.invoke();
    },
  };
}

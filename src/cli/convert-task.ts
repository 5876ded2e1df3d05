/** The part of `convert` that takes long for large models: from a source's bytes to those of a packed file. */

import type { FrontEnd } from "../audio/front-end.ts";
import { type Inspection, inspectModel } from "../inspect/inspect.ts";
import { packSource, type Source } from "./model.ts";
import { metadataOf, readSource, type SourceOptions, surrounded } from "./source.ts";

export interface ConvertTask {
  source: Source;
  frontEnd: FrontEnd | undefined;
  options: SourceOptions;
}

export function convertTask({ source, frontEnd, options }: ConvertTask): {
  bytes: Uint8Array;
  inspection: Inspection;
  /** What else to say of it. */
  lines: string[];
} {
  const graph = readSource(source, options);
  const made = surrounded(source, graph, metadataOf(source, graph, options), frontEnd, options);
  const { bytes, model } = packSource(source, made.graph, { metadata: made.metadata });
  return { bytes, inspection: inspectModel(model, bytes.length), lines: made.lines };
}

/** What `convert` and `quantize` have in common: how a source is read, and what is put around the model it becomes. */

import type { Command } from "commander";
import type { FrontEnd } from "../audio/front-end.ts";
import type { Graph, Rounding } from "../graph/graph.ts";
import type { ImageOptions } from "../samples/image.ts";
import { usageError } from "./errors.ts";
import { type PcmOptions, pcmOption, pcmTypeOption, readFrontEnd, takingSamples } from "./front-end.ts";
import { imageOption } from "./image.ts";
import { listenOption } from "./listen.ts";
import { type Frontend, type Metadata, makeMetadata } from "./metadata.ts";
import { importSource, type Source } from "./model.ts";
import {
  frontendOption,
  inputShapeOption,
  labelsOption,
  roundingOption,
  setOption,
  signatureOption,
  stateOption,
} from "./options.ts";
import { streamed, streamOption } from "./stream.ts";

export interface SourceOptions extends PcmOptions {
  rounding?: Rounding;
  inputShape?: Record<string, number[]>;
  state?: Record<string, string>;
  set?: Record<string, number | number[]>;
  signature?: string;
  labels?: string;
  frontend?: Frontend;
  image?: ImageOptions;
  stream?: number;
  listen?: string;
}

export const addSourceOptions = (command: Command): Command =>
  command
    .addOption(roundingOption())
    .addOption(inputShapeOption())
    .addOption(stateOption())
    .addOption(setOption())
    .addOption(signatureOption())
    .addOption(labelsOption())
    .addOption(frontendOption())
    .addOption(imageOption())
    .addOption(streamOption())
    .addOption(listenOption())
    .addOption(pcmOption())
    .addOption(pcmTypeOption());

/** @throws a usage error where there are two; NibbleError "bad-input" for a front end that is none. */
export function frontEndOf({ pcm, frontend }: SourceOptions): FrontEnd | undefined {
  const frontEnd = pcm === undefined ? undefined : readFrontEnd(pcm);
  if (frontEnd && frontend)
    throw usageError("option '--pcm' puts the front end into the model; leave '--frontend' out");
  return frontEnd;
}

export const readSource = (source: Source, options: SourceOptions): Graph =>
  importSource(source, {
    ...(options.rounding && { rounding: options.rounding }),
    ...(options.inputShape && { inputShapes: options.inputShape }),
    ...(options.state && { states: options.state }),
    ...(options.set && { inputValues: options.set }),
    ...(options.signature !== undefined && { signature: options.signature }),
  });

export const metadataOf = (source: Source, graph: Graph, options: SourceOptions): Metadata =>
  makeMetadata(graph, source, {
    ...(options.labels && { labels: options.labels }),
    ...(options.frontend && { frontend: options.frontend }),
    ...(options.image && { image: options.image }),
    ...(options.listen !== undefined && { listen: options.listen }),
  });

/** The graph as it goes along a stream and behind its front end, where that was asked for; and lines for people. */
export function surrounded(
  source: Source,
  graph: Graph,
  metadata: Metadata,
  frontEnd: FrontEnd | undefined,
  options: SourceOptions,
): { graph: Graph; metadata: Metadata; lines: string[] } {
  const made =
    options.stream === undefined
      ? { graph, metadata, lines: [] }
      : streamed(source, graph, metadata, options.stream);
  return frontEnd ? { ...made, graph: takingSamples(source, made.graph, frontEnd, options) } : made;
}

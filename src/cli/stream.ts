import { Option } from "commander";
import type { Graph } from "../graph/graph.ts";
import { inspectModel } from "../inspect/inspect.ts";
import { streamWindows } from "../stream/index.ts";
import type { Metadata } from "./metadata.ts";
import { naming, packSource, type Source } from "./model.ts";
import { positiveInteger } from "./options.ts";
import { fields, quantity } from "./output.ts";

export const streamOption = () =>
  new Option(
    "--stream <hop>",
    "go along a stream: every run takes so many new columns of dimension 1 and answers for the newest window",
  ).argParser(positiveInteger);

/** The graph of one step with what its file says of it, and lines for people. */
export function streamed(
  source: Source,
  graph: Graph,
  metadata: Metadata,
  hop: number,
): { graph: Graph; metadata: Metadata; lines: string[] } {
  const { graph: step, window, warmUp, whole } = naming(source.file, () => streamWindows(graph, { hop }));
  const macs = (of: Graph): number => inspectModel(packSource(source, of).model, 0).macs;
  const [before, after] = [macs(graph), macs(step)];
  const share = before > 0 ? ` (${((100 * after) / before).toFixed(1)} % of a whole window's)` : "";
  return {
    graph: step,
    metadata: { ...metadata, stream: { hop, window, warmUp } },
    lines: fields([
      ["  stream", `${hop} new columns of ${window} a run, the first ${warmUp} runs mean nothing yet`],
      ["  a run", `${quantity(after)} multiply-adds${share}`],
      ...whole.map(({ node, reason }) => ["  from here on", `whole windows: ${node}: ${reason}`] as const),
    ]),
  };
}

import { extname } from "node:path";
import type { FrontEnd } from "../audio/front-end.ts";
import { NibbleError } from "../runtime/errors.ts";
import type { InputSpec } from "../samples/convert.ts";
import { classOf, listSamples, type SampleFile } from "../samples/list.ts";
import { createReader, openSamples, type ReadOptions } from "../samples/read.ts";
import type { Sample, SampleSet } from "../samples/sample.ts";
import { isFolder } from "./files.ts";
import type { Frontend } from "./metadata.ts";

export interface DataOptions {
  labels?: readonly string[];
  frontend?: Frontend | FrontEnd;
  /** At most so many samples, spread evenly over all. */
  limit?: number;
  /** Samples of classes outside `labels` have no class, instead of being refused. */
  anyLabel?: boolean;
}

/** `labelled` of the samples have a class. */
export type LabelledSet = SampleSet & { readonly labelled: number };

/** The samples of several files and folders; files are read when their turn comes. */
export function openData(
  paths: readonly string[],
  inputs: readonly InputSpec[],
  options: DataOptions = {},
): LabelledSet {
  const { labels, frontend, limit = Infinity, anyLabel = false } = options;
  const reading: ReadOptions = frontend ? { audio: frontend } : {};
  const read = createReader(inputs, reading);
  const labelOf = (entry: SampleFile): number | undefined => {
    try {
      return classOf(entry, labels);
    } catch (error) {
      if (anyLabel && error instanceof NibbleError) return undefined;
      throw error;
    }
  };
  const all = paths.flatMap((path): Entry[] => {
    if (!isFolder(path) && /^\.np[yz]$/i.test(extname(path)))
      return [...openSamples(path, inputs, reading)].map((sample) => ({
        label: sample.label,
        read: () => sample,
      }));
    return listSamples(path).map((entry) => {
      const label = labelOf(entry);
      const { file } = entry;
      return {
        label,
        read: () => ({ name: file, inputs: read(file), ...(label !== undefined && { label }) }),
      };
    });
  });
  const count = Math.min(limit, all.length);
  const chosen = Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]!);
  return {
    length: count,
    labelled: chosen.filter(({ label }) => label !== undefined).length,
    *[Symbol.iterator]() {
      for (const entry of chosen) yield entry.read();
    },
  };
}

interface Entry {
  label: number | undefined;
  read(): Sample;
}

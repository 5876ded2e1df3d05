import { extname } from "node:path";
import { NibbleError } from "../runtime/errors.ts";
import type { InputSpec } from "../samples/convert.ts";
import { classOf, listSamples, type SampleFile } from "../samples/list.ts";
import { createReader, openSamples, type ReadOptions } from "../samples/read.ts";
import type { Sample, SampleSet } from "../samples/sample.ts";
import { isFolder } from "./files.ts";
import type { Frontend } from "./metadata.ts";

export interface DataOptions {
  labels?: readonly string[];
  frontend?: Frontend;
  /** At most so many samples, spread evenly over all. */
  limit?: number;
  /** Samples of classes outside `labels` have no class, instead of being refused. */
  anyLabel?: boolean;
}

/** The samples of several files and folders; files are read when their turn comes. */
export function openData(paths: readonly string[], inputs: readonly InputSpec[], options: DataOptions = {}): SampleSet {
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
  const all = paths.flatMap((path): (() => Sample)[] => {
    if (!isFolder(path) && /^\.np[yz]$/i.test(extname(path)))
      return [...openSamples(path, inputs, reading)].map((sample) => () => sample);
    return listSamples(path).map((entry) => {
      const label = labelOf(entry);
      return () => ({ name: entry.file, inputs: read(entry.file), ...(label !== undefined && { label }) });
    });
  });
  const count = Math.min(limit, all.length);
  return {
    length: count,
    *[Symbol.iterator]() {
      for (let i = 0; i < count; i++) yield all[Math.floor((i * all.length) / count)]!();
    },
  };
}

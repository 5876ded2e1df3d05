import { extname } from "node:path";
import type { FrontEnd } from "../audio/front-end.ts";
import { NibbleError } from "../runtime/errors.ts";
import type { InputSpec } from "../samples/convert.ts";
import type { ImageOptions } from "../samples/image.ts";
import { classOf, listSamples, type SampleFile } from "../samples/list.ts";
import { isModule, readModule } from "../samples/module.ts";
import { createReader, openSamples, type ReadOptions } from "../samples/read.ts";
import type { Sample, SampleSet } from "../samples/sample.ts";
import { isFolder } from "./files.ts";
import type { Frontend } from "./metadata.ts";

export interface DataOptions {
  labels?: readonly string[];
  frontend?: Frontend | FrontEnd;
  image?: ImageOptions;
  /** At most so many samples, spread evenly over all; the first ones of a module. */
  limit?: number;
  /** Samples of classes outside `labels` have no class, instead of being refused. */
  anyLabel?: boolean;
}

/** Decoded samples that are kept for the next walk over them: pictures and features take longer to make than to run. */
const memoryLimit = 256 * 2 ** 20;

const bytesOf = ({ inputs }: Sample): number => inputs.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** `labelled` of the samples have a class. */
export type LabelledSet = SampleSet & { readonly labelled: number };

/** The samples of several files, folders and modules; files are read when their turn first comes, modules at once. */
export async function openData(
  paths: readonly string[],
  inputs: readonly InputSpec[],
  options: DataOptions = {},
): Promise<LabelledSet> {
  const { labels, frontend, image, limit = Infinity, anyLabel = false } = options;
  const reading: ReadOptions = { ...(frontend && { audio: frontend }), ...(image && { image }) };
  const read = createReader(inputs, reading);
  const labelOf = (entry: SampleFile): number | undefined => {
    try {
      return classOf(entry, labels);
    } catch (error) {
      if (anyLabel && error instanceof NibbleError) return undefined;
      throw error;
    }
  };
  let room = memoryLimit;
  const all: Entry[] = [];
  for (const path of paths) all.push(...(await entriesOf(path)));

  async function entriesOf(path: string): Promise<Entry[]> {
    const isFile = !isFolder(path);
    if (isFile && isModule(path)) return known(await readModule(path, inputs, { labels, labelOf, limit }));
    if (isFile && /^\.np[yz]$/i.test(extname(path))) return known(openSamples(path, inputs, reading));
    return listSamples(path).map((entry) => {
      const label = labelOf(entry);
      const { file } = entry;
      let kept: Sample | undefined;
      return {
        label,
        read: () => {
          const sample = kept ?? { name: file, inputs: read(file), ...(label !== undefined && { label }) };
          if (!kept && bytesOf(sample) <= room) {
            room -= bytesOf(sample);
            kept = sample;
          }
          return sample;
        },
      };
    });
  }
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

const known = (samples: Iterable<Sample>): Entry[] =>
  Array.from(samples, (sample) => ({ label: sample.label, read: () => sample }));

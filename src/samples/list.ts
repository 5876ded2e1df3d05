import { readdirSync, statSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { NibbleError } from "../runtime/errors.ts";

export interface SampleFile {
  file: string;
  /** The class, where the file's place or name tells it. */
  label?: string;
}

export const sampleExtensions: readonly string[] = [".bin", ".jpeg", ".jpg", ".npy", ".npz", ".png", ".wav"];

/**
 * The sample files under `path`, sorted by path: `path` itself, or the files of a folder and of its
 * sub-folders. A sub-folder's name is its files' label; elsewhere a name such as `label_12.wav` gives it.
 *
 * @throws NibbleError "io" where `path` can't be read, "bad-input" where there are no samples.
 */
export function listSamples(path: string): SampleFile[] {
  if (!isFolder(path)) return [labelled(path)];
  const found: SampleFile[] = [];
  for (const entry of sortedNames(path)) {
    const inner = join(path, entry);
    if (isFolder(inner)) {
      for (const name of sortedNames(inner)) {
        const file = join(inner, name);
        if (isSample(file)) found.push({ file, label: entry });
      }
    } else if (isSample(inner)) {
      found.push(labelled(inner));
    }
  }
  if (found.length === 0) {
    throw new NibbleError(
      "bad-input",
      `${path}: no samples; expected files ending in ${sampleExtensions.join(", ")}`,
    );
  }
  return found;
}

/**
 * The class number of `label`: its place in `labels`, or the label itself where it is a number and there
 * is no list. A label written without the underscores around it is found too: "silence" for "_silence_".
 *
 * @throws NibbleError "bad-input" where `labels` does not hold it.
 */
export function classOf({ file, label }: SampleFile, labels?: readonly string[]): number | undefined {
  if (label === undefined) return undefined;
  if (!labels) return /^\d+$/.test(label) ? Number(label) : undefined;
  const exact = labels.indexOf(label);
  const index = exact >= 0 ? exact : labels.findIndex((known) => bare(known) === bare(label));
  if (index < 0) {
    throw new NibbleError(
      "bad-input",
      `${file}: label "${label}" is not among the labels ${labels.join(", ")}`,
    );
  }
  return index;
}

const bare = (label: string) => label.replace(/^_+|_+$/g, "");

function labelled(file: string): SampleFile {
  const label = /^(.+)_\d+$/.exec(basename(file, extname(file)))?.[1];
  return label === undefined ? { file } : { file, label };
}

const isSample = (file: string) => sampleExtensions.includes(extname(file).toLowerCase()) && !isFolder(file);

/** By code units, so the order is the same on every machine; hidden files are left out. */
const sortedNames = (folder: string) =>
  readdirSync(folder)
    .filter((name) => !name.startsWith("."))
    .sort();

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (cause) {
    throw new NibbleError("io", `${path}: cannot be read (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    });
  }
}

import { randomBytes } from "node:crypto";
import {
  accessSync,
  constants,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { NibbleError } from "../runtime/errors.ts";

const reasons: Record<string, string> = {
  ENOENT: "there is no such file or folder",
  ENOTDIR: "a part of its path is not a folder",
  EEXIST: "a file of this name is there",
  EISDIR: "expected a file, found a folder",
  EFBIG: "the file would be larger than is allowed here",
  EDQUOT: "the disk quota is used up",
  EIO: "the device failed",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left on the device",
  EMFILE: "too many open files",
};

export function ioError(path: string, what: string, cause: unknown): NibbleError {
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  const reason = reasons[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new NibbleError("io", `${path}: ${what}: ${reason}`, { cause });
}

/** @throws NibbleError "io" naming the file and why it can't be read. */
export function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw ioError(path, "cannot be read", cause);
  }
}

/** False for what can't be looked at too; reading or writing it says why. */
const isOfKind = (path: string, kind: (found: Stats) => boolean): boolean => {
  try {
    return kind(statSync(path));
  } catch {
    return false;
  }
};

export const isFolder = (path: string): boolean => isOfKind(path, (found) => found.isDirectory());
const isSpecial = (path: string): boolean => isOfKind(path, (found) => !found.isFile());

/**
 * Refuses an output that could not be written, before the work begins.
 *
 * @throws NibbleError "io" naming the path; also where it is one of `inputs`, which it would replace.
 */
export function checkOutput(path: string, inputs: readonly string[] = []): void {
  // A rename would put a file in the place of /dev/null.
  const found = isFolder(path) ? "a folder" : isSpecial(path) ? "a device or pipe" : undefined;
  if (found !== undefined)
    throw new NibbleError("io", `${path}: cannot be written: expected a file name, found ${found}`);
  const same = inputs.find((input) => resolve(input) === resolve(path));
  if (same !== undefined)
    throw new NibbleError(
      "io",
      `${path}: cannot be written: it is the input; choose another name for the output`,
    );
  const folder = dirname(path);
  if (!isFolder(folder))
    throw new NibbleError("io", `${path}: cannot be written: there is no folder ${folder}`);
  try {
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw ioError(path, "cannot be written", cause);
  }
}

export interface Output {
  path: string;
  bytes: Uint8Array;
}

/**
 * Writes every file under a temporary name in its folder, then renames them all: where one can't be written,
 * what was there before stays.
 */
export function writeFiles(outputs: readonly Output[]): void {
  const pending: { path: string; temporary: string }[] = [];
  let current = "";
  try {
    for (const { path, bytes } of outputs) {
      current = path;
      const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
      pending.push({ path, temporary });
      writeFileSync(temporary, bytes, { flag: "wx" });
    }
    for (const { path, temporary } of pending) {
      current = path;
      renameSync(temporary, path);
    }
  } catch (cause) {
    for (const { temporary } of pending) rmSync(temporary, { force: true });
    throw ioError(current, "cannot be written", cause);
  }
}

export const jsonBytes = (value: unknown): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);

/** The lines of a labels file, without empty ones at the end. */
export function readLabels(path: string): string[] {
  const lines = new TextDecoder()
    .decode(readFile(path))
    .split(/\r?\n/)
    .map((line) => line.trim());
  while (lines.at(-1) === "") lines.pop();
  if (lines.length === 0)
    throw new NibbleError("bad-input", `${path}: expected one label per line, found none`);
  const empty = lines.indexOf("");
  if (empty >= 0)
    throw new NibbleError("bad-input", `${path}: line ${empty + 1} is empty; expected one label per line`);
  return lines;
}

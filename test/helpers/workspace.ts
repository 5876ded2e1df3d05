import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";

/** A folder of its own for one test file, removed at its end. */
export function workspace() {
  const folder = mkdtempSync(join(tmpdir(), "nibblenet-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const path = (...names: string[]) => join(folder, ...names);
  return {
    path,
    write(name: string, bytes: Uint8Array | string): string {
      mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(path(name), bytes);
      return path(name);
    },
    /** Names in the folder; temporary files would show here. */
    names: (name = ".") => readdirSync(path(name)).sort(),
  };
}

import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
export const isBuilt = existsSync(join(root, "build/cli.js"));

/** An empty project with the packed package in it, as an installation leaves it. */
export interface Project {
  folder: string;
  /** What npm packed. */
  tarball: string;
  /** Paths in the tarball. */
  files: string[];
  /** Runs a module in Node and parses the JSON that it prints. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  run(source: string, ...flags: string[]): any;
  remove(): void;
}

/** Packs the package and unpacks it into a new project; its dependencies are links, so that no network is needed. */
export function installPacked(within = tmpdir()): Project {
  const folder = mkdtempSync(join(within, "nibblenet-project-"));
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "nibblenet"), { recursive: true });
  const flags = ["pack", "--json", "--ignore-scripts", "--offline", "--pack-destination", folder];
  const text = execFileSync("npm", flags, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ filename, files }] = JSON.parse(text) as { filename: string; files: { path: string }[] }[];
  const into = ["-C", join(modules, "nibblenet"), "--strip-components=1"];
  const tarball = join(folder, filename);
  execFileSync("tar", ["-xzf", tarball, ...into]);
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "project", type: "module" }));
  return {
    folder,
    tarball,
    files: files.map(({ path }) => path),
    run(source, ...nodeFlags) {
      writeFileSync(join(folder, "main.mjs"), source);
      const args = [...nodeFlags, "main.mjs"];
      return JSON.parse(execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" }));
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
